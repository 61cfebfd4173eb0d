"""Facility location: choose rows that between them resemble every row of the pool.

What belongs here: the objective, its exact lazy greedy on one dense block, and the cutting of a large pool into
blocks. Which rows may be chosen, quotas and reasons belong to `selection`.

The objective is f(S) = sum over rows i of max over chosen j of s_ij, with s_ij = max(0, cosine): a row that resembles
nothing chosen counts 0, not less, which keeps f monotone and submodular (Nemhauser, Wolsey and Fisher 1978: greedy
reaches at least 1 - 1/e of the best). Lazy evaluation is Minoux 1978.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.diversity import single_thread
from assets.progress import Advance

# Similarities are kept as whole numbers of 1 / SCALE. Sums of whole numbers are exact, so gains do not depend on the
# order of summation, on vector instructions or on threads; float32 cosines are no finer than this anyway.
SCALE = 1 << 24
MAX_BLOCK_ROWS = 8192  # a block's matrix takes 4 bytes a pair: 256 MiB
_STRIP_ROWS = 512
_BLOCKS_AT_ONCE = 64
_PARTS_PER_BLOCK = 16
_PART_ROUNDS = 6
_SPLIT_ROUNDS = 10
_SMALLEST_HALF = 0.1


@dataclass(frozen=True)
class Ordering:
    """Rows in the order in which greedy takes them, with what each adds; a smaller budget is a prefix.

    `order`: (k,) int64 row indices. `gains`: (k,) float64, never rising: weight x rows newly covered.
    """

    order: npt.NDArray[np.int64]
    gains: npt.NDArray[np.float64]


def facility_location(
    vectors: npt.NDArray[np.float32],
    picks: int,
    candidates: npt.NDArray[np.bool_] | None = None,
    weights: npt.NDArray[np.float64] | None = None,
    block_rows: int = 1024,
    seed: int = 0,
    advance: Advance = lambda rows: None,
) -> Ordering:
    """The best `picks` rows of a pool of any size, best first; fewer once no candidate adds anything.

    `vectors`: (n, d) float32 of unit length. All rows are to be covered; only `candidates` (default: all) may be
    chosen, and the gain of a row is multiplied by its weight (default 1). Rows count as covered by rows of their own
    block only, so f is a sum over blocks and the greedy choice of one block changes no gain in another. Merging the
    blocks' own greedy orders by gain is therefore exactly the greedy order of that sum, not an approximation to it;
    cutting into blocks is the one approximation, and larger blocks make it smaller.

    Ties go to the lower row. `advance` is told the rows of each finished block.
    Cost: O(n b d) for b = `block_rows`, and 4 b^2 bytes.
    """
    rows_all = len(vectors)
    candidates = np.ones(rows_all, dtype=np.bool_) if candidates is None else candidates
    weights = np.ones(rows_all) if weights is None else weights
    best = Ordering(np.empty(0, dtype=np.int64), np.empty(0))
    for rows in blocks(vectors, block_rows, seed):
        # A row whose gain is below that of `picks` rows already found can never be chosen.
        floor = float(best.gains[-1]) if picks and len(best.order) == picks else 0.0
        part = lazy_greedy(similarity(vectors[rows]), picks, candidates[rows], weights[rows], floor)
        best = _merge(best, Ordering(rows[part.order], part.gains), picks)
        advance(len(rows))
    return best


def _merge(left: Ordering, right: Ordering, picks: int) -> Ordering:
    """The first `picks` of two orders by gain; ties by row, which is how each of them was made."""
    order, gains = np.concatenate([left.order, right.order]), np.concatenate([left.gains, right.gains])
    first = np.lexsort((order, -gains))[:picks]
    return Ordering(order[first], gains[first])


def similarity(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """max(0, cosine) of every pair of unit vectors, in units of 1 / SCALE: (n, n) int32, the diagonal exactly SCALE.

    Raises `DataError` for more than `MAX_BLOCK_ROWS` rows. Cost: O(n^2 d), 4 n^2 bytes.
    """
    rows = len(vectors)
    if rows > MAX_BLOCK_ROWS:
        raise DataError(f"a block of {rows:,} rows: expected at most {MAX_BLOCK_ROWS:,}; cut it with `blocks`")
    result = np.empty((rows, rows), dtype=np.int32)
    with single_thread():
        for start in range(0, rows, _STRIP_ROWS):
            strip = vectors[start : start + _STRIP_ROWS] @ vectors.T
            np.clip(strip, 0.0, 1.0, out=strip)
            strip *= SCALE
            result[start : start + _STRIP_ROWS] = np.rint(strip, out=strip)
    np.fill_diagonal(result, SCALE)
    return result


def lazy_greedy(
    similarity: npt.NDArray[np.int32],
    picks: int,
    candidates: npt.NDArray[np.bool_] | None = None,
    weights: npt.NDArray[np.float64] | None = None,
    floor: float = 0.0,
) -> Ordering:
    """The greedy order of one block: at each step the candidate with the highest weight x newly covered similarity.

    `similarity`: (n, n) int32 from `similarity`; row v says how well v covers each row. Weights must be finite and
    not negative; since they are fixed, a stale gain still bounds the present one. Ends early when no gain is above 0,
    or when the gain falls below `floor` (a gain of exactly `floor` is kept). Ties go to the lower row.
    The same answer as plain greedy. Cost: O(n^2) to start, then O(n) for each gain that has to be looked at again.
    """
    rows = len(similarity)
    candidates = np.ones(rows, dtype=np.bool_) if candidates is None else candidates
    weights = np.ones(rows) if weights is None else weights
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise DataError("weights: expected finite numbers of at least 0")
    order, gains = _lazy_greedy(
        similarity,
        np.ascontiguousarray(candidates, dtype=np.bool_),
        np.ascontiguousarray(weights, dtype=np.float64),
        min(int(picks), rows),
        float(floor) * SCALE,
    )
    return Ordering(order, gains / SCALE)


@numba.njit(cache=True, nogil=True)
def _lazy_greedy(
    similarity: npt.NDArray[np.int32],
    candidates: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    picks: int,
    floor: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    rows = similarity.shape[0]
    covered = np.zeros(rows, dtype=np.int32)
    bounds = np.full(rows, -1.0)  # no gain is above its bound; -1: cannot be chosen (any more)
    known_at = np.zeros(rows, dtype=np.int64)  # the step at which the bound was the gain itself
    order = np.empty(picks, dtype=np.int64)
    gains = np.empty(picks, dtype=np.float64)
    for row in range(rows):
        if candidates[row]:
            bounds[row] = weights[row] * similarity[row].sum()
    for step in range(picks):
        while True:
            best = 0
            for row in range(1, rows):
                if bounds[row] > bounds[best]:  # strictly: the lower row wins a tie
                    best = row
            if bounds[best] <= 0.0 or bounds[best] < floor:
                return order[:step], gains[:step]
            if known_at[best] == step:
                break
            total = np.int64(0)
            for other in range(rows):
                total += max(similarity[best, other] - covered[other], np.int32(0))
            bounds[best] = weights[best] * total
            known_at[best] = step
        order[step], gains[step] = best, bounds[best]
        bounds[best] = -1.0
        for other in range(rows):
            covered[other] = max(covered[other], similarity[best, other])
    return order, gains


# -- blocks ----------------------------------------------------------------------------------------------------------


def blocks(vectors: npt.NDArray[np.float32], block_rows: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Cut a pool into blocks of similar rows, at most `block_rows` each; rows rise within a block, and none is lost.

    Two steps, so that a block's border seldom cuts through a cluster, which is what costs coverage: k-means into tight
    parts, about 16 to a block, then bisecting 2-means (Steinbach, Karypis and Kumar 2000) over the centres of the
    parts. A part that alone is too large is bisected itself. A half never gets less than a tenth of what is split, so
    that identical rows and lone outliers come to an end too. Pools of more than 64 blocks are bisected beforehand,
    which keeps the cost linear: O(n d) times at most 1,024 centres.
    """
    if block_rows < 1:
        raise DataError(f"block_rows: expected at least 1, not {block_rows}")
    random = np.random.default_rng(seed)
    with single_thread():
        found = []
        for rows in _bisect(vectors, np.ones(len(vectors), dtype=np.int64), _BLOCKS_AT_ONCE * block_rows, random):
            found += [rows[block] for block in _blocks(vectors[rows], block_rows, random)]
    return found


