"""Small edits of texts, such as people make unintentionally, and how often they flip an answer.

What belongs here: the edits, each a pure function of text, seed and number, and the share that flips. Who answers, and
the vectors of edited texts, are not known here.

An edit changes at most two characters beside each other, the case of one word, or drops one word; a text is left at
least as long as half of itself, and never empty. Chinese and the like, written without spaces, lose single characters
instead of words. What is edited must be a letter or a digit, so that no edit is of white space alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assets.errors import DataError

NO_EDIT = "too short to edit: fewer than two letters or digits"

Classes = npt.NDArray[np.int64]

_WORD = re.compile(r"[^\W_]+")
# Scripts written without spaces: a run of their characters is no word.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_TRIES = 8


def edit(text: str, seed: int, number: int) -> str | None:
    """Edit `number` (from 0) of a text; None if it is too short to edit, for the reason `NO_EDIT`.

    The kinds of edit take turns: two neighbouring letters swapped, a letter left out, a letter doubled, a word in the
    other case, a word dropped. Where a kind is not possible (no upper case in Chinese, a single word), the next one
    that is takes its turn. The result differs from the text. The same text, seed and number give the same edit
    everywhere, whatever other texts there are. Cost: O(length).
    """
    words = _WORD.findall(text)
    if sum(map(len, words)) < 2:
        return None
    draw = _Draw(text, seed, number)
    for turn in range(len(_KINDS)):
        kind = _KINDS[(number + turn) % len(_KINDS)]
        for _ in range(_TRIES):
            found = kind(text, draw)
            if found is not None and found != text:
                return found
    return None


def edits(text: str, seed: int, count: int) -> list[str]:
    """The first `count` edits of a text, none if it is too short (`NO_EDIT`). Those of short texts may be alike."""
    found = [edit(text, seed, number) for number in range(count)]
    return [one for one in found if one is not None]


def flip_rate(answers: Classes, edited_answers: Classes) -> npt.NDArray[np.float64]:
    """(n,) the share of each row's edits for which the answer is another; 0 to 1, higher = easier to flip.

    `answers`: (n,) the class of each text as it is. `edited_answers`: (n, E) of its edits, -1 where there is none,
    which does not count; NaN for a row without any, or without an answer of its own (-1).
    """
    if edited_answers.ndim != 2 or answers.shape != edited_answers.shape[:1]:
        raise DataError(f"answers of shape {answers.shape} and {edited_answers.shape}: expected (n,) and (n, edits)")
    there = (edited_answers >= 0) & (answers >= 0)[:, None]
    flipped = (there & (edited_answers != answers[:, None])).sum(axis=1)
    counts = there.sum(axis=1)
    return np.where(counts > 0, flipped / np.maximum(counts, 1), np.nan)


class _Draw:
    """Numbers that follow from a text, a seed and the number of an edit."""

    def __init__(self, text: str, seed: int, number: int) -> None:
        self._hash = hashlib.blake2b(f"{seed}\0{number}\0".encode(), digest_size=8)
        self._hash.update(text.encode("utf-8", "surrogatepass"))

    def below(self, limit: int) -> int:
        """The next number, from 0 to `limit` - 1."""
        self._hash.update(b".")
        return int.from_bytes(self._hash.digest(), "little") % limit


def _letter(text: str, draw: _Draw) -> int | None:
    """The place of some letter or digit."""
    places = [place for match in _WORD.finditer(text) for place in range(*match.span())]
    return places[draw.below(len(places))] if places else None


def _swap(text: str, draw: _Draw) -> str | None:
    at = _letter(text, draw)
    if at is None or at + 1 >= len(text) or not _WORD.fullmatch(text[at + 1]):
        return None
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _leave_out(text: str, draw: _Draw) -> str | None:
    at = _letter(text, draw)
    return None if at is None or len(text) < 2 else text[:at] + text[at + 1 :]


def _double(text: str, draw: _Draw) -> str | None:
    at = _letter(text, draw)
    return None if at is None else text[: at + 1] + text[at:]


def _other_case(text: str, draw: _Draw) -> str | None:
    words = list(_WORD.finditer(text))
    start, end = words[draw.below(len(words))].span()
    word = text[start:end]
    return text[:start] + (word.upper() if word.islower() else word.lower()) + text[end:]


def _drop_word(text: str, draw: _Draw) -> str | None:
    spans = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        spans += [(at, at + 1) for at in range(start, end)] if _UNSPACED.search(match.group()) else [(start, end)]
    start, end = spans[draw.below(len(spans))]
    if len(spans) < 2 or 2 * (end - start) > len(text):
        return None
    # A space goes with its word.
    if text[end : end + 1] == " ":
        end += 1
    elif text[start - 1 : start] == " ":
        start -= 1
    left = text[:start] + text[end:]
    return left if 2 * len(left) >= len(text) and left.strip() else None


_KINDS: tuple[Callable[[str, _Draw], str | None], ...] = (_swap, _leave_out, _double, _other_case, _drop_word)
