"""Selection rates of groups: what is called unfair, and what is left to chance."""

import numpy as np
import numpy.typing as npt
import pytest

from assets.errors import DataError
from assets.methods.fairness.rates import GroupRate, one_hot, selection_rates


def rates_of(counts: dict[str, tuple[int, int]]) -> dict[str, GroupRate]:
    """Rates of groups of (pool, chosen) rows, one after the other."""
    codes = np.repeat(np.arange(len(counts)), [pool for pool, _ in counts.values()])
    chosen = np.concatenate([np.arange(pool) < taken for pool, taken in counts.values()])
    found = selection_rates(list(counts), one_hot(codes, len(counts)), chosen)
    return {one.group: one for one in found}


@pytest.mark.parametrize(
    ("counts", "short"),
    [
        ({"a": (10_000, 500), "b": (10_000, 500)}, set()),
        ({"a": (10_000, 600), "b": (10_000, 250)}, {"b"}),
        ({"a": (10_000, 520), "b": (10_000, 460)}, set()),  # .88: above four fifths
        ({"a": (10_000, 500), "b": (20, 0)}, set()),  # a tiny group: one was expected
        ({"a": (10_000, 500), "b": (400, 0)}, {"b"}),
        ({"a": (10_000, 1000), "b": (10, 10), "c": (10_000, 1000)}, set()),  # one tiny favourite accuses nobody
        ({"a": (1000, 1000), "b": (1000, 1000)}, set()),
        ({"a": (1000, 0), "b": (1000, 0)}, set()),
    ],
)
def test_four_fifths(counts: dict[str, tuple[int, int]], short: set[str]) -> None:
    assert {name for name, one in rates_of(counts).items() if one.short()} == short


def test_a_rate_says_by_how_much_and_which_rows() -> None:
    found = rates_of({"a": (1000, 100), "b": (500, 10)})["b"]
    assert (found.pool, found.chosen, found.expected) == (500, 10, 50)
    assert found.ratio == pytest.approx(0.2)
    assert found.low < 0.2 < found.high < 0.8
    assert found.rows == (1010, 1011, 1012, 1013, 1014)  # left out


def test_only_the_rows_among_are_compared_and_named_by_their_place() -> None:
    members = np.zeros((3000, 2), dtype=bool)
    members[1000:1500, 0] = members[1500:2000, 1] = True
    chosen = np.zeros(3000, dtype=bool)
    chosen[:1000] = True  # texts about neither: preferred, which is no matter here
    chosen[1000:1060] = chosen[1500:1556] = True
    assert not any(one.short() for one in selection_rates(["he", "she"], members, chosen, among=members.any(axis=1)))
    chosen[1005:1500] = False
    (he, she) = selection_rates(["he", "she"], members, chosen, among=members.any(axis=1))
    assert (he.group, he.short(), he.rows) == ("he", True, (1005, 1006, 1007, 1008, 1009))
    assert not she.short()


def test_quotas_of_labels_are_not_held_against_a_group() -> None:
    """Label 0 is chosen at 2 %, label 1 at 20 %; group b is mostly of label 0, and chosen like its neighbours."""
    labels = np.repeat([0, 1], 10_000)
    groups = np.concatenate([np.arange(10_000) % 10 > 0, np.arange(10_000) % 10 == 0]).astype(int)
    chosen = np.concatenate([np.arange(10_000) % 501 < 10, np.arange(10_000) % 51 < 10])
    plain = {one.group: one for one in selection_rates(["a", "b"], one_hot(groups, 2), chosen)}
    within = {one.group: one for one in selection_rates(["a", "b"], one_hot(groups, 2), chosen, strata=labels)}
    assert plain["b"].short()
    assert not within["b"].short()
    assert within["b"].low < 1 < within["b"].high
    chosen &= ~((groups == 1) & (np.arange(20_000) % 3 > 0))
    unfair = {one.group: one for one in selection_rates(["a", "b"], one_hot(groups, 2), chosen, strata=labels)}
    assert unfair["b"].short()
    assert unfair["b"].ratio == pytest.approx(1 / 3, abs=0.05)


def test_of_one_stratum_both_ways_agree() -> None:
    draw = np.random.default_rng(0)
    members, chosen = one_hot(draw.integers(0, 3, 5000), 3), draw.random(5000) < 0.1
    for plain, within in zip(
        selection_rates("abc", members, chosen),
        selection_rates("abc", members, chosen, strata=np.zeros(5000, dtype=int)),
        strict=True,
    ):
        assert within.ratio == pytest.approx(plain.ratio)
        assert (within.low, within.high) == pytest.approx((plain.low, plain.high), rel=0.03)
        assert within.p == pytest.approx(plain.p, abs=0.02)


def test_a_group_of_all_rows_or_none_has_nothing_to_be_compared_with() -> None:
    assert selection_rates(["all", "none"], np.array([[True, False]] * 4), np.array([True, False, True, False])) == ()


def test_shapes_that_do_not_fit_are_told() -> None:
    with pytest.raises(DataError, match="2 names"):
        selection_rates(["a", "b"], np.zeros((3, 1), dtype=bool), np.zeros(3, dtype=bool))


def test_random_subsets_cry_no_wolf() -> None:
    draw = np.random.default_rng(1)
    members = one_hot(draw.choice(6, 20_000, p=[0.5, 0.3, 0.15, 0.03, 0.015, 0.005]), 6)
    failed = 0
    for _ in range(200):
        chosen: npt.NDArray[np.bool_] = np.zeros(20_000, dtype=bool)
        chosen[draw.choice(20_000, 1000, replace=False)] = True
        failed += any(one.short() for one in selection_rates("abcdef", members, chosen))
    assert failed <= 1
