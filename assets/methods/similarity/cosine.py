"""Cosine similarity to a target set: which item's vector points most nearly the same way.

The similarity of pooled embeddings to the target, of which RDS+ takes the highest (arXiv 2503.01807).
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.dots import dot
from assets.methods.similarity.nearest import Nearest, some_items, strips
from assets.methods.threads import Threads
from assets.progress import Advance

Vectors = npt.NDArray[np.float32]

_ITEMS_AT_ONCE = 2048  # with a strip of 2,048 rows: 16 MiB of products for each thread
_LENGTH_TOLERANCE = 1e-3


def cosine(
    vectors: Vectors, targets: Vectors, threads: int | None = None, advance: Advance = lambda rows: None
) -> Nearest:
    """The cosine of each row to the target items: -1 to 1, higher = more alike.

    `vectors`: (n, d) and `targets`: (m, d) float32, each of unit length, or zero: a vector of zeros points nowhere and
    has similarity 0 to everything. Products in float32 rule most items out, and the cosine decides about the rest, from
    the float32 numbers, summed in float64 in a fixed order. So the item and the digits depend neither on the number of
    threads nor on the linear algebra library, and items that are equal are equally alike. The mean is the product with
    the mean of the items, which is the same number. `advance` is told the rows of each finished strip.

    Raises `DataError` for no items, for vectors that are neither of unit length nor zero (or not finite), which it
    names, and where the dimensions differ.
    Cost: O(n m d) as a matrix product. Memory: at most 16 MiB for each thread, beside the vectors, which are only read
    and may be a memory map.
    """
    some_items(len(targets))
    if vectors.ndim != 2 or targets.ndim != 2 or vectors.shape[1] != targets.shape[1]:
        raise DataError(f"vectors {vectors.shape} and targets {targets.shape}: expected as many dimensions in both")
    items = np.ascontiguousarray(targets, dtype=np.float32)
    item_scales = _scales(items, 0, "target")
    directions = (items * item_scales[:, None]).astype(np.float32)
    middle = (items * item_scales[:, None]).mean(axis=0)
    # What rounding can do to a product of two unit vectors in float32, in any order of summation.
    error = np.float32((items.shape[1] + 8) * 2.0**-24)

    def compare(rows: slice) -> Nearest:
        part = np.ascontiguousarray(vectors[rows], dtype=np.float32)
        scales = _scales(part, rows.start, "row")
        found = Nearest(np.full(len(part), -np.inf), np.empty(len(part)), np.zeros(len(part), np.int64))
        for first in range(0, len(items), _ITEMS_AT_ONCE):
            bounds = part @ directions[first : first + _ITEMS_AT_ONCE].T
            _most_similar(bounds, first, error, part, scales, items, item_scales, found.best, found.item)
        _means(part, scales, middle, found.mean)
        advance(len(part))
        return found

    return Nearest.joined(Threads(threads).map(compare, strips(len(vectors))))


def _scales(vectors: Vectors, first: int, kind: str) -> npt.NDArray[np.float64]:
    """(n,) one over the length of each vector, 0 for zeros."""
    lengths = np.sqrt(_squares(vectors))
    bad = np.flatnonzero(~((lengths == 0) | (np.abs(lengths - 1) <= _LENGTH_TOLERANCE)))
    if len(bad):
        raise DataError(f"the vector of {kind} {first + bad[0]} has length {lengths[bad[0]]:g}: expected 1 (or 0)")
    return np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > 0)


@numba.njit(cache=True, nogil=True)
def _squares(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    found = np.empty(len(vectors))
    for row in range(len(vectors)):
        found[row] = dot(vectors[row], vectors[row])
    return found


@numba.njit(cache=True, nogil=True)
def _most_similar(
    bounds: npt.NDArray[np.float32],
    first: int,
    error: np.float32,
    vectors: npt.NDArray[np.float32],
    scales: npt.NDArray[np.float64],
    items: npt.NDArray[np.float32],
    item_scales: npt.NDArray[np.float64],
    best: npt.NDArray[np.float64],
    nearest: npt.NDArray[np.int64],
) -> None:
    for row in range(len(bounds)):
        line = bounds[row]
        if scales[row] == 0.0:
            best[row] = 0.0
            continue
        highest = line[0]
        for place in range(1, len(line)):
            highest = max(highest, line[place])
        floor = highest - np.float32(2.5) * error  # twice the error, and what this subtraction rounds
        for place in range(len(line)):
            if line[place] >= floor:
                similarity = dot(vectors[row], items[first + place]) * (scales[row] * item_scales[first + place])
                similarity = min(1.0, max(-1.0, similarity))
                if similarity > best[row]:  # strictly: the lower item wins a tie
                    best[row], nearest[row] = similarity, first + place


@numba.njit(cache=True, nogil=True)
def _means(
    vectors: npt.NDArray[np.float32],
    scales: npt.NDArray[np.float64],
    middle: npt.NDArray[np.float64],
    mean: npt.NDArray[np.float64],
) -> None:
    for row in range(len(vectors)):
        mean[row] = dot(vectors[row], middle) * scales[row]
