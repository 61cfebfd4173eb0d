"""Facility location: choose rows that between them resemble every row of the pool.

What belongs here: the objective, and how a large pool is brought down to matrices that `lazy_greedy` can take. Which
rows may be chosen, quotas and reasons belong to the optimiser.

The objective is f(S) = sum over rows i of max over chosen j of s_ij, with s_ij = max(0, cosine): a row that resembles
nothing chosen counts 0, not less, which keeps f monotone and submodular (Nemhauser, Wolsey and Fisher 1978: greedy
reaches at least 1 - 1/e of the best). Scores multiply the coverage that a row adds, or
are added to it (QDIT, Bukharin and Zhao 2023); with costs it is the gain per unit of cost that counts (Lin and Bilmes
2010). None of this takes away that a gain never rises as more rows are taken, which is what being lazy rests on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assets.methods.blocks import bisect, blocks
from assets.methods.interchange import assign, propose
from assets.methods.lazy_greedy import SCALE, Floats, Similarities, Terms, Vectors, lazy_greedy, similarity
from assets.methods.orderings import Ordering, Rows
from assets.methods.threads import Threads
from assets.progress import Advance

EXACT_ROWS = 8192  # up to here the matrix of all pairs is made: 256 MiB
_PAIRS = 100_000_000  # of a shortlist and the rows that it may cover: 400 MB
_SMALLEST_PIECE = 4096
_SHORTLIST = 2  # rows of the shortlist for each one that is to be chosen
_STRIP_ROWS = 256
_ROUNDS = 2  # of the interchange at most
_MANY_PIECES = 16  # from here on no interchange: it wins a thousandth, and takes a third of the time
_NO_START = np.empty(0, dtype=np.int64)


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
    problem = _Problem(vectors, may, terms, start, block_rows, seed)
    taken = _Taken(np.empty(0, dtype=np.int64), np.empty(0))
    if not (budget > 0 and may.any()):
        pieces = _pieces(problem, len(start))
    elif rows <= EXACT_ROWS:
        pieces = _pieces(problem, 0)
        taken = _greedy(problem, pieces[0], budget, threads)
        advance(rows)
    else:
        # Where rows cost differently it is the cheaper ones that are taken, and so more of them.
        pieces = _pieces(problem, min(int(may.sum()), budget / float(np.quantile(terms.costs[may], 0.25))))
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

    def start_in(self, rows: Rows) -> Rows:
        """Those of `rows` that are taken already; ascending, as `rows` are."""
        return rows[np.isin(rows, self.start)]


def _pieces(problem: _Problem, chosen: float) -> list[Rows]:
    """The pool in pieces of which the shortlist fits into memory, if so many rows are chosen."""
    rows = len(problem.vectors)
    if rows <= EXACT_ROWS:
        return [np.arange(rows, dtype=np.int64)]
    largest = int(math.sqrt(_PAIRS * rows / max(1.0, _SHORTLIST * chosen)))
    return bisect(problem.vectors, max(largest, _SMALLEST_PIECE), problem.seed)


def _in_pieces(problem: _Problem, pieces: Sequence[Rows], budget: float, threads: Threads, advance: Advance) -> _Taken:
    """A shortlist from blocks, then the greedy order of every piece, merged, then the interchange."""
    # Either many pieces side by side or one piece whose parts are; a thread that waits for threads helps nobody.
    outer, inner = (Threads(1), threads) if len(pieces) == 1 else (threads, Threads(1))
    costs = problem.terms.costs

    def shortlist(number: int) -> _Taken:
        found = _from_blocks(problem, pieces[number], problem.seed + number, _SHORTLIST * budget, inner)
        advance(len(pieces[number]) // 2)
        return found

    listed = _merged(outer.map(shortlist, range(len(pieces)))).first(_SHORTLIST * budget, costs)
    of_piece = [piece[np.isin(piece, listed.order)] for piece in pieces]
    waiting = set(range(len(pieces)))
    only: list[_Matrix] = []  # of the only piece: its lines are asked for again

    def choose(number: int, part: float) -> _Taken:
        matrix = only[0] if only else _Matrix.of(problem, pieces[number], of_piece[number], inner)
        if len(pieces) == 1 and not only:
            only.append(matrix)
        found = matrix.greedy(problem, part)
        if number in waiting:  # a piece may be asked twice
            waiting.remove(number)
            advance(len(pieces[number]) - len(pieces[number]) // 2)
        return found

    best = _best_of(problem, pieces, listed, budget, choose, outer)
    if not problem.is_plain or len(pieces) > _MANY_PIECES:
        return best

    def improved(piece: Rows) -> _Taken:
        chosen = piece[np.isin(piece, best.order)]
        matrix = only[0].of_rows(chosen) if only else _Matrix.of(problem, piece, chosen, inner)
        return _interchanged(problem, matrix, inner)

    return _merged(outer.map(improved, pieces)).first(budget, costs)


def _best_of(
    problem: _Problem,
    pieces: Sequence[Rows],
    listed: _Taken,
    budget: float,
    choose: Callable[[int, float], _Taken],
    threads: Threads,
) -> _Taken:
    """The greedy orders of all pieces, merged. `choose`: the order of a piece until its costs reach a part.

    How much of the budget falls to a piece is known only when the orders are merged. Each gets a little more than the
    shortlist makes likely, and twice as much if that was too little.
    """
    costs = problem.terms.costs
    likely = listed.first(budget, costs).order
    parts = [1.25 * float(costs[piece[np.isin(piece, likely)]].sum()) + 16 * float(costs.max()) for piece in pieces]
    taken = threads.map(lambda number: choose(number, parts[number]), range(len(pieces)))
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
            return best
        for number in short:
            parts[number] *= 2
        more = threads.map(lambda number: choose(number, parts[number]), short)
        for number, found in zip(short, more, strict=True):
            taken[number] = found


@dataclass(frozen=True)
class _Matrix:
    """How well some rows of a piece cover all of it: a line for each of `rows`, which ascend, as those of `piece` do.

    `covered`: how well the rows of the piece are covered by those that are taken already.
    """

    piece: Rows
    rows: Rows
    matrix: Similarities
    covered: Similarities

    @classmethod
    def of(cls, problem: _Problem, piece: Rows, rows: Rows, threads: Threads) -> _Matrix:
        """Compare `rows` with the whole piece."""
        target, start = problem.vectors[piece], problem.start_in(piece)
        covered = similarity(problem.vectors[start], target, threads, np.searchsorted(piece, start))
        matrix = similarity(problem.vectors[rows], target, threads, np.searchsorted(piece, rows))
        return cls(piece, rows, matrix, covered.max(axis=0, initial=0))

    def of_rows(self, rows: Rows) -> _Matrix:
        """The lines of some of the rows, as a copy."""
        return replace(self, rows=rows, matrix=self.matrix[np.searchsorted(self.rows, rows)])

    def greedy(self, problem: _Problem, budget: float) -> _Taken:
        """Exact greedy."""
        order, values = lazy_greedy(self.matrix, budget, problem.terms[self.rows], self.covered)
        return _Taken(self.rows[order], values)


def _interchanged(problem: _Problem, chosen: _Matrix, threads: Threads) -> _Taken:
    """The chosen rows of a piece, or better ones in their place, in greedy order. Writes into the matrix."""
    piece, matrix, covered = chosen.piece, chosen.matrix, chosen.covered
    target, places = problem.vectors[piece], np.searchsorted(piece, chosen.rows)
    now = assign(matrix, covered, threads)
    for _ in range(_ROUNDS):
        proposed = propose(target, places, now, problem.may[piece], SCALE)
        changed = np.flatnonzero(proposed != places)
        before = matrix[changed]
        matrix[changed] = similarity(target[proposed[changed]], target, threads, proposed[changed])
        then = assign(matrix, covered, threads)
        if then.total <= now.total:
            matrix[changed] = before
            break
        places, now = proposed, then
    by_row = np.argsort(places)
    return _Matrix(piece, piece[places[by_row]], matrix[by_row], covered).greedy(problem, math.inf)


def _from_blocks(problem: _Problem, piece: Rows, seed: int, budget: float, threads: Threads) -> _Taken:
    """The greedy order of each block of a piece, merged: what its rows are worth within their blocks."""
    cut = blocks(problem.vectors[piece], problem.block_rows, seed, threads)
    alone = Threads(1)  # made once: it looks through the loaded libraries
    found = threads.map(lambda block: _greedy(problem, piece[block], budget, alone), cut)
    return _merged(found).first(budget, problem.terms.costs)


def _greedy(problem: _Problem, rows: Rows, budget: float, threads: Threads) -> _Taken:
    """Exact greedy on these rows alone."""
    return _Matrix.of(problem, rows, rows[problem.may[rows]], threads).greedy(problem, budget)


def _merged(parts: Sequence[_Taken]) -> _Taken:
    return _Taken(np.concatenate([part.order for part in parts]), np.concatenate([part.values for part in parts]))


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
