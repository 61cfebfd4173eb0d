"""Select: a pool, what is wanted of it, and the rows that a budget buys, ranked.

What belongs here: quotas to groups, each filled by `filling`, all put into one ranking by `dealing`. What is said of
the rows, chosen or not, belongs to `reasons`, and what did not go as asked to `notes`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.orderings import Rows
from assets.methods.quotas.plans import Plan, Quota, plan
from assets.methods.selecting import scores as scoring
from assets.methods.selecting.churn import keep_by_group
from assets.methods.selecting.dealing import dealt
from assets.methods.selecting.filling import Filled, Open, Part, fill
from assets.methods.selecting.notes import notes
from assets.methods.selecting.ranking import Group, Method
from assets.methods.selecting.scores import Combine, Floats, Mask, Score
from assets.progress import Advance
from assets.tables import escape

_UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Pool:
    """The n rows that can be chosen from; all of them are to be covered.

    `ids`: unique; rows are taken in the order of their ids, so that the order of the pool does not show in the result.
    `vectors`: (n, d) float32 of unit length. `costs`: (n,) tokens, at least 1; None: the budget is in rows.
    `suspected`: (n,) rows taken for want of others only. `required`: (n,) rows that must be in. `previous`: (n,) rows
    of the subset that is started from.
    """

    ids: Sequence[str]
    vectors: npt.NDArray[np.float32]
    costs: Rows | None
    suspected: Mask
    required: Mask
    previous: Mask


@dataclass(frozen=True)
class Wanted:
    """What is to be made of a pool.

    `budget`: rows, or tokens where the pool has costs. `quotas` with `values`: (q, n) the value of each row in the
    column of each quota. `scores` and `method`: what is maximised. `targets`: (t, n) for "round_robin". `weights`: (n,)
    at least 0, which multiply what a row is worth. `random_share`: of each group's seats, less those of rows that must
    be in or stay. `previous_rows` and `churn`: how many rows the subset that is started from had, and the share of
    them that may leave. `cost_strength`: the power of the cost that a gain is divided by.
    """

    budget: int
    quotas: Sequence[Quota]
    values: Sequence[Sequence[str]]
    method: Method
    scores: Sequence[Score]
    weights: Floats
    targets: Floats
    random_share: float = 0.0
    previous_rows: int = 0
    churn: float = 1.0
    cost_strength: float = 1.0
    seed: int = 0

    @property
    def combine(self) -> Combine:
        """How scores and coverage go together; without scores there is no sum, and coverage stands alone."""
        return self.method.combine if self.scores else "product"

    @property
    def worth(self) -> Floats:
        """(n,) what each row is worth beside its coverage: weight x product or sum of its scores; higher = rather."""
        return scoring.worth(self.scores, self.combine, len(self.weights)) * self.weights


@dataclass(frozen=True)
class Selection:
    """The chosen rows, best first; every prefix is a subset for a smaller budget, with nearly the same shares.

    `indices`: (k,) rows of the pool as it was given. `gains`: (k,) what the row added when it was taken, in the unit of
    the method; those of one group are comparable, and those of different groups are not compared anywhere. `phases`:
    (k,) see `filling`. `contributions`: (k, s) of each score. `covers`: (k,) rows of its group for which it stands.
    `nearest`: (n,) the chosen row that stands for each row, -1 where the method does not tell; `similarity`: (n,) their
    cosine. `plan`: the groups and their seats. `spent`: rows or tokens. `notes`: what did not go as asked.
    """

    indices: Rows
    gains: Floats
    phases: npt.NDArray[np.int8]
    contributions: Floats
    covers: Rows
    nearest: Rows
    similarity: npt.NDArray[np.float32]
    plan: Plan
    spent: int
    notes: tuple[str, ...]


def select(pool: Pool, wanted: Wanted, advance: Advance = lambda rows: None) -> Selection:
    """Fill the seats of each group with the rows that the method takes, and deal the groups into one ranking.

    The groups are the rows with the same values in all columns of the quotas; without quotas all rows are one. Rows
    whose score is missing, where such rows are to be left out, are not chosen. `advance` is told rows of the pool.

    Raises `DataError` for arguments that do not fit, for quotas that clash, and where more rows of the previous subset
    would leave than may. Deterministic: ties go to the lower id, and the number of threads does not matter.
    Cost: that of the method in each group.
    """
    _check(pool, wanted)
    by_id = np.array(sorted(range(len(pool.ids)), key=pool.ids.__getitem__), dtype=np.int64)
    may = np.ones(len(by_id), dtype=np.bool_)
    for score in wanted.scores:
        may &= ~score.left_out
    may |= pool.required
    planned = plan(
        wanted.quotas,
        wanted.values,
        wanted.budget,
        may,
        pool.costs,
        pool.required,
    )
    worth, method = wanted.worth, replace(wanted.method, combine=wanted.combine)
    rows_of = _members(planned.cells, by_id, len(planned.names))
    needed = int(np.ceil((1 - wanted.churn) * wanted.previous_rows - 1e-9))
    keep = keep_by_group(pool, planned, may, needed) if needed else np.zeros(len(planned.names), dtype=np.int64)
    parts = []
    for cell, rows in enumerate(rows_of):
        told = _InProportion(advance, len(rows))
        state = Open(pool.required[rows], pool.previous[rows], may[rows], pool.suspected[rows])
        group = _group(pool, wanted, rows, state.may, worth, int(planned.seats[cell]), told)
        parts.append(fill(method, group, state, int(keep[cell]), wanted.random_share))
        told.finish()
    chosen = dealt(rows_of, parts, planned.seats, pool.costs, wanted.budget, len(may))
    return _selection(pool, wanted, planned, may, chosen, rows_of, parts)


def _check(pool: Pool, wanted: Wanted) -> None:
    rows = len(pool.ids)
    columns = [pool.vectors, pool.suspected, pool.required, pool.previous, wanted.weights, *wanted.values]
    columns += [*wanted.targets, *(score.values for score in wanted.scores)]
    lengths = {len(each) for each in (*columns, *([] if pool.costs is None else [pool.costs]))}
    if lengths != {rows}:
        raise DataError(f"ids, vectors, values, scores, weights and costs differ in length: {sorted(lengths | {rows})}")
    if len(set(pool.ids)) < rows:
        twice = Counter(pool.ids).most_common(1)[0][0]
        raise DataError(f"id {escape(twice)} stands twice; expected every id once")
    norms = np.sqrt(np.einsum("ij,ij->i", pool.vectors, pool.vectors))
    bad = np.flatnonzero(~(np.abs(norms - 1) <= _UNIT_TOLERANCE))
    if len(bad):
        raise DataError(f"the vector of {escape(pool.ids[bad[0]])} has length {norms[bad[0]]:.4g}; expected 1")
    bad = np.flatnonzero(~(np.isfinite(wanted.weights) & (wanted.weights >= 0)))
    if len(bad):
        row = int(bad[0])
        raise DataError(f"the weight of {escape(pool.ids[row])} is {wanted.weights[row]}; expected at least 0")


def _members(cells: Rows, by_id: Rows, count: int) -> list[Rows]:
    """The rows of each cell, in the order of their ids."""
    ordered = cells[by_id]
    by_cell = np.argsort(ordered, kind="stable")
    starts = np.searchsorted(ordered[by_cell], np.arange(count + 1))
    return [by_id[by_cell[starts[cell] : starts[cell + 1]]] for cell in range(count)]


def _group(pool: Pool, wanted: Wanted, rows: Rows, may: Mask, worth: Floats, seats: int, told: _InProportion) -> Group:
    costs = np.ones(len(rows)) if pool.costs is None else pool.costs[rows].astype(np.float64)
    # A pool that is one group in the order of ids needs no copy of its vectors.
    is_whole = len(rows) == len(pool.ids) and bool((rows[1:] > rows[:-1]).all())
    return Group(
        [pool.ids[row] for row in rows.tolist()],
        pool.vectors if is_whole else pool.vectors[rows],
        worth[rows],
        len(np.unique(worth[rows][may])) > 1,
        wanted.weights[rows],
        costs,
        costs**wanted.cost_strength,
        seats,
        wanted.targets[:, rows],
        wanted.seed,
        told.advance,
    )


def _selection(
    pool: Pool, wanted: Wanted, planned: Plan, may: Mask, chosen: Part, rows_of: list[Rows], parts: list[Filled]
) -> Selection:
    indices = chosen.order
    nearest = np.full(len(may), -1, dtype=np.int64)
    similarity = np.full(len(may), np.nan, dtype=np.float32)
    for rows, part in zip(rows_of, parts, strict=True):
        nearest[rows] = np.where(part.nearest >= 0, rows[part.nearest], -1)
        similarity[rows] = part.similarity
    nearest[indices], similarity[indices] = indices, 1.0
    return Selection(
        indices,
        chosen.gains,
        chosen.phases,
        scoring.contributions(wanted.scores, wanted.combine, len(may))[indices],
        np.bincount(nearest[nearest >= 0], minlength=len(may))[indices].astype(np.int64),
        nearest,
        similarity,
        planned,
        len(indices) if pool.costs is None else int(pool.costs[indices].sum()),
        (*planned.notes, *notes(pool, wanted, planned, may, chosen)),
    )


@dataclass
class _InProportion:
    """Turns a method's own progress in a group, in whatever unit, into rows of the group; they add up to its rows.

    A method may tell it from several threads at once.
    """

    tell: Advance
    rows: int
    told: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def advance(self, amount: int) -> None:
        """Pass on at most the rows of the group."""
        with self.lock:
            step = min(amount, self.rows - self.told)
            if step > 0:
                self.told += step
                self.tell(step)

    def finish(self) -> None:
        """Tell what is left."""
        self.advance(self.rows)
