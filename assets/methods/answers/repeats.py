"""How many rows share an answer, its beginning or its end; equal means equal but for case and spaces."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.answers.statistics import Corpus, Rows, joined

Keys = npt.NDArray[np.uint64]

NAMES = ("shared_whole", "shared_beginning", "shared_end")
_PART = 6  # words of a beginning or an end


def keys(corpus: Corpus) -> Keys:
    """(texts, 3) what tells whole answers, their first six and their last six words apart. Cost: one pass."""
    found = np.empty((len(corpus.said_offsets) - 1, len(NAMES)), np.uint64)
    _fill(corpus.said, corpus.said_offsets, found)
    return found


def repeats(found: Keys, rows: Rows, known: Rows) -> npt.NDArray[np.float32]:
    """(m, 3) log(1 + how many of the rows `known` share it) of the answers `rows`, in the order of `NAMES`."""
    columns = []
    for column in range(found.shape[1]):
        values, counts = np.unique(found[known, column], return_counts=True)
        wanted = found[rows, column]
        places = np.minimum(np.searchsorted(values, wanted), max(0, len(values) - 1))
        columns.append(np.log1p(np.where(values[places] == wanted, counts[places], 0)))
    return np.stack(columns, axis=1).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _fill(ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], found: npt.NDArray[np.uint64]) -> None:
    for text in range(len(found)):
        begin, end = offsets[text], offsets[text + 1]
        state = np.uint64(11)
        for place in range(begin, end):
            state = joined(state, ids[place])
            if place - begin < _PART:
                found[text, 1] = state
        found[text, 0] = state
        if begin == end:
            found[text, 1] = state
        state = np.uint64(12)
        for place in range(max(begin, end - _PART), end):
            state = joined(state, ids[place])
        found[text, 2] = state
