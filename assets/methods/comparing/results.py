"""What an experiment found: one row for each figure of each subset, and what a cache remembers of a subset."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

import pyarrow as pa

from assets.methods.comparing.proxies import Figure


@dataclass(frozen=True)
class Measured:
    """One subset: the `chosen` rows in rising order, and its figures by name. What a cache remembers."""

    chosen: tuple[int, ...]
    values: Mapping[str, float]


Cache = MutableMapping[str, Measured]


@dataclass(frozen=True)
class Result:
    """One figure of one subset. `share`: the budget, of the training part; `wanted`: the same in rows; `rows`: chosen,
    fewer where a strategy had no more. `train`, `held_out`: the rows of the split.
    """

    strategy: str
    share: float
    wanted: int
    rows: int
    seed: int
    metric: str
    value: float
    train: int
    held_out: int


@dataclass(frozen=True)
class Comparison:
    """What an experiment found. `results`: one for each strategy, budget, seed and figure, in this order.

    `shares`: budgets that were done, `left_out`: those for which there was no time. `overlaps`: for each strategy and
    budget the mean share of chosen rows that two seeds have in common; `shared`: the same of their held-out rows, as
    `Split.shared`. `figures`: the one that decides first. `notes`: sentences about what was not as it was wanted.
    """

    results: tuple[Result, ...]
    strategies: tuple[str, ...]
    shares: tuple[float, ...]
    seeds: tuple[int, ...]
    figures: tuple[Figure, ...]
    overlaps: Mapping[tuple[str, float], float]
    shared: float
    left_out: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    _values: Mapping[tuple[str, float, str], tuple[float, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values: dict[tuple[str, float, str], list[float]] = {}
        for result in self.results:
            values.setdefault((result.strategy, result.share, result.metric), []).append(result.value)
        object.__setattr__(self, "_values", {key: tuple(found) for key, found in values.items()})

    def values(self, strategy: str, share: float, metric: str) -> tuple[float, ...]:
        """A figure of each seed, in the order of `seeds`."""
        return self._values[strategy, share, metric]

    def table(self) -> pa.Table:
        """One row for each of `results`."""
        return pa.Table.from_pylist([vars(result) for result in self.results], RESULTS)


RESULTS = pa.schema(
    [
        pa.field("strategy", pa.string(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),
        pa.field("wanted", pa.int64(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("train", pa.int64(), nullable=False),
        pa.field("held_out", pa.int64(), nullable=False),
    ]
)
