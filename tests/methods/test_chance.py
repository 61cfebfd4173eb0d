"""Random numbers that belong to ids: the same whatever else is drawn, and evenly spread."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assets.methods.chance import gumbel, uniform


@given(st.lists(st.text(max_size=5), unique=True, max_size=20), st.randoms(), st.integers())
def test_neither_the_order_nor_other_rows_change_a_number(ids: list[str], random: object, seed: int) -> None:
    numbers = dict(zip(ids, uniform(ids, seed, "draw").tolist(), strict=True))
    random.shuffle(ids)  # type: ignore[attr-defined]
    for some in (ids, ids[: len(ids) // 2], ids[:1]):
        assert uniform(some, seed, "draw").tolist() == [numbers[name] for name in some]


def test_seed_and_purpose_and_id_change_it() -> None:
    found = [
        uniform([name], seed, purpose)[0]
        for name in ("a", "b", "")
        for seed in (0, 1, -1, 2**70)
        for purpose in ("draw", "order", "")
    ]
    assert len(set(found)) == len(found)


def test_it_is_the_same_everywhere() -> None:
    assert uniform(["a", "数"], 7, "draw").tolist() == [
        float.fromhex("0x1.9a2876b7f5b5cp-3"),
        float.fromhex("0x1.50bf427acaf07p-1"),
    ]


def test_numbers_are_evenly_spread_between_0_and_1() -> None:
    found = uniform(map(str, range(50_000)), 0, "draw")
    assert 0 < found.min() < 1e-3
    assert 1 - 1e-3 < found.max() < 1
    counts = np.histogram(found, 20, (0, 1))[0]
    assert (np.abs(counts - 2500) < 5 * math.sqrt(2500)).all()
    other = uniform(map(str, range(50_000)), 1, "draw")
    assert abs(np.corrcoef(found, other)[0, 1]) < 0.02
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.02


def test_gumbel_numbers_have_the_mean_and_spread_of_theirs() -> None:
    found = gumbel(map(str, range(50_000)), 0, "draw")
    assert np.isfinite(found).all()
    assert abs(found.mean() - 0.5772) < 0.03
    assert abs(found.std() - math.pi / math.sqrt(6)) < 0.03


def test_no_ids_no_numbers() -> None:
    assert uniform([], 0, "draw").shape == gumbel([], 0, "draw").shape == (0,)
