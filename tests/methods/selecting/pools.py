"""Pools to choose from, what is wanted of them, and ways to look at what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from assets.methods.quotas.plans import Quota
from assets.methods.selecting.ranking import Group, Method, Name
from assets.methods.selecting.scores import Score
from assets.methods.selecting.select import Pool, Selection, Wanted

METHODS = get_args(Name)


def unit(rows: int, dimensions: int = 6, seed: int = 0, distinct: int | None = None) -> np.ndarray:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((distinct or rows, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[random.integers(0, distinct, rows)] if distinct else vectors


def a_pool(rows: int, seed: int = 0, costs: bool = False, **other: Any) -> Pool:
    """Random vectors, ids in random order; with costs, most rows short and some of them long."""
    random = np.random.default_rng(seed)
    nothing = np.zeros(rows, dtype=bool)
    pool = Pool(
        ids=[f"{number:08x}" for number in random.permutation(rows)],
        vectors=unit(rows, seed=seed),
        costs=random.geometric(0.05, rows) if costs else None,
        suspected=nothing,
        required=nothing,
        previous=nothing,
    )
    return replace(pool, **other)


def a_score(values: Sequence[float] | np.ndarray, strength: float = 1.0, name: str = "quality") -> Score:
    """A score as it is; None or NaN = the row is left out."""
    numbers = np.array(values, dtype=np.float64)
    return Score(name, np.nan_to_num(numbers), strength, np.isnan(numbers), 0)


def groups(rows: int, count: int, seed: int = 0) -> list[str]:
    return [f"g{number}" for number in np.random.default_rng([seed, 1]).integers(0, count, rows)]


def a_wish(pool: Pool, budget: int, method: Method | Name = "facility_location", **other: Any) -> Wanted:
    """By the method alone, without quotas; two target sets of which each cannot tell some rows."""
    rows = len(pool.ids)
    random = np.random.default_rng([rows, 2])
    targets = random.uniform(-1, 1, (2, rows))
    targets[random.random((2, rows)) < 0.1] = np.nan
    wanted = Wanted(
        budget=budget,
        quotas=[],
        values=[],
        method=method if isinstance(method, Method) else Method(method),
        scores=[],
        weights=np.ones(rows),
        targets=targets,
    )
    if isinstance(other.get("quotas"), str):
        other["quotas"] = [Quota("group", other["quotas"])]
    return replace(wanted, **other)


def a_group(pool: Pool, worth: np.ndarray | None = None, **other: Any) -> Group:
    """A pool, its rows in the order of their ids, as one group."""
    order = np.argsort(pool.ids)
    rows = len(order)
    costs = np.ones(rows) if pool.costs is None else pool.costs[order].astype(np.float64)
    worth = np.ones(rows) if worth is None else worth
    found = Group(
        ids=[pool.ids[row] for row in order],
        vectors=pool.vectors[order],
        worth=worth,
        is_scored=len(np.unique(worth)) > 1,
        weights=np.ones(rows),
        costs=costs,
        prices=costs,
        seats=rows,
        targets=a_wish(pool, 1).targets,
        seed=0,
    )
    return replace(found, **other)


def ids_of(pool: Pool, rows: np.ndarray) -> list[str]:
    return [pool.ids[row] for row in rows.tolist()]


def by_group(values: Sequence[str], found: Selection) -> dict[str, int]:
    return dict(Counter(values[row] for row in found.indices.tolist()))


def shuffled(pool: Pool, wanted: Wanted, seed: int) -> tuple[Pool, Wanted]:
    """The same rows in another order."""
    order = np.random.default_rng([seed, 3]).permutation(len(pool.ids))
    mixed = Pool(
        [pool.ids[row] for row in order],
        pool.vectors[order],
        None if pool.costs is None else pool.costs[order],
        pool.suspected[order],
        pool.required[order],
        pool.previous[order],
    )
    return mixed, replace(
        wanted,
        values=[[column[row] for row in order] for column in wanted.values],
        scores=[replace(each, values=each.values[order], left_out=each.left_out[order]) for each in wanted.scores],
        weights=wanted.weights[order],
        targets=wanted.targets[:, order],
    )


def objective(vectors: np.ndarray, chosen: np.ndarray) -> float:
    """Facility location: the sum of the best similarities, each at least 0."""
    return float(np.maximum(vectors.astype(np.float64) @ vectors[chosen].T, 0).max(axis=1).sum())


def costs_of(pool: Pool) -> np.ndarray:
    """Of a pool that has some."""
    assert pool.costs is not None
    return pool.costs
