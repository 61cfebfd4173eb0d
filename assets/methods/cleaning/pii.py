"""The step that masks or drops personal data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
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
from assets.methods.cleaning.transforms import transform_texts
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


@dataclass(frozen=True)
class Pii(Measuring):
    """Masks personal data, or drops the records that hold some (`personal_data`), as `action` says.

    - `kinds`: `email`; `phone` (international, and the common national forms); `ip` (version 4 and 6, but for masks and
      the machine itself); `card` (payment cards: issuer, length and Luhn's check digit); `national_id` (by form and
      checksum, see national_ids.py).
    - `mask` writes [EMAIL], [PHONE], [IP], [CARD] or [ID] in their place, also in the extras that repeat the text.

    Statistics: `pii_…`, how many of each kind all turns hold, before masking; of a kind that is not asked for, too.
    Not in the default list. Names and street addresses are not found.
    """

    name: ClassVar[str] = "pii"
    kinds: Annotated[tuple[Kind, ...], MinLen(1)] = KINDS
    action: Literal["mask", "drop"] = "mask"

    @property
    def transform_key(self) -> str:
        return f"pii-1:{'+'.join(sorted(set(self.kinds)))}" if self.action == "mask" else ""

    def transform(self, batch: Conversations) -> Conversations:
        """Cost: one search for what may be personal, and a loop over the texts in which it is found."""
        if self.action != "mask":
            return batch
        masked = transform_texts(batch, lambda texts: edit(texts, maybe_personal(texts), each(self._masked)))
        return dataclasses.replace(masked, extras=self._masked_extras(masked.extras))

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

    def _masked(self, text: str) -> str:
        return masked(text, self.kinds)

    def _masked_extras(self, extras: pa.MapArray) -> pa.MapArray:
        offsets, keys, values = entries(extras)
        # Ranges are no text, and a long row of them looks like a number.
        repeats_text = mask(pc.not_equal(keys, "fields"))
        chosen = repeats_text & maybe_personal(values)
        if not chosen.any():
            return extras
        new = edit(values, chosen, each(self._masked))
        return pa.MapArray.from_arrays(offsets.astype(np.int32), keys, new, type=extras.type)


def maybe_personal(texts: pa.StringArray) -> Mask:
    """(n,) whether a text has anything that the exact search could find. Cost: two passes over the bytes."""
    return mask(pc.match_substring(texts, "@")) | mask(pc.match_substring_regex(texts, _MAYBE))


def masked(text: str, kinds: Sequence[Kind]) -> str:
    """`text` with its personal data masked; a number that is a value in JSON becomes a string, and JSON stays JSON."""
    parts, last = [], 0
    for start, end, kind in personal.find(text):
        if kind in kinds:
            sign = MASKS[kind]
            is_value = text[:start].rstrip().endswith('":') and text[end:].lstrip()[:1] in (",", "}")
            parts += [text[last:start], json.dumps(sign) if is_value else sign]
            last = end
    return "".join([*parts, text[last:]])
