"""Facility location: choose rows that between them resemble every row of the pool.

What belongs here: the objective, its exact lazy greedy on a matrix of similarities, and how a large pool is brought
down to such matrices. Which rows may be chosen, quotas and reasons belong to the optimiser.

The objective is f(S) = sum over rows i of max over chosen j of s_ij, with s_ij = max(0, cosine): a row that resembles
nothing chosen counts 0, not less, which keeps f monotone and submodular (Nemhauser, Wolsey and Fisher 1978: greedy
reaches at least 1 - 1/e of the best). Lazy evaluation is Minoux 1978. Scores multiply the coverage that a row adds, or
are added to it (QDIT, Bukharin and Zhao 2023); with costs it is the gain per unit of cost that counts (Lin and Bilmes
2010). None of this takes away that a gain never rises as more rows are taken, which is what being lazy rests on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.blocks import bisect, blocks
from assets.methods.interchange import assign, propose
from assets.methods.orderings import Ordering, Rows
from assets.methods.threads import Threads
from assets.progress import Advance

Vectors = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Similarities = npt.NDArray[np.int32]

# Similarities are kept as whole numbers of 1 / SCALE. Sums of whole numbers are exact, so gains do not depend on the
# order of summation, on vector instructions or on threads; float32 cosines are no finer than this anyway.
SCALE = 1 << 24
EXACT_ROWS = 8192  # up to here the matrix of all pairs is made: 256 MiB
_PAIRS = 100_000_000  # of a shortlist and the rows that it may cover: 400 MB
_SMALLEST_PIECE = 4096
_SHORTLIST = 2  # rows of the shortlist for each one that is to be chosen
_STRIP_ROWS = 256
_ROUNDS = 2  # of the interchange at most
_MANY_PIECES = 16  # from here on no interchange: it wins a thousandth, and takes a third of the time
_NO_START = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Terms:
    """What a row is worth beside the coverage it adds: value = (weight x rows newly covered + addition) / price.

    Each (n,) float64, finite and not negative; costs and prices above 0. Costs are what the budget pays for; prices
    are mostly the same numbers, or a power of them where short rows are not to be preferred as much.
    """

    weights: Floats
    additions: Floats
    costs: Floats
    prices: Floats

    @classmethod
    def of(
        cls,
        rows: int,
        weights: Floats | None = None,
        additions: Floats | None = None,
        costs: Floats | None = None,
        prices: Floats | None = None,
    ) -> Terms:
        """Weights and costs of 1, additions of 0, and prices that are the costs, where they are not given.

        Raises `DataError` for numbers out of range.
        """
        ones = np.ones(rows)
        costs = ones if costs is None else np.ascontiguousarray(costs, dtype=np.float64)
        terms = cls(
            ones if weights is None else np.ascontiguousarray(weights, dtype=np.float64),
            np.zeros(rows) if additions is None else np.ascontiguousarray(additions, dtype=np.float64),
            costs,
            costs if prices is None else np.ascontiguousarray(prices, dtype=np.float64),
        )
        for name, values in (("weights", terms.weights), ("additions", terms.additions)):
            if not (np.isfinite(values).all() and (values >= 0).all()):
                raise DataError(f"{name}: expected finite numbers of at least 0")
        for name, values in (("costs", terms.costs), ("prices", terms.prices)):
            if not (np.isfinite(values).all() and (values > 0).all()):
                raise DataError(f"{name}: expected finite numbers above 0")
        return terms

    def __getitem__(self, rows: Rows) -> Terms:
        return Terms(self.weights[rows], self.additions[rows], self.costs[rows], self.prices[rows])


@dataclass(frozen=True)
class _Taken:
    """Rows of the pool in the order in which they were taken, with what each was worth then."""

    order: Rows
    values: Floats

    def first(self, budget: float, costs: Floats) -> _Taken:
        """The rows whose costs reach the budget, best first; ties by row, which is how orders are made."""
        by_value = np.lexsort((self.order, -self.values))
        order, values = self.order[by_value], self.values[by_value]
        count = int(np.searchsorted(np.cumsum(costs[order]), budget)) + 1
        return _Taken(order[:count], values[:count])


def facility_location(
    vectors: Vectors,
    budget: float,
    candidates: npt.NDArray[np.bool_] | None = None,
    weights: Floats | None = None,
    additions: Floats | None = None,
    costs: Floats | None = None,
    prices: Floats | None = None,
    start: Rows = _NO_START,
    block_rows: int = 1024,
    seed: int = 0,
    advance: Advance = lambda rows: None,
    threads: Threads | None = None,
) -> Ordering:
    """Rows of a pool of any size in greedy order, until their costs reach `budget`; fewer once none adds anything.

    `vectors`: (n, d) float32 of unit length. All rows are to be covered; only `candidates` (default: all) may be
    taken; what a row is worth is said by `Terms`. `start`: rows that are taken already; they cover, and are not in the
    result. Gains are values: weight x rows newly covered + addition, divided by price; they never rise. Ties go to the
    lower row. `nearest` of a row is the taken row most similar to it (in its piece, see below).

    Up to `EXACT_ROWS` rows this is exact greedy. Beyond, the pool is cut into pieces of similar rows (one, if a
    shortlist of two rows for each that is to be chosen makes at most 100 million pairs with the pool), and a piece
    into blocks of at most `block_rows`. Exact greedy in each block, where a row covers rows of its own block only,
    makes the shortlist: the rows that are worth most, merged over all blocks. Exact greedy in each piece then takes
    from its shortlist what covers the whole piece best. f over pieces is a sum, and so the choice in one changes no
    gain in another: merging their orders by gain is the greedy order of that sum, not an approximation to it. Where
    weights and costs are the same for all rows, and the pieces are at most 16, an interchange with neighbours then
    makes up for what the shortlist did not hold, and the rows are put in greedy order again. What stays approximate is
    that rows of other pieces do not count as covered. Of 20,000 sentences it reaches 1.000 of what exact greedy does.

    Cost: O(n b d) for the shortlist with b = `block_rows`, and O(d sqrt(n k)) x 20,000 for the pieces; n for the exact
    case. Memory: 400 MB for each thread. The result does not depend on `threads` (default: one a core).
    """
    rows = len(vectors)
    terms = Terms.of(rows, weights, additions, costs, prices)
    may = np.ones(rows, dtype=np.bool_) if candidates is None else candidates.copy()
    may[start] = False
    threads = threads or Threads()
    if not (budget > 0 and may.any()):
        taken = _Taken(np.empty(0, dtype=np.int64), np.empty(0))
        pieces = [np.arange(rows, dtype=np.int64)] if rows <= EXACT_ROWS else blocks(vectors, EXACT_ROWS, seed)
    elif rows <= EXACT_ROWS:
        pieces = [np.arange(rows, dtype=np.int64)]
        taken = _greedy(vectors, pieces[0], pieces[0][may], terms, start, budget, 0.0, threads)
        advance(rows)
    else:
        problem = _Problem(vectors, may, terms, start, block_rows, seed)
        pieces = _pieces(problem, budget)
        taken = _in_pieces(problem, pieces, budget, threads, advance)
    nearest, similarity = _stand_ins(vectors, pieces, np.concatenate([start, taken.order]), threads)
    return Ordering(taken.order, taken.values, nearest, similarity)


@dataclass(frozen=True)
class _Problem:
    """The arguments of `facility_location` that every piece needs."""

    vectors: Vectors
    may: npt.NDArray[np.bool_]
    terms: Terms
    start: Rows
    block_rows: int
    seed: int

    @property
    def is_plain(self) -> bool:
        """Whether what a row is worth is the coverage that it adds and nothing else."""
        terms = (self.terms.weights, self.terms.costs, self.terms.prices)
        are_equal = all(values[self.may].min() == values[self.may].max() for values in terms)
        return are_equal and not self.terms.additions.any()


def _pieces(problem: _Problem, budget: float) -> list[Rows]:
    rows = len(problem.vectors)
    costs = problem.terms.costs[problem.may]
    # Where rows cost differently it is the cheaper ones that are taken, and so more of them.
    usual = float(np.quantile(costs, 0.25))
    chosen = min(len(costs), budget / usual)
    largest = int(math.sqrt(_PAIRS * rows / max(1.0, _SHORTLIST * chosen)))
    return bisect(problem.vectors, max(largest, _SMALLEST_PIECE), problem.seed)


def _in_pieces(problem: _Problem, pieces: Sequence[Rows], budget: float, threads: Threads, advance: Advance) -> _Taken:
    """A shortlist from blocks, then the greedy order of every piece, merged."""
    # Either many pieces side by side or one piece whose parts are; a thread that waits for threads helps nobody.
    outer, inner = (Threads(1), threads) if len(pieces) == 1 else (threads, Threads(1))
    costs = problem.terms.costs

    def shortlist(number: int) -> _Taken:
        found = _from_blocks(problem, pieces[number], number, _SHORTLIST * budget, inner)
        advance(len(pieces[number]) // 2)
        return found

    listed = [(number, found) for number, found in enumerate(outer.map(shortlist, range(len(pieces))))]
    whole = _merged([found for _, found in listed]).first(_SHORTLIST * budget, costs)
    likely = whole.first(budget, costs)  # how much of it each piece gets, before it is known
    is_listed = np.zeros(len(problem.vectors), dtype=np.bool_)
    is_listed[whole.order] = True
    is_likely = np.zeros(len(problem.vectors), dtype=np.bool_)
    is_likely[likely.order] = True

    kept: dict[int, _Matrix] = {}  # of the only piece: its lines are asked for again

    def choose(number: int, part: float) -> _Taken:
        piece = pieces[number]
        start = problem.start[np.isin(problem.start, piece)]
        listed = piece[is_listed[piece]]
        known = kept.get(number) or _matrix(problem.vectors, piece, listed, inner)
        if len(pieces) == 1:
            kept[number] = known
        begun = _begun(problem.vectors, piece, start, inner)
        order, values = lazy_greedy(known.matrix, part, problem.terms[listed], begun)
        return _Taken(listed[order], values)

    parts = [1.25 * float(costs[piece[is_likely[piece]]].sum()) + 16 * float(costs.max()) for piece in pieces]

    def chosen(number: int) -> _Taken:
        found = choose(number, parts[number])
        advance(len(pieces[number]) - len(pieces[number]) // 2)
        return found

    taken = outer.map(chosen, range(len(pieces)))
    while True:
        best = _merged(taken).first(budget, costs)
        last = float(best.values[-1]) if len(best.values) and costs[best.order].sum() >= budget else 0.0
        # A piece that was stopped before its gains fell below what is taken elsewhere has more to give.
        short = [
            number
            for number, found in enumerate(taken)
            if len(found.order) and found.values[-1] >= last and costs[found.order].sum() >= parts[number]
        ]
        if not short:
            break
        for number in short:
            parts[number] *= 2
        for number, found in zip(short, outer.map(lambda n: choose(n, parts[n]), short), strict=True):
            taken[number] = found
    if not problem.is_plain or len(pieces) > _MANY_PIECES:
        return best
    is_chosen = np.zeros(len(problem.vectors), dtype=np.bool_)
    is_chosen[best.order] = True

    def improved(number: int) -> _Taken:
        piece = pieces[number]
        chosen = np.flatnonzero(is_chosen[piece])
        if not len(chosen):
            return _Taken(chosen, np.empty(0))
        known = kept[0] if len(pieces) == 1 else None
        return _interchanged(problem, piece, chosen, known, inner)

    return _merged(outer.map(improved, range(len(pieces)))).first(budget, costs)


def _interchanged(problem: _Problem, piece: Rows, chosen: Rows, known: _Matrix | None, threads: Threads) -> _Taken:
    """The chosen rows of a piece, or better ones in their place, in greedy order.

    `chosen`: places in the piece, ascending. `known`: a matrix that has their lines, if there is one.
    """
    target = problem.vectors[piece]
    lines = np.searchsorted(known.rows, piece[chosen]) if known else None
    matrix = known.matrix[lines] if known else similarity(target[chosen], target, threads, chosen)
    start = problem.start[np.isin(problem.start, piece)]
    covered = _begun(problem.vectors, piece, start, threads)
    now = assign(matrix, covered, threads)
    for _ in range(_ROUNDS):
        proposed = propose(target, chosen, now, problem.may[piece], SCALE)
        changed = np.flatnonzero(proposed != chosen)
        before = matrix[changed]
        matrix[changed] = similarity(target[proposed[changed]], target, threads, proposed[changed])
        then = assign(matrix, covered, threads)
        if then.total <= now.total:
            matrix[changed] = before
            break
        chosen, now = proposed, then
    by_row = np.argsort(chosen)
    rows = piece[chosen[by_row]]
    order, values = lazy_greedy(matrix[by_row], math.inf, problem.terms[rows], covered)
    return _Taken(rows[order], values)


@dataclass(frozen=True)
class _Matrix:
    """How well some rows, ascending, cover those of a piece: a line for each."""

    rows: Rows
    matrix: Similarities


def _from_blocks(problem: _Problem, piece: Rows, number: int, budget: float, threads: Threads) -> _Taken:
    """The greedy order of each block of a piece, merged: what its rows are worth within their blocks."""
    cut = blocks(problem.vectors[piece], problem.block_rows, problem.seed + number, threads)
    alone = Threads(1)  # made once: it looks through the loaded libraries

    def order(block: Rows) -> _Taken:
        rows = piece[block]
        start = problem.start[np.isin(problem.start, rows)]
        return _greedy(problem.vectors, rows, rows[problem.may[rows]], problem.terms, start, budget, 0.0, alone)

    return _merged(threads.map(order, cut)).first(budget, problem.terms.costs)


def _merged(parts: Sequence[_Taken]) -> _Taken:
    return _Taken(np.concatenate([part.order for part in parts]), np.concatenate([part.values for part in parts]))


def _greedy(
    vectors: Vectors,
    covered: Rows,
    listed: Rows,
    terms: Terms,
    start: Rows,
    budget: float,
    floor: float,
    threads: Threads,
) -> _Taken:
    """Exact greedy: rows of `listed`, by how well they cover the rows `covered`, of which they are some."""
    order, values = lazy_greedy(
        _matrix(vectors, covered, listed, threads).matrix,
        budget,
        terms[listed],
        _begun(vectors, covered, start, threads),
        floor,
    )
    return _Taken(listed[order], values)


def _matrix(vectors: Vectors, covered: Rows, listed: Rows, threads: Threads) -> _Matrix:
    """How well the rows `listed` cover the rows `covered`, of which they are some; both ascending."""
    same = np.searchsorted(covered, listed)
    return _Matrix(listed, similarity(vectors[listed], vectors[covered], threads, same))


def _begun(vectors: Vectors, covered: Rows, start: Rows, threads: Threads) -> Similarities:
    """How well rows are covered by those that are taken already."""
    if not len(start):
        return np.zeros(len(covered), dtype=np.int32)
    begun: Similarities = similarity(vectors[start], vectors[covered], threads).max(axis=0)
    begun[np.isin(covered, start)] = SCALE
    return begun


def similarity(
    rows: Vectors, others: Vectors, threads: Threads | None = None, same: Rows | None = None
) -> Similarities:
    """max(0, cosine) of unit vectors with each other, in units of 1 / SCALE: (r, o) int32.

    `same`: (r,) for each of `rows` its place among `others`, where the similarity is exactly SCALE (default: unknown).
    Cost: O(r o d), 4 r o bytes.
    """
    result = np.empty((len(rows), len(others)), dtype=np.int32)
    columns = np.ascontiguousarray(others).T

    def fill(start: int) -> None:
        strip = rows[start : start + _STRIP_ROWS] @ columns
        _quantize(strip, result[start : start + _STRIP_ROWS])

    (threads or Threads()).map(fill, range(0, len(rows), _STRIP_ROWS))
    if same is not None:
        result[np.arange(len(rows)), same] = SCALE
    return result


@numba.njit(cache=True, nogil=True)
def _quantize(cosines: npt.NDArray[np.float32], result: npt.NDArray[np.int32]) -> None:
    scale, half = np.float32(SCALE), np.float32(0.5)
    zero, one = np.float32(0), np.float32(1)
    for row in range(cosines.shape[0]):
        for column in range(cosines.shape[1]):
            value = cosines[row, column]
            value = value if value > zero else zero
            value = value if value < one else one
            result[row, column] = np.int32(value * scale + half)  # rounds; without a call, so that it is vectorised


def lazy_greedy(
    similarity: Similarities, budget: float, terms: Terms, covered: npt.NDArray[np.int32], floor: float = 0.0
) -> tuple[Rows, Floats]:
    """The greedy order of the rows of a matrix, and their values: at each step the row that is worth most.

    `similarity`: (c, n) int32, how well each of c candidates covers each of n rows. `terms`: of the candidates.
    `covered`: (n,) int32, how well each row is covered already; it is left as it is. Ends when the costs reach
    `budget`, when no value is above 0, or when it falls below `floor`. Ties go to the lower row. The same answer as
    plain greedy.
    Cost: O(c n) to start, then O(c + n) for each gain that has to be looked at again.
    """
    order, values = _lazy_greedy(
        similarity,
        float(budget),
        terms.weights / SCALE,
        terms.additions,
        terms.costs,
        terms.prices,
        covered.copy(),
        float(floor),
    )
    return order, values


@numba.njit(cache=True, nogil=True)
def _lazy_greedy(
    similarity: npt.NDArray[np.int32],
    budget: float,
    weights: npt.NDArray[np.float64],
    additions: npt.NDArray[np.float64],
    costs: npt.NDArray[np.float64],
    prices: npt.NDArray[np.float64],
    covered: npt.NDArray[np.int32],
    floor: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    candidates, rows = similarity.shape
    bounds = np.empty(candidates)  # no value is above its bound; -1: taken
    known_at = np.zeros(candidates, dtype=np.int64)  # the step at which the bound was the value itself
    order = np.empty(candidates, dtype=np.int64)
    values = np.empty(candidates, dtype=np.float64)
    spent = 0.0
    for row in range(candidates):
        total = np.int64(0)
        for other in range(rows):
            total += max(similarity[row, other] - covered[other], np.int32(0))
        bounds[row] = (weights[row] * total + additions[row]) / prices[row]
    for step in range(candidates):
        if spent >= budget:
            return order[:step], values[:step]
        while True:
            best = 0
            for row in range(1, candidates):
                if bounds[row] > bounds[best]:  # strictly: the lower row wins a tie
                    best = row
            if bounds[best] <= 0.0 or bounds[best] < floor:
                return order[:step], values[:step]
            if known_at[best] == step:
                break
            total = np.int64(0)
            for other in range(rows):
                total += max(similarity[best, other] - covered[other], np.int32(0))
            bounds[best] = (weights[best] * total + additions[best]) / prices[best]
            known_at[best] = step
        order[step], values[step] = best, bounds[best]
        spent += costs[best]
        bounds[best] = -1.0
        for other in range(rows):
            covered[other] = max(covered[other], similarity[best, other])
    return order, values


def _stand_ins(
    vectors: Vectors, pieces: Sequence[Rows], taken: Rows, threads: Threads
) -> tuple[Rows, npt.NDArray[np.float32]]:
    """For each row the most similar taken row of its piece, -1 where its piece has none, and the cosine to it."""
    nearest = np.full(len(vectors), -1, dtype=np.int64)
    cosine = np.full(len(vectors), np.nan, dtype=np.float32)
    is_taken = np.zeros(len(vectors), dtype=np.bool_)
    is_taken[taken] = True
    strips: list[tuple[Rows, Rows, Vectors]] = []
    for piece in pieces:
        chosen = piece[is_taken[piece]]
        if len(chosen):
            columns = vectors[chosen].T
            starts = range(0, len(piece), _STRIP_ROWS)
            strips += [(piece[start : start + _STRIP_ROWS], chosen, columns) for start in starts]

    def find(strip: tuple[Rows, Rows, Vectors]) -> None:
        rows, chosen, columns = strip
        similar = vectors[rows] @ columns
        best = similar.argmax(axis=1)
        nearest[rows] = chosen[best]
        cosine[rows] = similar[np.arange(len(rows)), best]

    threads.map(find, strips)
    nearest[taken], cosine[taken] = taken, 1.0
    return nearest, cosine
