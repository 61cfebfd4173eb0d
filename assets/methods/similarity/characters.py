"""Character shingles: a text as the set of its short runs of characters, whatever its case and its white space."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.errors import DataError
from assets.methods.cleaning.utf8 import views
from assets.methods.dedup.shingles import Shingles
from assets.methods.tokens import decode, mix


def character_shingles(texts: pa.StringArray, characters: int) -> Shingles:
    """The runs of `characters` characters of each text, case-folded, every run of white space as one space.

    A text that is shorter than a run has one shingle, the whole of it; a null, or a text of white space, has none.
    Cost: O(characters of the texts x run) and sorting the shingles of each text. Memory: 8 bytes a character.
    """
    if characters < 1:
        raise DataError(f"shingles: expected at least 1 character, not {characters}")
    folded = [" ".join(text.casefold().split()) if text else "" for text in texts.to_pylist()]
    return Shingles(*_runs(*views(pa.array(folded, pa.string())), characters))


@numba.njit(cache=True, nogil=True)
def _runs(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32], size: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    texts = len(offsets) - 1
    values = np.empty(np.int64(offsets[texts]) - offsets[0], np.uint64)
    ends = np.zeros(texts + 1, np.int64)
    points = np.empty(np.int64(np.diff(offsets).max()) if texts else 0, np.uint64)
    count = 0
    for text in range(texts):
        place, length = np.int64(offsets[text]), 0
        while place < offsets[text + 1]:
            point, width = decode(data, place)
            points[length] = np.uint64(point)
            place += width
            length += 1
        begin = count
        for start in range(0 if length == 0 else max(1, length - size + 1)):
            end = min(start + size, length)
            value = np.uint64(end - start)
            for i in range(start, end):
                value = (value ^ points[i]) * np.uint64(0x9FB21C651E98DF25)
            values[count] = mix(value)
            count += 1
        found = values[begin:count]
        found.sort()
        count = begin
        for i in range(len(found)):
            if i == 0 or found[i] != values[count - 1]:
                values[count] = found[i]
                count += 1
        ends[text + 1] = count
    return values[:count].copy(), ends