def _blocks(
    vectors: npt.NDArray[np.float32], block_rows: int, random: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    if len(vectors) <= block_rows:
        return [np.arange(len(vectors), dtype=np.int64)]
    parts: list[npt.NDArray[np.int64]] = []
    for part in _tight_parts(vectors, -(-_PARTS_PER_BLOCK * len(vectors) // block_rows), random):
        ones = np.ones(len(part), dtype=np.int64)
        parts += [part[piece] for piece in _bisect(vectors[part], ones, block_rows, random)]
    centers = np.stack([vectors[part].mean(axis=0) for part in parts])
    sizes = np.array([len(part) for part in parts], dtype=np.int64)
    groups = _bisect(centers, sizes, block_rows, random)
    return [np.sort(np.concatenate([parts[number] for number in group])) for group in groups]


def _tight_parts(
    vectors: npt.NDArray[np.float32], parts: int, random: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """A few rounds of k-means from randomly drawn rows; parts without rows fall away."""
    centers = vectors[np.sort(random.choice(len(vectors), min(parts, len(vectors)), replace=False))]
    for round_number in range(_PART_ROUNDS):
        nearest = np.concatenate(
            [
                (vectors[start : start + _STRIP_ROWS] @ centers.T - (centers * centers).sum(axis=1) / 2).argmax(axis=1)
                for start in range(0, len(vectors), _STRIP_ROWS)
            ]
        )
        by_part = np.argsort(nearest, kind="stable")
        starts = np.unique(nearest[by_part], return_index=True)[1]
        if round_number < _PART_ROUNDS - 1:
            sizes = np.diff(np.append(starts, len(vectors)))
            centers = (np.add.reduceat(vectors[by_part], starts, axis=0) / sizes[:, None]).astype(np.float32)
    return [np.sort(part) for part in np.split(by_part, starts[1:])]


def _bisect(
    points: npt.NDArray[np.float32], sizes: npt.NDArray[np.int64], limit: int, random: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
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
            cut, by_side = _split(points[group], random)
            waiting += [group[by_side[cut:]], group[by_side[:cut]]]
    return done


def _split(points: npt.NDArray[np.float32], random: np.random.Generator) -> tuple[int, npt.NDArray[np.int64]]:
    """2-means: the points ordered from one centre to the other, and how many belong to the first."""
    one = points[random.integers(len(points))]
    distances = ((points - one) ** 2).sum(axis=1, dtype=np.float64)
    total = distances.sum()
    # k-means++: the second centre is drawn in proportion to the squared distance. Of identical points any will do.
    other = points[random.choice(len(points), p=distances / total)] if total > 0 else one
    side = np.zeros(len(points), dtype=np.float32)
    cut = len(points) // 2
    for _ in range(_SPLIT_ROUNDS):
        side = points @ (one - other) - (one @ one - other @ other) / 2
        nearer = side > 0
        cut = int(nearer.sum())
        if cut in (0, len(points)):
            break
        one, other = points[nearer].mean(axis=0), points[~nearer].mean(axis=0)
    least = max(1, int(_SMALLEST_HALF * len(points)))
    return min(max(cut, least), len(points) - least), np.argsort(-side, kind="stable")
