"""The step that masks or drops personal data."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import MinLen

from assets.methods.cleaning import personal
from assets.methods.cleaning.extras import entries
from assets.methods.cleaning.personal import Kind
from assets.methods.cleaning.steps import Columns, Faults, Measuring, Said, plural
from assets.methods.cleaning.transforms import Change, transform_texts
from assets.methods.cleaning.utf8 import Mask, each, edit, mask
from assets.methods.conversations import Conversations

KINDS: tuple[Kind, ...] = ("email", "phone", "ip", "card", "national_id")
MASKS = {"email": "[EMAIL]", "phone": "[PHONE]", "ip": "[IP]", "card": "[CARD]", "national_id": "[ID]"}
_WORDS = {
    "email": ("e-mail address", "e-mail addresses"),
    "phone": ("phone number", "phone numbers"),
    "ip": ("IP address", "IP addresses"),
    "card": ("payment card", "payment cards"),
    "national_id": ("national id", "national ids"),
}
# No personal data is without one of these: an e-mail's at sign, six digits with little between them, an IP address, or
# an Italian or Mexican code, whose digits stand between letters. A test holds the exact search against it.
_MAYBE = (
    r"[0-9](?:[ .\-/()]{0,2}[0-9]){5}|[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"
    r"|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:|::[0-9A-Fa-f]|[A-Za-z]{4,6}[0-9]{2}[A-Za-z0-9]|[A-Z]{5}[0-9]{4}[A-Z]"
)
_MAYBE_ONE = re.compile(f"@|{_MAYBE}")
# In JSON that is known to be sound: its texts, keys among them, and its numbers.
_LITERAL = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')
_BEFORE = 64  # characters before a text in JSON that may tell what it is, such as its key; more than any kind looks at


@dataclass(frozen=True)
class Pii(Measuring):
    """Masks personal data, or drops the records that hold some (`personal_data`), as `action` says.

    - `kinds`: `email`; `phone` (international, and the common national forms); `ip` (version 4 and 6, but for masks and
      the machine itself); `card` (payment cards: issuer, length and Luhn's check digit); `national_id` (by form and
      checksum, see national_ids.py).
    - `mask` writes [EMAIL], [PHONE], [IP], [CARD] or [ID] in their place, also in the extras that repeat the text.
      JSON stays JSON: a number becomes a text. Where each token has a tag, each token is masked on its own, and the
      tags are left alone.

    Statistics: `pii_…`, how many of each kind all turns hold, before masking; of a kind that is not asked for, too.
    Not in the default list. Names and street addresses are not found.
    """

    name: ClassVar[str] = "pii"
    kinds: Annotated[tuple[Kind, ...], MinLen(1)] = KINDS
    action: Literal["mask", "drop"] = "mask"

    @property
    def transform_key(self) -> str:
        return f"pii-2:{'+'.join(sorted(set(self.kinds)))}" if self.action == "mask" else ""

    def transform(self, batch: Conversations) -> Conversations:
        """Cost: one search for what may be personal, and a loop over the texts in which it is found."""
        if self.action != "mask":
            return batch
        clean = batch
        is_prose = batch.is_prose[batch.record_of]
        if is_prose.any():
            clean = transform_texts(clean, self._change(masked_with_lines), turns=None if is_prose.all() else is_prose)
        is_tokens = ~is_prose & ~batch.is_assistant
        if is_tokens.any():
            clean = transform_texts(clean, self._change(masked_by_token), turns=is_tokens)
        return dataclasses.replace(clean, extras=self._masked_extras(clean.extras))

    def statistics(self) -> dict[str, pa.DataType]:
        return {f"pii_{kind}": pa.int64() for kind in KINDS}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: as for `transform`."""
        counts = np.zeros((len(KINDS), len(batch.contents)), np.int64)
        turns = np.flatnonzero(maybe_personal(batch.contents))
        for turn, text in zip(turns.tolist(), batch.contents.take(pa.array(turns)).to_pylist(), strict=True):
            for _, _, kind in personal.find(text):
                counts[KINDS.index(kind), turn] += 1
        return {f"pii_{kind}": pa.array(batch.per_record(counts[i])) for i, kind in enumerate(KINDS)}

    def judge(self, columns: Columns) -> Faults:
        if self.action != "drop":
            return Faults.none()
        asked = [kind for kind in KINDS if kind in self.kinds]
        found = pc.make_struct(*(columns[f"pii_{kind}"] for kind in asked), field_names=asked)
        fault = np.any([mask(pc.greater(columns[f"pii_{kind}"], 0)) for kind in asked], axis=0)

        def say(row: dict[str, int]) -> Said:
            held = {kind: count for kind, count in row.items() if count}
            words = " and ".join(plural(count, *_WORDS[kind]) for kind, count in held.items())
            value = ", ".join(f"{kind} {count}" for kind, count in held.items())
            return "personal_data", f"the text holds {words}", value, "none"

        return Faults.where(fault, found, say)

    def _change(self, mask_one: Callable[[str, Sequence[Kind]], str]) -> Change:
        mask_each = each(lambda text: mask_one(text, self.kinds))
        return lambda texts: edit(texts, maybe_personal(texts), mask_each)

    def _masked_extras(self, extras: pa.MapArray) -> pa.MapArray:
        offsets, keys, values = entries(extras)
        # Ranges are no text, and a long row of them looks like a number.
        repeats_text = mask(pc.not_equal(keys, "fields"))
        chosen = repeats_text & maybe_personal(values)
        if not chosen.any():
            return extras
        new = edit(values, chosen, each(lambda value: masked_value(value, self.kinds)))
        return pa.MapArray.from_arrays(offsets.astype(np.int32), keys, new, type=extras.type)


