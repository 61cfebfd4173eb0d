"""Plans: how many seats each combination of values gets, so that the quotas of all columns hold at once.

What belongs here: rows grouped into cells, the quotas brought together, and what is told of it. Which rows take the
seats belongs to whoever fills them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.apportionment import counted
from assets.methods.quotas.clashes import clash
from assets.methods.quotas.margins import Margin, Quota, Rowwise, added, margin, shown
from assets.methods.quotas.programs import Cells, Column, Rows
from assets.methods.quotas.tables import nearest_table
from assets.tables import escape

__all__ = ["Plan", "Quota", "plan"]


@dataclass(frozen=True)
class Plan:
    """The seats of every cell; a cell holds the rows with the same values in all the columns of the quotas.

    `cells`: (n,) the cell of each row. `names`: (c,) the values of each cell, one for each quota; sorted. `seats`: (c,)
    what each cell is to get, in rows, or in tokens where costs were given. `by_column`: the same in sum for each value
    of each column. `notes`: what did not go as asked.
    """

    cells: Rows
    names: list[tuple[str, ...]]
    seats: Rows
    by_column: dict[str, dict[str, int]]
    notes: tuple[str, ...] = ()


def plan(
    quotas: Sequence[Quota],
    values: Sequence[Sequence[str]],
    budget: int,
    candidates: npt.NDArray[np.bool_] | None = None,
    costs: npt.NDArray[np.int64] | None = None,
    required: npt.NDArray[np.bool_] | None = None,
) -> Plan:
    """Divide the budget among the cells of a pool of n rows so that every quota holds.

    `values`: for each quota the value of each row, (n,). `candidates`: (n,) the rows that can be chosen, which bound
    what a cell can get; None: all. Shares are taken of all rows, candidates or not. `costs`: (n,) tokens of each row,
    at least 1; then the budget, the seats and equal parts are in tokens. `required`: (n,) rows that must be in: each
    cell gets at least these, whether they are candidates or not.

    One quota gets the seats that `apportion` gives it. Of several, explicit shares, minimums, the required rows and
    the budget are hard. The rules "natural", "equal" and "square_root" bend where they clash with these, with what
    exists, or with each other: by as few seats in total as possible, and every value that gets other than its rule
    asks for is in the notes. Within that the seats are in proportion to the pool, as far as whole numbers allow
    (`nearest_table`). A minimum counts rows; in tokens it is held to be the cost of that many of the cheapest rows,
    so that there is room for them, and the rows that are then taken must be seen to.

    The order of the rows, of the quotas and of the shares does not matter. Without any quota all rows are one cell.
    Raises `DataError` for arguments that do not fit, and with the numbers that clash where hard ones cannot hold
    together. Cost: a sort of the rows for each quota, and `nearest_table`: at 1,000,000 rows in 2,310 cells of three
    columns 1.2 s, of one column 0.2 s. Meant for thousands of cells, not for a column that differs by row.
    """
    rows = _rowwise(quotas, values, budget, candidates, costs, required)
    unit = "rows" if costs is None else "tokens"
    coded = [_coded(quota, column) for quota, column in zip(quotas, values, strict=True)]
    cells, keys = _grouped([codes for codes, _ in coded], len(rows.costs))
    names = [tuple(values[code] for (_, values), code in zip(coded, key, strict=True)) for key in keys.tolist()]
    amounts = (rows.costs, rows.costs * rows.must, rows.costs * rows.may)
    table = Cells(*(added(cells, amount, len(names)) for amount in amounts))
    _check_required(int(table.low.sum()), budget, unit)
    margins = _margins(quotas, coded, cells, keys, rows, budget, unit)
    notes = [note for part in margins for note in part.notes]
    if not any(isinstance(quota.rule, Mapping) for quota in quotas) and budget > table.high.sum():
        if len(quotas) != 1:  # the only column has said it
            notes.append(f"{counted(budget, unit)} asked for, {table.high.sum():,} can be chosen")
        budget = int(table.high.sum())
    columns = [part.column for part in margins]
    seats = margins[0].seats if len(quotas) == 1 else _joint(table, columns, budget, unit)
    by_column = {}
    for column in columns:
        got = added(column.codes, seats, len(column.values))
        by_column[column.name] = dict(zip(column.values, got.tolist(), strict=True))
        notes += _bent(column, got, unit)
    return Plan(cells, names, seats, by_column, tuple(dict.fromkeys(notes)))


def _rowwise(
    quotas: Sequence[Quota],
    values: Sequence[Sequence[str]],
    budget: int,
    candidates: npt.NDArray[np.bool_] | None,
    costs: npt.NDArray[np.int64] | None,
    required: npt.NDArray[np.bool_] | None,
) -> Rowwise:
    lengths = {len(part) for part in (*values, candidates, costs, required) if part is not None}
    if len(lengths) != 1 or len(quotas) != len(values):
        raise DataError(
            f"{len(quotas)} quotas, {len(values)} columns of values and rows of lengths {sorted(lengths)}; expected a "
            "column for each quota and one length"
        )
    if budget < 0:
        raise DataError(f"a budget of {budget}; expected at least 0")
    twice = sorted({quota.column for quota in quotas if sum(quota.column == other.column for other in quotas) > 1})
    if twice:
        settings = " and ".join(quota.setting for quota in quotas if quota.column == twice[0])
        raise DataError(f"{settings}: both divide by {escape(twice[0])}; expected one quota for each column")
    n = lengths.pop()
    if costs is not None and n and costs.min() < 1:
        raise DataError(f"row {int(costs.argmin())} costs {costs.min()} tokens; expected at least 1")
    must = np.zeros(n, dtype=np.bool_) if required is None else required
    may = np.ones(n, dtype=np.bool_) if candidates is None else candidates | must
    return Rowwise(np.ones(n, dtype=np.int64) if costs is None else costs, may, must)


def _coded(quota: Quota, values: Sequence[str]) -> tuple[Rows, list[str]]:
    """The number of the value of each row in the sorted list of values, and the list."""
    import pyarrow as pa

    array = pa.array(values, pa.string())
    if array.null_count:
        row = array.is_null().index(True).as_py()
        raise DataError(f"{quota.setting}: row {row} has no {escape(quota.column)}; expected a value in every row")
    encoded = array.dictionary_encode()
    found = encoded.dictionary.to_pylist()
    names = sorted(found)
    rank = {name: number for number, name in enumerate(names)}
    ranks = np.array([rank[name] for name in found], dtype=np.int64)
    return ranks[encoded.indices.to_numpy(zero_copy_only=False)], names


def _grouped(codes: Sequence[Rows], rows: int) -> tuple[Rows, Rows]:
    """The cell of each row, and the values of each cell, (c, columns); cells in the order of their values."""
    cells, keys = np.zeros(rows, dtype=np.int64), np.zeros((min(rows, 1), 0), dtype=np.int64)
    for code in codes:  # one column after the other, so that the product of their numbers of values need not fit
        width = int(code.max(initial=0)) + 1
        pairs, cells = np.unique(cells * width + code, return_inverse=True)
        keys = np.column_stack([keys[pairs // width], pairs % width])
    return cells.astype(np.int64), keys


def _margins(
    quotas: Sequence[Quota],
    coded: Sequence[tuple[Rows, list[str]]],
    cells: Rows,
    keys: Rows,
    rows: Rowwise,
    budget: int,
    unit: str,
) -> list[Margin]:
    """What each column alone asks for. Shares first: what they leave out, the other columns cannot give."""
    margins: dict[int, Margin] = {}
    reachable = np.ones(len(keys), dtype=np.bool_)
    for index in sorted(range(len(quotas)), key=lambda i: not isinstance(quotas[i].rule, Mapping)):
        codes, names = coded[index]
        members = rows.members(codes, len(names), quotas[index].minimum, reachable[cells])
        margins[index] = margin(quotas[index], names, keys[:, index], members, budget, unit)
        if isinstance(quotas[index].rule, Mapping):
            reachable &= margins[index].seats[keys[:, index]] > 0
    return [margins[index] for index in range(len(quotas))]


def _joint(table: Cells, columns: Sequence[Column], budget: int, unit: str) -> Rows:
    """The seats of each cell; the columns are put in the order of their names, so that theirs does not matter."""
    ordered = sorted(columns, key=lambda column: column.name)
    cells = len(table.sizes)
    if not cells:
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort([column.codes for column in reversed(ordered)]) if ordered else np.arange(cells)
    table = Cells(table.sizes[order], table.low[order], table.high[order])
    ordered = [replace(column, codes=column.codes[order]) for column in ordered]
    whole = np.array([budget], dtype=np.int64)
    ordered.append(Column("", "", [""], np.zeros(cells, dtype=np.int64), whole, whole))
    found = nearest_table(table, ordered)
    if found is None:
        raise DataError(clash(table, ordered, budget, unit))
    seats = np.empty(cells, dtype=np.int64)
    seats[order] = found
    return seats


def _check_required(required: int, budget: int, unit: str) -> None:
    if required > budget:
        raise DataError(f"the rows that must be in make {counted(required, unit)}, but the budget is {budget:,}")


def _bent(column: Column, got: Rows, unit: str) -> list[str]:
    """A note for each value that did not get what its rule asks for."""
    if column.asked is None:
        return []
    return [
        f"{shown(column.name, column.values[i])}: {counted(int(column.asked[i]), unit)} by its rule, {got[i]:,} given, "
        "because of the other quotas"
        for i in np.flatnonzero(column.asked != got).tolist()
    ]
