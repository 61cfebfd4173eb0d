"""MinHash: short signatures of sets, cut into bands, so that sets that are alike nearly always agree in some band.

Broder 1997 for the signatures; the banding is that of Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.dedup.shingles import Shingles
from assets.methods.tokens import mix

Bands = npt.NDArray[np.uint32]

RECALL = 0.99


@dataclass(frozen=True)
class Banding:
    """How signatures are cut into `bands` of `rows` values: sets that agree in a whole band are candidates."""

    bands: int
    rows: int

    @classmethod
    def for_threshold(cls, threshold: float, permutations: int = 128, recall: float = RECALL) -> Banding:
        """The longest bands, which make the fewest false candidates, that find a pair at `threshold` with `recall`.

        Candidates are verified, so the choice is for recall. `permutations` bounds bands x rows. Where even bands of
        one row find too few, it is those. Raises `DataError` for a threshold outside 0 to 1 and for no permutations.
        """
        if not 0 < threshold <= 1:
            raise DataError(f"threshold: expected a similarity above 0, at most 1, not {threshold}")
        if permutations < 1:
            raise DataError(f"permutations: expected at least 1, not {permutations}")
        choices = [cls(permutations // rows, rows) for rows in range(permutations, 0, -1)]
        return next((choice for choice in choices if choice.recall(threshold) >= recall), choices[-1])

    def recall(self, similarity: float) -> float:
        """The share of pairs of this Jaccard similarity that become candidates: 1 - (1 - similarity^rows)^bands."""
        return float(1 - (1 - similarity**self.rows) ** self.bands)


def minhash(shingles: Shingles, bands: int, rows: int, seed: int = 0) -> Bands:
    """(n, bands) for each set a number for each band of `rows` values: equal where they agree, else all but never.

    All sets without shingles agree. Cost: O(shingles x bands x rows) 32-bit operations, without the GIL.
    """
    draws = np.random.default_rng(seed).integers(0, 2**32, (2, bands * rows), dtype=np.uint32)
    factors, summands = draws[0] | np.uint32(1), draws[1]
    return np.asarray(_minhash(shingles.values, shingles.offsets, factors, summands, bands, rows), dtype=np.uint32)


@numba.njit(cache=True, nogil=True)
def _minhash(
    values: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int64],
    factors: npt.NDArray[np.uint32],
    summands: npt.NDArray[np.uint32],
    bands: int,
    rows: int,
) -> npt.NDArray[np.uint32]:
    found = np.empty((len(offsets) - 1, bands), np.uint32)
    signature = np.empty(len(factors), np.uint32)
    for text in range(len(offsets) - 1):
        signature[:] = np.uint32(0xFFFFFFFF)
        for place in range(offsets[text], offsets[text + 1]):
            value = np.uint32(values[place] >> np.uint64(32))
            # All of it in 32 bits, which the compiler does for eight or sixteen permutations at once.
            for i in range(len(factors)):
                hashed = np.uint32(value * factors[i] + summands[i])
                hashed = np.uint32((hashed ^ (hashed >> np.uint32(15))) * np.uint32(0x2C1B3C6D))
                hashed = np.uint32(hashed ^ (hashed >> np.uint32(16)))
                signature[i] = min(signature[i], hashed)
        for band in range(bands):
            state = np.uint64(band)
            for i in range(band * rows, band * rows + rows):
                state = (state ^ np.uint64(signature[i])) * np.uint64(0x9FB21C651E98DF25)
            found[text, band] = np.uint32(mix(state) >> np.uint64(32))
    return found
