"""Balance of classes: chance is let pass, a halved class is not, and what cannot be seen is said."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.balance import kl_divergence
from assets.methods.fairness.balance import Balance, against_pool, against_shares, smallest_halving_seen


def counted(counts: object) -> dict[str, int]:
    return {f"c{i}": int(n) for i, n in enumerate(np.asarray(counts))}


def fails(found: Balance) -> bool:
    return found.skewed() or bool(found.short())


EVEN = {"a": 5000, "b": 5000, "c": 5000, "d": 5000}


@pytest.mark.parametrize(
    ("subset", "skewed", "short"),
    [
        ({"a": 250, "b": 250, "c": 250, "d": 250}, False, []),
        ({"a": 260, "b": 241, "c": 255, "d": 244}, False, []),
        ({"a": 290, "b": 290, "c": 290, "d": 130}, True, ["d"]),
        ({"a": 340, "b": 330, "c": 330}, True, ["d"]),
        ({"a": 3, "b": 2, "c": 1}, False, []),  # of six rows a class may well be missing
        ({"a": 340, "b": 220, "c": 220, "d": 220}, True, []),  # no class lost a fifth
    ],
)
def test_of_a_pool(subset: dict[str, int], skewed: bool, short: list[str]) -> None:
    found = against_pool(subset, EVEN)
    assert found.skewed() == skewed
    assert [one.name for one in found.short()] == short


def test_figures_of_all_classes() -> None:
    found = against_pool({"a": 60, "b": 30, "c": 10}, EVEN)
    assert found.missing == ("d",)
    assert (found.min_share, found.max_share) == (0, 0.6)
    assert found.imbalance == math.inf
    assert found.effective == pytest.approx(
        math.exp(-(0.6 * math.log(0.6) + 0.3 * math.log(0.3) + 0.1 * math.log(0.1)))
    )
    assert found.divergence == pytest.approx(kl_divergence({"a": 60, "b": 30, "c": 10}, dict.fromkeys("abcd", 0.25)))
    worst = found.classes[0]
    assert (worst.name, worst.observed, worst.expected, worst.pool) == ("d", 0, 25.0, 5000)


def test_of_stated_shares() -> None:
    assert not fails(against_shares({"a": 700, "b": 300}, {"a": 7, "b": 3}))
    found = against_shares({"a": 850, "b": 150}, {"a": 7, "b": 3})
    assert found.skewed()
    assert [(one.name, one.pool) for one in found.short()] == [("b", None)]
    assert found.short()[0].high < 0.8
    strange = against_shares({"a": 5, "z": 1}, {"a": 1})
    assert strange.unexpected == ("z",)
    assert strange.divergence == math.inf
    assert strange.skewed()


def test_the_whole_pool_is_balanced_like_itself() -> None:
    assert not fails(against_pool(EVEN, EVEN))
    assert not fails(against_pool({"a": 10}, {"a": 20}))


def test_much_of_a_pool_strays_less_from_it() -> None:
    """Nine tenths of a pool, drawn fairly, can be closer to it than a sample of as many rows from an endless one."""
    half, most = (
        against_pool(counted([1000] * 4), counted([20_000] * 4)),
        against_pool(counted([1000] * 4), counted([1100] * 4)),
    )
    assert most.bound < half.bound / 5


def test_the_bound_is_exceeded_as_often_as_it_says() -> None:
    """At a significance that can be counted, with many small classes, where the plain chi-square bound is off."""
    draw = np.random.default_rng(2)
    pool = draw.multinomial(8000, np.full(40, 1 / 40))
    over = sum(
        against_pool(counted(draw.multivariate_hypergeometric(pool, 400)), counted(pool), 0.1).skewed()
        for _ in range(200)
    )
    assert 8 <= over <= 34


@pytest.mark.parametrize(("rows", "classes"), [(20_000, 4), (20_000, 10)])
def test_random_subsets_pass_and_a_halved_class_fails(rows: int, classes: int) -> None:
    draw = np.random.default_rng(classes)
    pool = draw.multinomial(rows, np.full(classes, 1 / classes))
    false, caught = 0, 0
    for _ in range(200):
        subset = draw.multivariate_hypergeometric(pool, rows // 20)
        false += fails(against_pool(counted(subset), counted(pool)))
        subset[draw.integers(classes)] //= 2
        caught += fails(against_pool(counted(subset), counted(pool)))
    assert false <= 2
    assert caught >= 190


def test_where_a_halving_cannot_be_seen_it_says_so() -> None:
    """77 classes of 130 rows, 5 %: 6.5 rows each."""
    found = against_pool(counted([6] * 76 + [3]), counted([130] * 77))
    assert not fails(found)
    assert found.classes[0].expected < found.seen
    assert smallest_halving_seen(10, 0.05) < 100 < smallest_halving_seen(77, 0.05)


@pytest.mark.parametrize(
    ("subset", "pool", "message"),
    [({}, {"a": 1}, "no rows"), ({"a": 2}, {"a": 1}, "2 rows chosen of 1"), ({"b": 1}, {"a": 1}, "1 rows chosen of 0")],
)
def test_what_cannot_be_is_told(subset: dict[str, int], pool: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        against_pool(subset, pool)
    with pytest.raises(DataError, match="not all 0"):
        against_shares({"a": 1}, {"a": 0})


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8))
def test_any_counts_have_finite_bounds(counts: list[tuple[int, int]]) -> None:
    subset, left = ({f"c{i}": pair[side] for i, pair in enumerate(counts)} for side in (0, 1))
    if sum(subset.values()):
        found = against_pool(subset, {name: subset[name] + left[name] for name in subset})
        assert 0 <= found.bound < math.inf
        assert 0 <= found.p <= 1
        assert all(0 <= one.p <= 1 and one.low <= one.high for one in found.classes)
