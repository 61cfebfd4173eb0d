"""Folds and resamples: which rows train the probe that scores a row, by class, seeded, whatever the order of the pool.

What belongs here: drawing rows. What is fitted on them belongs to `fitting` and `probe`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

UNLABELLED = -1
"""In place of a class: the row has no label. In place of a fold: no fold holds the row out."""


@dataclass(frozen=True)
class Folds:
    """`order`: (n,) the rows by class, shuffled within each; those without a label last. `fold`: (n,) the fold that
    holds each row out, -1 for rows without a label and for the only row of a class, which no fold can do without.
    `count`: folds. `sizes`: (C,) rows of each class.
    """

    order: Rows
    fold: Rows
    count: int
    sizes: Rows

    def held_out(self, number: int) -> Rows:
        """The rows of one fold, in `order`; of `count` itself those without a label."""
        if number == self.count:
            return self.order[int(self.sizes.sum()) :]
        rows: Rows = self.order[self.fold[self.order] == number]
        return rows

    def training(self, number: int) -> Rows:
        """The labelled rows that are not in one fold, in `order`; of `count` itself all labelled rows."""
        labelled = self.order[: int(self.sizes.sum())]
        rows: Rows = labelled[self.fold[labelled] != number]
        return rows


def deal(vectors: Vectors, classes: Rows, folds: int, seed: int) -> Folds:
    """Stratified folds: the rows of each class, shuffled by a seed, are dealt to the folds in turn.

    Dealing goes on from class to class, which keeps the folds equally large; a class with fewer rows than folds reaches
    as many folds as it has rows, so that all but an only row are known to the probe that scores them. The shuffle is by
    a keyed hash of the vectors: the same rows in another order are dealt alike, and only rows that are identical can
    change places. `classes`: (n,) from 0 to C - 1 without gaps, -1 for no label. Raises `DataError` for fewer than
    two folds. Cost: O(n d) for the hashes, about 2 seconds for 1e6 rows of 384 dimensions.
    """
    if folds < 2:
        raise DataError(f"folds: expected at least 2, not {folds}")
    labelled = classes != UNLABELLED
    sizes = np.bincount(classes[labelled]).astype(np.int64)
    place = np.where(labelled, classes, len(sizes))
    order = np.lexsort((_hashes(vectors, seed), place)).astype(np.int64)
    fold = np.full(len(classes), UNLABELLED, dtype=np.int64)
    listed = order[: int(sizes.sum())]
    dealt = listed[sizes[classes[listed]] > 1]
    fold[dealt] = np.arange(len(dealt)) % folds
    return Folds(order, fold, folds, sizes)


def resample(classes: Rows, seed: list[int]) -> Rows:
    """A stratified bootstrap: how often each row is drawn, when every class is drawn from as often as it has rows.

    So no class is ever lost, unlike in a plain bootstrap, which leaves out the only row of a class more than one time
    in three. `classes`: (m,) rising. (m,) counts that sum to m. Cost: O(m).
    """
    random = np.random.default_rng(seed)
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    sizes = np.diff(starts, append=len(classes))
    drawn = np.repeat(starts, sizes) + np.floor(random.random(len(classes)) * np.repeat(sizes, sizes)).astype(np.int64)
    return np.bincount(drawn, minlength=len(classes)).astype(np.int64)


def check(vectors: Vectors, regularization: float) -> None:
    """Raise `DataError` unless all vectors are finite and the strength of the regularization is a number above 0."""
    if not (regularization > 0 and math.isfinite(regularization)):
        raise DataError(f"regularization: expected a number above 0, not {regularization}")
    for start in range(0, len(vectors), 65_536):
        finite = np.isfinite(vectors[start : start + 65_536]).all(axis=1)
        if not finite.all():
            row = start + int(np.flatnonzero(~finite)[0])
            raise DataError(f"vectors: row {row} holds something that is not a finite number")


def _hashes(vectors: Vectors, seed: int) -> npt.NDArray[np.uint64]:
    key = hashlib.blake2b(f"{seed}\0folds".encode(), digest_size=32).digest()
    start = hashlib.blake2b(digest_size=8, key=key)
    digests = bytearray()
    for row in np.ascontiguousarray(vectors):
        hashed = start.copy()
        hashed.update((row + np.float32(0)).data)  # + 0: -0.0 is the same number as 0.0
        digests += hashed.digest()
    return np.frombuffer(bytes(digests), dtype="<u8").astype(np.uint64)
