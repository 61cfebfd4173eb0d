"""All tables of seats of a tiny pool, one by one: the truth that quotas are compared with."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.methods.apportionment import Terms, apportion
from assets.methods.quotas.plans import Quota

Key = tuple[str, ...]
Table = dict[Key, int]


@dataclass(frozen=True)
class Case:
    """A tiny pool, in rows, and what is asked of it; the arguments of `plan`."""

    quotas: list[Quota]
    rows: list[Key]
    budget: int
    candidates: npt.NDArray[np.bool_]
    required: npt.NDArray[np.bool_]

    @property
    def low(self) -> Counter[Key]:
        return Counter(key for key, must in zip(self.rows, self.required, strict=True) if must)

    @property
    def high(self) -> Counter[Key]:
        """Every cell, with 0 where no row can be chosen."""
        can = self.candidates | self.required
        counts = Counter(dict.fromkeys(self.rows, 0))
        counts.update(key for key, may in zip(self.rows, can, strict=True) if may)
        return counts

    @property
    def names(self) -> list[list[str]]:
        return [sorted({row[column] for row in self.rows}) for column in range(len(self.quotas))]

    def shares(self, column: int) -> dict[str, int] | None:
        """The seats that explicit shares come to."""
        rule = self.quotas[column].rule
        if not isinstance(rule, Mapping):
            return None
        return apportion(dict.fromkeys(self.names[column], self.budget + 1), rule, self.budget).seats


def all_tables(case: Case) -> Iterator[Table]:
    """Every table within what each cell has and must get that sums to the budget."""
    budget = case.budget
    if not any(isinstance(quota.rule, Mapping) for quota in case.quotas):
        budget = min(budget, sum(case.high.values()))
    keys = sorted(case.high)
    for seats in itertools.product(*(range(case.low[key], case.high[key] + 1) for key in keys)):
        if sum(seats) == budget:
            yield dict(zip(keys, seats, strict=True))


def by_value(table: Table, column: int) -> Counter[str]:
    """The seats of each value of one column."""
    total: Counter[str] = Counter()
    for key, seats in table.items():
        total[key[column]] += seats
    return total


def bounds_of(case: Case) -> list[dict[str, tuple[int, int]]]:
    """The least and the most that each value of each column must get: shares and minimums."""
    bounds = []
    for column, quota in enumerate(case.quotas):
        shares = case.shares(column)
        if shares is None:
            bounds.append(dict.fromkeys(case.names[column], (quota.minimum, case.budget)))
            continue
        assert isinstance(quota.rule, Mapping)
        held = {name for name, share in quota.rule.items() if share > 0}
        bounds.append({n: (max(shares[n], quota.minimum if n in held else 0), shares[n]) for n in case.names[column]})
    return bounds


def keeps(table: Table, bounds: Sequence[Mapping[str, tuple[int, int]]]) -> bool:
    """Whether each sum of each column is within its bounds."""
    return all(
        least <= by_value(table, column)[name] <= most
        for column, of_column in enumerate(bounds)
        for name, (least, most) in of_column.items()
    )


def asked_of(case: Case) -> list[dict[str, int]]:
    """What the rule of each column alone gives to its values; nothing for shares and for no rule."""
    reached = set(case.high)
    for column in range(len(case.quotas)):
        shares = case.shares(column)
        if shares is not None:
            reached = {key for key in reached if shares[key[column]]}
    asked = []
    for column, quota in enumerate(case.quotas):
        if quota.rule == "none" or isinstance(quota.rule, Mapping):
            asked.append({})
            continue
        caps: Counter[str] = Counter(dict.fromkeys(case.names[column], 0))
        floors: Counter[str] = Counter()
        for key in case.high:
            caps[key[column]] += case.high[key] if key in reached else 0
            floors[key[column]] += case.low[key]
        floors = Counter({name: min(max(floors[name], quota.minimum), caps[name]) for name in caps})
        counts = Counter(row[column] for row in case.rows)
        asked.append(apportion(counts, quota.rule, case.budget, Terms(capacities=caps, floors=floors)).seats)
    return asked


def bending(table: Table, asked: Sequence[Mapping[str, int]]) -> int:
    """By how many seats in total the sums miss what each column asks for."""
    return sum(
        abs(by_value(table, column)[name] - seats) for column, of in enumerate(asked) for name, seats in of.items()
    )
