"""Blocks: a pool of vectors cut into parts of similar rows, for methods whose cost grows with the square of a part.

What belongs here: the cutting alone. What is done inside a block belongs to the methods that ask for blocks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.diversity import single_thread
from assets.methods.threads import Threads

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_STRIP_ROWS = 512
_LONG_STRIP_ROWS = 8192
_BLOCKS_AT_ONCE = 24
_PARTS_PER_BLOCK = 16
_PART_ROUNDS = 4
_SPLIT_ROUNDS = 10
_SPLIT_SAMPLE = 4096
_SMALLEST_HALF = 0.1


def blocks(vectors: Vectors, block_rows: int, seed: int, threads: Threads | None = None) -> list[Rows]:
    """Cut a pool into blocks of similar rows, at most `block_rows` each; rows rise within a block, and none is lost.

    `vectors`: (n, d) float32. Two steps, so that a block's border seldom cuts through a cluster, which is what costs
    coverage: k-means into tight parts, about 16 to a block, then bisecting 2-means (Steinbach, Karypis and Kumar 2000)
    over the centres of the parts. A part that alone is too large is bisected itself. A half never gets less than a
    tenth of what is split, so that identical rows and lone outliers come to an end too. Larger pools are bisected
    beforehand into pieces of at most 24 blocks, which keeps the cost linear: O(n d) times at most 384 centres.

    The same vectors and seed give the same blocks on any number of threads (default: one a core).
    """
    pieces = bisect(vectors, _BLOCKS_AT_ONCE * _checked(block_rows), seed)

    threads = threads or Threads()
    # Either many pieces side by side or one piece whose parts are; a thread that waits for threads helps nobody.
    inner = threads if len(pieces) == 1 else Threads(1)

    def cut(number: int) -> list[Rows]:
        piece, random = pieces[number], np.random.default_rng([seed, number])
        return [piece[block] for block in _blocks(vectors[piece], block_rows, random, inner)]

    return [block for found in threads.map(cut, range(len(pieces))) for block in found]


def bisect(vectors: Vectors, block_rows: int, seed: int) -> list[Rows]:
    """Cut a pool by bisecting 2-means alone: quicker than `blocks`, for pieces so large that their borders matter less.

    Rows rise within a piece, and none is lost. Cost: O(n d) for each halving. Memory: a sample of 4,096 rows.
    """
    ones = np.ones(len(vectors), dtype=np.int64)
    with single_thread():
        return _bisect(vectors, ones, _checked(block_rows), np.random.default_rng(seed))


def _checked(block_rows: int) -> int:
    if block_rows < 1:
        raise DataError(f"block_rows: expected at least 1, not {block_rows}")
    return block_rows


def _blocks(vectors: Vectors, block_rows: int, random: np.random.Generator, threads: Threads) -> list[Rows]:
    if len(vectors) <= block_rows:
        return [np.arange(len(vectors), dtype=np.int64)]
    parts: list[Rows] = []
    for part in _tight_parts(vectors, -(-_PARTS_PER_BLOCK * len(vectors) // block_rows), random, threads):
        ones = np.ones(len(part), dtype=np.int64)
        parts += [part[piece] for piece in _bisect(vectors[part], ones, block_rows, random)]
    centers = np.stack([vectors[part].mean(axis=0) for part in parts])
    sizes = np.array([len(part) for part in parts], dtype=np.int64)
    groups = _bisect(centers, sizes, block_rows, random)
    return [np.sort(np.concatenate([parts[number] for number in group])) for group in groups]


def _tight_parts(vectors: Vectors, parts: int, random: np.random.Generator, threads: Threads) -> list[Rows]:
    """A few rounds of k-means from randomly drawn rows; parts without rows fall away."""
    centers = vectors[np.sort(random.choice(len(vectors), min(parts, len(vectors)), replace=False))]
    for round_number in range(_PART_ROUNDS):
        nearest = np.concatenate(threads.map(_nearest_center(vectors, centers), range(0, len(vectors), _STRIP_ROWS)))
        by_part = np.argsort(nearest, kind="stable")
        starts = np.unique(nearest[by_part], return_index=True)[1]
        if round_number < _PART_ROUNDS - 1:
            sizes = np.diff(np.append(starts, len(vectors)))
            centers = (np.add.reduceat(vectors[by_part], starts, axis=0) / sizes[:, None]).astype(np.float32)
    return [np.sort(part) for part in np.split(by_part, starts[1:])]


def _nearest_center(vectors: Vectors, centers: Vectors) -> Callable[[int], Rows]:
    half_norms, columns = (centers * centers).sum(axis=1) / 2, centers.T

    def of_strip(start: int) -> Rows:
        nearest: Rows = (vectors[start : start + _STRIP_ROWS] @ columns - half_norms).argmax(axis=1)
        return nearest

    return of_strip


def _bisect(points: Vectors, sizes: Rows, limit: int, random: np.random.Generator) -> list[Rows]:
    """Split the points in two, again and again, until the sizes of each group sum to at most `limit`.

    No single size may be above `limit`.
    """
    waiting = [np.arange(len(points), dtype=np.int64)] if len(points) else []
    done = []
    while waiting:
        group = waiting.pop()
        if sizes[group].sum() <= limit:
            done.append(np.sort(group))
        else:
            cut, by_side = _split(points, group, random)
            waiting += [group[by_side[cut:]], group[by_side[:cut]]]
    return done


def _split(points: Vectors, group: Rows, random: np.random.Generator) -> tuple[int, Rows]:
    """2-means: the rows of `group` ordered from one centre to the other, and how many belong to the first.

    Of many rows a sample finds the centres, and all are divided between them in one pass.
    """
    size = len(group)
    sampled = (
        np.sort(random.choice(size, _SPLIT_SAMPLE, replace=False)) if size > 2 * _SPLIT_SAMPLE else np.arange(size)
    )
    sample = points[group[sampled]]
    one = sample[random.integers(len(sample))]
    distances = ((sample - one) ** 2).sum(axis=1, dtype=np.float64)
    total = distances.sum()
    # k-means++: the second centre is drawn in proportion to the squared distance. Of identical points any will do.
    other = sample[random.choice(len(sample), p=distances / total)] if total > 0 else one
    for _ in range(_SPLIT_ROUNDS):
        nearer = sample @ (one - other) > (one @ one - other @ other) / 2
        if nearer.all() or not nearer.any():
            break
        one, other = sample[nearer].mean(axis=0), sample[~nearer].mean(axis=0)
    border, direction = (one @ one - other @ other) / 2, one - other
    side = np.empty(size, dtype=np.float32)
    for start in range(0, size, _LONG_STRIP_ROWS):
        side[start : start + _LONG_STRIP_ROWS] = points[group[start : start + _LONG_STRIP_ROWS]] @ direction - border
    least = max(1, int(_SMALLEST_HALF * size))
    return min(max(int((side > 0).sum()), least), size - least), np.argsort(-side, kind="stable")
