"""Selection: quotas in every prefix, rows left out, reasons, and independence of the order of the pool."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from assets.errors import DataError
from assets.methods.facility_location import facility_location
from assets.methods.selection import Selection, select


def pool(rows: int, groups: int = 3, seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((rows, 6)).astype(np.float32)
    return {
        "vectors": vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        "ids": [f"{v:08x}" for v in random.permutation(rows)],
        "groups": [f"g{v}" for v in random.integers(0, groups, rows)],
        "candidates": np.ones(rows, dtype=bool),
        "weights": random.uniform(0.1, 1.0, rows),
    }


def chosen_ids(given_pool: dict[str, Any], found: Selection) -> list[str]:
    return [given_pool["ids"][i] for i in found.indices]


def seats_of(given_pool: dict[str, Any], share: float) -> dict[str, int]:
    return {name: round(share * given_pool["groups"].count(name)) for name in sorted(set(given_pool["groups"]))}


def test_seats_are_filled_exactly_and_nothing_is_chosen_twice() -> None:
    given_pool = pool(200)
    seats = {"g0": 20, "g1": 0, "g2": 7}
    found = select(**given_pool, seats=seats)
    assert len(set(found.indices.tolist())) == len(found.indices) == 27
    assert found.counts == {"g0": 20, "g2": 7}
    for name, wanted in seats.items():
        assert [given_pool["groups"][i] for i in found.indices].count(name) == wanted
    assert found.notes == ()
    assert found.left_out == 0


def test_one_group_is_plain_facility_location_over_rows_in_id_order() -> None:
    given_pool = pool(80, groups=1)
    found = select(**given_pool, seats={"g0": 15})
    order = np.argsort(given_pool["ids"])
    expected = facility_location(given_pool["vectors"][order], 15, weights=given_pool["weights"][order])
    assert found.indices.tolist() == order[expected.order].tolist()
    assert found.gains.tolist() == expected.gains.tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_every_prefix_keeps_the_shares(sizes: list[int]) -> None:
    rows, total = sum(sizes), sum(sizes)
    given_pool = pool(rows)
    given_pool["groups"] = [f"g{k}" for k, size in enumerate(sizes) for _ in range(size)]
    found = select(**given_pool, seats={f"g{k}": size for k, size in enumerate(sizes)})
    taken = dict.fromkeys(sorted(set(given_pool["groups"])), 0)
    for rank, index in enumerate(found.indices, start=1):
        taken[given_pool["groups"][index]] += 1
        for k, size in enumerate(sizes):
            assert abs(taken[f"g{k}"] - rank * size / total) <= 0.5 + len(sizes) / 2 * size / total + 1e-9


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_the_order_of_the_pool_does_not_show(seed: int) -> None:
    given_pool = pool(90, seed=seed)
    given_pool["candidates"] = np.random.default_rng(seed).random(90) < 0.8
    seats = seats_of(given_pool, 0.3)
    found = select(**given_pool, seats=seats, block_rows=16, seed=seed)
    order = np.random.default_rng(seed + 1).permutation(90)
    shuffled = {
        name: values[order] if isinstance(values, np.ndarray) else [values[i] for i in order]
        for name, values in given_pool.items()
    }
    again = select(**shuffled, seats=dict(reversed(seats.items())), block_rows=16, seed=seed)
    assert chosen_ids(shuffled, again) == chosen_ids(given_pool, found)
    assert again.gains.tolist() == found.gains.tolist()
    assert again.reasons == found.reasons


def test_a_smaller_budget_is_a_prefix_within_each_group() -> None:
    given_pool = pool(150)
    large = select(**given_pool, seats=seats_of(given_pool, 0.5), block_rows=32)
    small = select(**given_pool, seats=seats_of(given_pool, 0.2), block_rows=32)
    for name in small.counts:
        in_large, in_small = (
            [i for i in found.indices.tolist() if given_pool["groups"][i] == name] for found in (large, small)
        )
        assert in_small == in_large[: len(in_small)]


def test_rows_that_are_not_candidates_are_left_out() -> None:
    given_pool = pool(100)
    given_pool["candidates"][::4] = False
    found = select(**given_pool, seats=seats_of(given_pool, 0.3))
    assert given_pool["candidates"][found.indices].all()
    assert found.left_out == 25
    assert found.notes == ()


def test_a_group_short_of_candidates_is_filled_with_its_best_others_and_says_so() -> None:
    given_pool = pool(30, groups=1)
    given_pool["candidates"][:] = False
    given_pool["candidates"][[4, 9]] = True
    found = select(**given_pool, seats={"g0": 5})
    assert set(found.indices[:2]) == {4, 9}
    others = [i for i in np.argsort(-given_pool["weights"]) if i not in (4, 9)][:3]
    assert found.indices[2:].tolist() == others
    assert found.gains[2:].tolist() == [0.0, 0.0, 0.0]
    assert all("for want of candidates" in reason for reason in found.reasons[2:])
    assert found.notes == ("'g0': 2 candidates for 5 seats; 3 rows that were to be left out fill the others",)
    assert found.left_out == 25


def test_once_all_is_covered_seats_are_filled_by_weight_then_id() -> None:
    given_pool = pool(6, groups=1)
    given_pool["vectors"] = np.repeat(given_pool["vectors"][:1], 6, axis=0)
    given_pool["ids"] = ["f", "e", "d", "c", "b", "a"]
    given_pool["weights"] = np.array([0.5, 0.5, 1.0, 0.2, 0.5, 0.2])
    found = select(**given_pool, seats={"g0": 5})
    assert chosen_ids(given_pool, found) == ["d", "b", "e", "f", "a"]
    assert found.gains.tolist() == [6.0, 0, 0, 0, 0]
    assert found.reasons[0] == "covers 6.0 rows of 'g0' that nothing chosen before it did; weight 1"
    assert found.reasons[1] == "fills a seat of 'g0': the candidates already chosen cover all of it; weight 0.5"


def test_weight_zero_is_chosen_last() -> None:
    given_pool = pool(12, groups=1)
    given_pool["weights"][5] = 0.0
    found = select(**given_pool, seats={"g0": 12})
    assert found.indices[-1] == 5
    assert found.gains[-1] == 0


def test_reasons_are_safe_to_show() -> None:
    given_pool = pool(4, groups=1)
    given_pool["groups"] = ["bad\x1b[31m\n"] * 4
    found = select(**given_pool, seats={"bad\x1b[31m\n": 2})
    assert all(reason.isprintable() for reason in found.reasons)


def test_progress_adds_up_to_the_budget() -> None:
    given_pool = pool(200)
    told: list[int] = []
    seats = seats_of(given_pool, 0.25)
    select(**given_pool, seats=seats, block_rows=16, advance=told.append)
    assert sum(told) == sum(seats.values())
    assert len(told) > 10


def test_two_calls_and_any_number_of_threads_agree() -> None:
    given_pool = pool(600)
    runs = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            found = select(**given_pool, seats=seats_of(given_pool, 0.2), block_rows=64, seed=1)
            runs.append((found.indices.tobytes(), found.gains.tobytes(), found.reasons))
    assert runs[0] == runs[1]


def test_no_seats_and_no_rows() -> None:
    found = select(**pool(5), seats={})
    assert found.indices.tolist() == []
    assert found.reasons == []
    assert select(**pool(0), seats={}).counts == {}


def test_bad_input_is_named() -> None:
    given_pool = pool(5, groups=1)
    with pytest.raises(DataError, match="'g0': 6 rows asked for; expected from 0 to the 5 that the group has"):
        select(**given_pool, seats={"g0": 6})
    with pytest.raises(DataError, match="'other': 1 rows asked for; expected from 0 to the 0"):
        select(**given_pool, seats={"other": 1})
    with pytest.raises(DataError, match="differ in length"):
        select(**{**given_pool, "ids": ["a"]}, seats={"g0": 1})
    with pytest.raises(DataError, match="id a stands twice"):
        select(**{**given_pool, "ids": ["a", "b", "c", "a", "d"]}, seats={"g0": 1})
    for weight in (np.nan, -0.5, np.inf):
        with pytest.raises(DataError, match=f"the weight of .* is {weight}"):
            select(**{**given_pool, "weights": np.array([1, weight, 1, 1, 1.0])}, seats={"g0": 1})
    for scale in (0, 2, np.nan):
        with pytest.raises(DataError, match="expected 1"):
            select(**{**given_pool, "vectors": given_pool["vectors"] * np.float32(scale)}, seats={"g0": 1})
