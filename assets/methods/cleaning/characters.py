"""What kinds of characters a text is made of, counted in one pass over its bytes.

The tables are those of Python's own `unicodedata`: the general category, and the script that a letter's name begins
with, so no list of ranges needs care.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Literal, get_args

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.methods.cleaning.utf8 import views

Script = Literal[
    "Arabic", "Armenian", "Bengali", "Cyrillic", "Devanagari", "Ethiopic", "Georgian", "Greek", "Gujarati", "Gurmukhi",
    "Han", "Hangul", "Hebrew", "Hiragana", "Kannada", "Katakana", "Khmer", "Lao", "Latin", "Malayalam", "Mongolian",
    "Myanmar", "Oriya", "Sinhala", "Tamil", "Telugu", "Thai", "Tibetan",
]  # fmt: skip
SCRIPTS: tuple[str, ...] = get_args(Script)

# Classes of characters. Letters of a known script have its place in SCRIPTS added to SCRIPT.
SPACE, MARK, DIGIT, SYMBOL, OTHER, LETTER, SCRIPT = 0, 1, 2, 3, 4, 5, 6

_LAST = 0x323B0  # beyond it there are only tags and private characters, which count as OTHER
_WIDTHS = ("FULLWIDTH", "HALFWIDTH")


@cache
def classes() -> npt.NDArray[np.uint8]:
    """The class of every character below U+323B0. Cost: a fifth of a second, once."""
    table = np.full(_LAST, OTHER, np.uint8)
    places = {("CJK" if name == "Han" else name.upper()): SCRIPT + i for i, name in enumerate(SCRIPTS)}
    kinds = {"Z": SPACE, "M": MARK, "N": DIGIT, "P": SYMBOL, "S": SYMBOL, "L": LETTER}
    for code in range(_LAST):
        character = chr(code)
        kind = kinds.get(unicodedata.category(character)[0], OTHER)
        if character.isspace():
            kind = SPACE
        if kind == LETTER:
            words = unicodedata.name(character, "").split()
            first = next((word for word in words if word not in _WIDTHS), "")
            kind = places.get(first.split("-")[0], LETTER)
        table[code] = kind
    table.flags.writeable = False
    return table


def count(texts: pa.StringArray) -> npt.NDArray[np.int64]:
    """(n, 6 + len(SCRIPTS)) characters of each class in each text; a null has none. Cost: one pass over the bytes."""
    data, offsets = views(texts)
    return np.asarray(_count(data, offsets, classes(), SCRIPT + len(SCRIPTS), OTHER), dtype=np.int64)


@numba.njit(cache=True, nogil=True)
def _count(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32], table: npt.NDArray[np.uint8], kinds: int, other: int
) -> npt.NDArray[np.int64]:
    rows = len(offsets) - 1
    counts = np.zeros((rows, kinds), np.int64)
    for row in range(rows):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            lead = data[i]
            if lead < 0x80:
                code, size = np.int64(lead), 1
            elif lead < 0xE0:
                code, size = np.int64(lead & 0x1F) << 6 | (data[i + 1] & 0x3F), 2
            elif lead < 0xF0:
                code = np.int64(lead & 0x0F) << 12 | np.int64(data[i + 1] & 0x3F) << 6 | (data[i + 2] & 0x3F)
                size = 3
            else:
                code = np.int64(lead & 0x07) << 18 | np.int64(data[i + 1] & 0x3F) << 12
                code |= np.int64(data[i + 2] & 0x3F) << 6 | (data[i + 3] & 0x3F)
                size = 4
            counts[row, table[code] if code < len(table) else other] += 1
            i += size
    return counts