def maybe_personal(texts: pa.StringArray) -> Mask:
    """(n,) whether a text has anything that the exact search could find. Cost: two passes over the bytes."""
    return mask(pc.match_substring(texts, "@")) | mask(pc.match_substring_regex(texts, _MAYBE))


def masked(text: str, kinds: Sequence[Kind]) -> str:
    """`text` with its personal data masked; what looks like a number behind a key of JSON becomes a string."""
    parts, last = [], 0
    for start, end, kind in personal.find(text):
        if kind in kinds:
            sign = MASKS[kind]
            before, behind = text[max(start - _BEFORE, 0) : start], text[end : end + _BEFORE]
            is_value = before.rstrip().endswith('":') and behind.lstrip()[:1] in (",", "}")
            parts += [text[last:start], json.dumps(sign) if is_value else sign]
            last = end
    return "".join([*parts, text[last:]])


def masked_by_token(text: str, kinds: Sequence[Kind]) -> str:
    """`text` with each token, or the piece of a token, that is personal data masked: there are as many as before."""
    parts, last = [], 0
    for start, end, kind in personal.find(text):
        if kind in kinds:
            parts += [text[last:start], re.sub(r"\S+", MASKS[kind], text[start:end])]
            last = end
    return "".join([*parts, text[last:]])


def masked_with_lines(text: str, kinds: Sequence[Kind]) -> str:
    """`text` masked as `masked` does it, but JSON as JSON where all of it or a line of it is an object or an array.

    Calls of tools are such lines. Cost: linear, and a parse of the lines that look like JSON and may hold a find.
    """
    if _is_json(text, "{["):
        return masked_json(text, kinds)
    done: list[str] = []
    prose: list[str] = []  # lines that are searched together, since what a number is may stand in the line before it
    for line in text.split("\n"):
        if _MAYBE_ONE.search(line) and _is_json(line, "{["):
            done += [masked("\n".join(prose), kinds)] if prose else []
            done.append(masked_json(line, kinds))
            prose = []
        else:
            prose.append(line)
    return "\n".join([*done, masked("\n".join(prose), kinds)] if prose else done)


def masked_value(value: str, kinds: Sequence[Kind]) -> str:
    """A value of the extras masked: JSON as JSON, but for a bare number, which is masked as any other text."""
    return masked_json(value, kinds) if _is_json(value, '{["') else masked(value, kinds)


def masked_json(text: str, kinds: Sequence[Kind]) -> str:
    """JSON with its texts and numbers masked, keys among them; all else of it stays as it is written.

    A number becomes a text, and a text that is JSON itself stays JSON. Two keys may become the same.
    Cost: linear, but a look at up to `_BEFORE` characters more for each text that may be personal.
    """

    def change(found: re.Match[str]) -> str:
        literal = found.group()
        is_text = literal.startswith('"')
        value = json.loads(literal) if is_text else literal
        if not _MAYBE_ONE.search(value):
            return literal
        start = found.start() + is_text
        new = _masked_leaf(value, text[max(start - _BEFORE, 0) : start], kinds)
        # Half a pair of surrogates can be written as an escape only.
        return literal if new == value else json.dumps(new, ensure_ascii=not _is_utf8(new))

    return _LITERAL.sub(change, text)


def _masked_leaf(value: str, before: str, kinds: Sequence[Kind]) -> str:
    if _is_json(value, "{["):
        return masked_json(value, kinds)
    parts, last = [], len(before)
    whole = before + value
    for start, end, kind in personal.find(whole):
        if kind in kinds and start >= last:
            parts += [whole[last:start], MASKS[kind]]
            last = end
    return "".join([*parts, whole[last:]])


def _is_json(text: str, opening: str) -> bool:
    """Whether `text` is JSON and begins with one of these characters."""
    if text.lstrip(" \t\r\n")[:1] not in tuple(opening):
        return False
    try:
        json.loads(text, parse_int=str, parse_float=str)  # numbers may be of any length
    except (ValueError, RecursionError):
        return False
    return True


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
