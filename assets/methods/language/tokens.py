"""Texts as tokens: which of them lie inside a response, and what is left when a context ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tokens:
    """A text's (n,) tokens: their ids, the characters each stands for, and which the tokenizer put around the text."""

    ids: Ids
    starts: Ids
    ends: Ids
    special: Mask

    def cut(self, limit: int) -> Tokens:
        """The first `limit` tokens at most; what the tokenizer puts at the end of a text stays at its end."""
        if len(self.ids) <= limit:
            return self
        tail = len(self.special) - 1 - int(np.flatnonzero(~self.special)[-1]) if not self.special.all() else 0
        tail = min(tail, limit)
        kept = np.r_[: limit - tail, len(self.ids) - tail : len(self.ids)]
        return Tokens(self.ids[kept], self.starts[kept], self.ends[kept], self.special[kept])


def tokenize(tokenizer: Any, texts: Sequence[str], special: bool, target: bool = False) -> list[Tokens]:
    """The tokens of each text, uncut; with the tokenizer's `special` tokens around it, or without any.

    `target`: as what a sequence-to-sequence model is to say, where its tokenizer makes a difference.
    """
    if not texts:
        return []
    found = tokenizer(
        **{"text_target" if target else "text": list(texts)},
        add_special_tokens=special,
        padding=False,
        truncation=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        verbose=False,
    )
    rows = []
    for ids, offsets, mask in zip(
        found["input_ids"], found["offset_mapping"], found["special_tokens_mask"], strict=True
    ):
        places = np.array(offsets, np.int32).reshape(-1, 2)
        rows.append(Tokens(np.array(ids, np.int32), places[:, 0], places[:, 1], np.array(mask, bool)))
    return rows


def inside(tokens: Tokens, text: str, start: int, end: int) -> Mask:
    """Which tokens stand for characters start … end of the text, white space around a token's own aside.

    A token that begins with the space before a response is the response's first word; one that holds a letter of
    anything else is not.
    """
    starts, ends = tokens.starts, tokens.ends
    found = (starts >= start) & (ends <= end) & (starts < ends)
    # Some tokenizers trim the white space of a token off its place, so that a run of spaces has a place of no width
    # at its end.
    found |= (starts == ends) & (starts > start) & (starts <= end)
    across = (starts < ends) & (((starts < start) & (ends > start)) | ((starts < end) & (ends > end)))
    for at in np.flatnonzero(across).tolist():
        first, last = int(starts[at]), int(ends[at])
        outer = text[first : max(first, start)] + text[min(last, end) : last]
        found[at] = outer.isspace() and bool(text[max(first, start) : min(last, end)].strip())
    return found & ~tokens.special
