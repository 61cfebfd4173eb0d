"""Margins: what each value of one column is to get, by the rule of that column alone.

What belongs here: a quota, its seats, and the numbers of a quota that cannot be met by itself. Several quotas at once
belong to `plans`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.apportionment import Rule, Terms, apportion, class_weights, counted, largest_remainder
from assets.methods.quotas.programs import Column, Rows
from assets.tables import escape

NAME_LIMIT = 60


@dataclass(frozen=True)
class Quota:
    """Seats by the values of one column.

    `column`: its name. `rule`: see `apportion`; "none" asks for no shares, so that only the minimum counts.
    `minimum`: rows that every value must get (with shares: every value that has one). `setting`: where the quota
    stands, for messages.
    """

    column: str
    rule: Rule
    minimum: int = 0
    setting: str = "quota"


@dataclass(frozen=True)
class Members:
    """The rows of each of the k values of a column, in the unit of the budget unless it says rows.

    `sizes`: all of them. `capacity`: those that can be chosen. `reachable`: of these, those that no other column's
    shares leave out. `rows`: how many can be chosen, in rows. `required`, `required_rows`: those that must be in.
    `least`: the required ones and the cheapest of the others, up to the minimum in rows. `cheapest`: the cheapest one
    that can be chosen, 0 for none.
    """

    sizes: Rows
    capacity: Rows
    reachable: Rows
    rows: Rows
    required: Rows
    required_rows: Rows
    least: Rows
    cheapest: Rows


@dataclass(frozen=True)
class Margin:
    """What the seats of a column are to sum to, the seats that its rule alone gives, and what did not go as asked."""

    column: Column
    seats: Rows
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Rowwise:
    """The rows of a pool: the cost of each (n,), 1 where the budget is in rows, and which may and which must be in."""

    costs: Rows
    may: npt.NDArray[np.bool_]
    must: npt.NDArray[np.bool_]

    def members(self, codes: Rows, count: int, minimum: int, reachable: npt.NDArray[np.bool_]) -> Members:
        """Sum the rows by value; `codes` (n,) the value of each row, of `count` values. Cost: one sort of the rows."""
        here = np.flatnonzero(self.may)
        here = here[np.lexsort((self.costs[here], ~self.must[here], codes[here]))]
        rows = np.bincount(codes[here], minlength=count)
        place = np.arange(len(here)) - (np.cumsum(rows) - rows)[codes[here]]
        needed = (place < minimum) | self.must[here]
        cheapest = np.full(count, np.iinfo(np.int64).max)
        np.minimum.at(cheapest, codes[here], self.costs[here])
        return Members(
            sizes=added(codes, self.costs, count),
            capacity=added(codes, self.costs * self.may, count),
            reachable=added(codes, self.costs * (self.may & reachable), count),
            rows=rows,
            required=added(codes, self.costs * self.must, count),
            required_rows=np.bincount(codes[self.must], minlength=count),
            least=added(codes[here], self.costs[here] * needed, count),
            cheapest=np.where(rows > 0, cheapest, 0),
        )


def added(codes: Rows, amounts: Rows, count: int) -> Rows:
    """The sum of `amounts` by code, shape (count,), in whole numbers."""
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, codes, amounts)
    return total


def margin(quota: Quota, values: list[str], codes: Rows, members: Members, budget: int, unit: str) -> Margin:
    """The sums of one column. Shares and minimums are hard, the seats of the other rules may bend.

    `values`: (k,) the names, sorted. `codes`: (c,) the value of each cell of the table. Raises `DataError` with the
    numbers where the shares or the minimum cannot be met even without the other columns.
    """
    case = _Case(quota, values, members, budget, unit)
    weights = case.weights()
    shares = isinstance(quota.rule, Mapping)
    held = np.array([not shares or weight > 0 for weight in weights])
    least = np.where(held, members.least, members.required)
    case.check_minimum(held, least)
    if shares:
        seats = case.share_seats(weights)
        case.check_share_and_least(seats, least)
        return Margin(Column(quota.column, quota.setting, values, codes, seats, seats), seats, ())
    found = apportion(
        case.by_name(members.sizes),
        quota.rule,
        budget,
        replace(
            case.terms,
            capacities=case.by_name(members.reachable),
            floors=case.by_name(np.minimum(least, members.reachable)),
            natural_least=case.by_name(np.minimum(members.cheapest, members.reachable)),
        ),
    )
    seats = np.array([found.seats[value] for value in values], dtype=np.int64)
    asked = None if quota.rule == "none" else seats
    column = Column(quota.column, quota.setting, values, codes, least, members.capacity, asked)
    return Margin(column, seats, found.notes)


def shown(column: str, value: str) -> str:
    """A value as a message names it: label 'code'."""
    return f"{escape(column, NAME_LIMIT)} '{escape(value, NAME_LIMIT)}'"


@dataclass(frozen=True)
class _Case:
    """A quota and the pool that it is to be met in, with what is refused and why."""

    quota: Quota
    values: list[str]
    members: Members
    budget: int
    unit: str

    @property
    def terms(self) -> Terms:
        column = escape(self.quota.column, NAME_LIMIT)
        return Terms(noun=column, plural=f"values of {column}", unit=self.unit)

    def by_name(self, amounts: Rows) -> dict[str, int]:
        return dict(zip(self.values, amounts.tolist(), strict=True))

    def weights(self) -> list[Fraction]:
        """What the seats of each value are to be in proportion to."""
        if self.quota.minimum < 0:
            raise DataError(f"{self.quota.setting}: a minimum of {self.quota.minimum}; expected at least 0 rows")
        try:
            by_name = class_weights(self.by_name(self.members.sizes), self.quota.rule, self.terms)
        except DataError as error:
            raise DataError(f"{self.quota.setting}: {error}") from None
        if isinstance(self.quota.rule, Mapping) and not any(by_name.values()):
            raise DataError(f"{self.quota.setting}: no {self.terms.noun} has a share above 0; expected at least one")
        return [by_name[value] for value in self.values]

    def share_seats(self, weights: list[Fraction]) -> Rows:
        """The parts of the budget that are the shares; refuses those that a value has not enough rows for."""
        wanted = {value: weight for value, weight in zip(self.values, weights, strict=True) if weight > 0}
        seats = largest_remainder(wanted, self.budget)
        capacity = self.by_name(self.members.capacity)
        # A part that is rounded up still fits where the part before rounding does, because capacities are whole.
        limit = {value: int(capacity[value] * sum(weights) / weight) for value, weight in wanted.items()}
        short = sorted((value for value in wanted if seats[value] > capacity[value]), key=lambda v: (limit[v], v))
        if short:
            raise DataError(
                f"{self.quota.setting}: {shown(self.quota.column, short[0])} is to have {seats[short[0]]:,} of "
                f"{counted(self.budget, self.unit)} by its share, but only {capacity[short[0]]:,} can be chosen"
                f"{_others(short)}; these shares work up to a budget of {counted(min(limit.values()), self.unit)}"
            )
        return np.array([seats.get(value, 0) for value in self.values], dtype=np.int64)

    def check_minimum(self, held: npt.NDArray[np.bool_], least: Rows) -> None:
        """Refuse a minimum of more rows than a value has, and minimums that are more than the budget together."""
        minimum, rows = self.quota.minimum, self.by_name(self.members.rows)
        short = [value for value, holds in zip(self.values, held, strict=True) if holds and rows[value] < minimum]
        if short:
            short.sort(key=lambda value: (rows[value], value))
            raise DataError(
                f"{self.quota.setting}: {shown(self.quota.column, short[0])} is to have at least "
                f"{counted(minimum, 'rows')}, but only {rows[short[0]]:,} can be chosen{_others(short)}; expected a "
                f"minimum of at most {rows[short[0]]:,}"
            )
        if minimum and least.sum() > self.budget:
            cheapest = "" if self.unit == "rows" else ", the cheapest,"
            also = " and the rows that must be in" if self.members.required.any() else ""
            values, total = counted(int(held.sum()), "values"), counted(int(least.sum()), self.unit)
            raise DataError(
                f"{self.quota.setting}: at least {counted(minimum, 'rows')}{cheapest} of each {self.terms.noun} "
                f"({values}){also} make {total}, but the budget is {self.budget:,}"
            )

    def check_share_and_least(self, seats: Rows, least: Rows) -> None:
        """Refuse shares of fewer rows than the minimum or than the rows that must be in."""
        short = np.flatnonzero(seats < least)
        if not len(short):
            return
        i = min(short.tolist(), key=lambda i: (seats[i] - least[i], i))
        tokens = "" if self.unit == "rows" else f" ({least[i]:,} {self.unit} or more)"
        need = f"its minimum is {counted(self.quota.minimum, 'rows')}{tokens}"
        if seats[i] < self.members.required[i]:
            tokens = "" if self.unit == "rows" else f" ({self.members.required[i]:,} {self.unit})"
            need = f"{counted(int(self.members.required_rows[i]), 'rows')} of it must be in{tokens}"
        raise DataError(
            f"{self.quota.setting}: {shown(self.quota.column, self.values[i])} is to have {seats[i]:,} of "
            f"{counted(self.budget, self.unit)} by its share, but {need}"
        )


def _others(short: list[str]) -> str:
    return f" (too few of {counted(len(short) - 1, 'other values')} as well)" if len(short) > 1 else ""
