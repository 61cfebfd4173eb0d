"""Contrast: how alike a row is to a target set once what all rows of the pool share has been taken away.

A cosine to the nearest item is high for rows that are like everything, and for rows that share a word with one odd
item. From the mean of the pool, rows point in the direction in which they differ from the others, and so do the items:
what target and pool have in common no longer counts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.diversity import single_thread
from assets.methods.similarity.nearest import some_items

Vectors = npt.NDArray[np.float32]

_STRIP_ROWS = 8192
_NOTHING = 1e-6  # a shorter difference from the mean is rounding, and has no direction


def contrast(vectors: Vectors, targets: Vectors) -> npt.NDArray[np.float64]:
    """(n,) float64, the mean over the items of the cosine between row and item, both less the mean of the pool.

    `vectors`: (n, d) and `targets`: (m, d) float32. From -1 to 1, higher = more like the target than the pool is. A row
    or an item at the mean of the pool has no direction, and a cosine of 0.

    Raises `DataError` for no items and for dimensions that differ. Cost: O((n + m) d). Memory: a strip of 8,192 rows.
    """
    some_items(len(targets))
    if vectors.ndim != 2 or targets.ndim != 2 or vectors.shape[1] != targets.shape[1]:
        raise DataError(f"vectors {vectors.shape} and targets {targets.shape}: expected as many dimensions in both")
    scores = np.zeros(len(vectors))
    if not len(vectors):
        return scores
    mean = vectors.mean(axis=0, dtype=np.float64)
    # The mean of cosines is the product with the mean of the directions, which is the same number.
    direction = _directions(targets - mean).mean(axis=0)
    with single_thread():
        for start in range(0, len(vectors), _STRIP_ROWS):
            strip = slice(start, start + _STRIP_ROWS)
            scores[strip] = _directions(vectors[strip] - mean) @ direction
    return scores


def _directions(differences: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lengths = np.linalg.norm(differences, axis=1, keepdims=True)
    found: npt.NDArray[np.float64] = np.zeros_like(differences)
    np.divide(differences, lengths, out=found, where=lengths > _NOTHING)
    return found
