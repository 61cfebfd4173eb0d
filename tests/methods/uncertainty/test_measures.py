"""Measures against their formulas row by row, hand-computed cases, and the edges: 0, 1, one class, NaN, no rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from probed import members, probabilities, simplex
from scipy.special import softmax
from scipy.stats import entropy as scipy_entropy

from assets.errors import DataError
from assets.methods.uncertainty import measures

UNIFORM = np.full((1, 4), 0.25)
CERTAIN = np.array([[0.0, 1.0, 0.0]])

ensembles = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5)),
    elements=st.floats(-40, 40, allow_nan=False),
).map(lambda logits: softmax(logits, axis=2))


@given(simplex)
def test_measures_agree_with_their_formulas_and_stay_in_bounds(p: np.ndarray) -> None:
    classes = p.shape[1]
    np.testing.assert_allclose(measures.entropy(p), scipy_entropy(p, base=2, axis=1), atol=1e-9)
    np.testing.assert_allclose(measures.entropy(p, math.e), scipy_entropy(p, axis=1), atol=1e-9)
    assert (measures.entropy(p) >= 0).all()
    assert (measures.entropy(p) <= math.log2(classes) + 1e-9).all()
    for row, confidence, gap in zip(p, measures.least_confidence(p), measures.margin(p), strict=True):
        first, second = sorted(row, reverse=True)[:2]
        assert confidence == 1 - first
        assert gap == first - second
        assert 0 <= gap <= 1


def test_measures_at_the_extremes() -> None:
    assert measures.entropy(UNIFORM) == pytest.approx(2.0)
    assert measures.least_confidence(UNIFORM) == pytest.approx(0.75)
    assert measures.margin(UNIFORM) == pytest.approx(0.0)
    assert measures.entropy(CERTAIN)[0] == 0
    assert math.copysign(1, measures.entropy(CERTAIN)[0]) == 1
    assert measures.least_confidence(CERTAIN)[0] == 0
    assert measures.margin(CERTAIN)[0] == 1
    assert measures.cross_entropy(CERTAIN, np.array([1]))[0] == 0
    assert measures.cross_entropy(CERTAIN, np.array([0]))[0] == pytest.approx(1022)


def test_by_hand() -> None:
    p = np.array([[0.5, 0.25, 0.25], [0.75, 0.25, 0.0]])
    assert measures.entropy(p) == pytest.approx([1.5, 0.811278124459])
    assert measures.margin(p) == pytest.approx([0.25, 0.5])
    assert measures.cross_entropy(p, np.array([1, 0])) == pytest.approx([2.0, 0.415037499279])
    # Two members that are certain of opposite things: one bit, and half of them outvoted.
    torn = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert measures.mutual_information(torn) == pytest.approx([1.0])
    assert measures.mutual_information(torn, math.e) == pytest.approx([math.log(2)])
    assert measures.variation_ratio(torn) == pytest.approx([0.5])
    # Both at a loss, but of one mind: nothing to learn for BALD.
    assert measures.mutual_information(np.full((2, 1, 2), 0.5))[0] == 0
    three = np.array([[[0.6, 0.4, 0.0]], [[0.1, 0.2, 0.7]], [[0.5, 0.5, 0.0]]])
    assert measures.variation_ratio(three) == pytest.approx([1 / 3])  # level classes: a vote for the lower


@given(ensembles)
def test_disagreement_agrees_with_plain_loops(p: np.ndarray) -> None:
    count, rows, _ = p.shape
    information, ratio = measures.mutual_information(p), measures.variation_ratio(p)
    assert (information >= 0).all()
    for row in range(rows):
        mean = p[:, row].mean(axis=0)
        own = [scipy_entropy(one, base=2) for one in p[:, row]]
        assert information[row] == pytest.approx(scipy_entropy(mean, base=2) - sum(own) / count, abs=1e-9)
        votes = [int(one.argmax()) for one in p[:, row]]
        assert ratio[row] == pytest.approx(1 - max(votes.count(v) for v in votes) / count)


def test_members_of_one_mind_have_no_mutual_information_not_even_by_rounding() -> None:
    same = np.repeat(members(1, 200, 7), 5, axis=0)
    assert (measures.mutual_information(same) < 1e-15).all()
    assert (measures.variation_ratio(same) == 0).all()


def test_one_class_leaves_nothing_to_doubt() -> None:
    p = np.ones((2, 1))
    assert measures.entropy(p).tolist() == [0, 0]
    assert measures.least_confidence(p).tolist() == [0, 0]
    assert measures.margin(p).tolist() == [1, 1]
    assert measures.cross_entropy(p, np.array([0, 0])).tolist() == [0, 0]
    assert measures.mutual_information(p[None]).tolist() == [0, 0]
    assert measures.variation_ratio(p[None]).tolist() == [0, 0]


@pytest.mark.parametrize("classes", [1, 2, 5])
@pytest.mark.parametrize("place", [0, -1])
def test_a_row_with_nan_is_nan_alone(classes: int, place: int) -> None:
    p = probabilities(4, classes)
    p[2, place] = np.nan
    given = np.zeros(4, dtype=np.int64)
    several = np.stack([probabilities(4, classes), p])
    found = [measures.entropy(p), measures.least_confidence(p), measures.margin(p), measures.cross_entropy(p, given)]
    found += [measures.mutual_information(several), measures.variation_ratio(several)]
    for measure in found:
        assert np.isnan(measure).tolist() == [False, False, True, False]


def test_no_rows_no_measures() -> None:
    p = np.empty((0, 3))
    found = [measures.entropy(p), measures.least_confidence(p), measures.margin(p)]
    found += [measures.cross_entropy(p, np.empty(0, np.int64)), measures.mutual_information(p[None])]
    found += [measures.variation_ratio(p[None])]
    assert [len(measure) for measure in found] == [0] * 6


def test_float32_is_computed_in_float64() -> None:
    p = probabilities(50, 9).astype(np.float32)
    assert measures.entropy(p).dtype == np.float64
    np.testing.assert_array_equal(measures.entropy(p), measures.entropy(p.astype(np.float64)))


def test_bad_input_is_named() -> None:
    p = probabilities(3, 2)
    with pytest.raises(DataError, match=r"shape \(3,\): expected \(rows, classes\), 1 class or more"):
        measures.entropy(p[:, 0])
    with pytest.raises(DataError, match=r"shape \(3, 0\)"):
        measures.margin(p[:, :0])
    with pytest.raises(DataError, match=r"shape \(3, 2\): expected \(members, rows, classes\)"):
        measures.mutual_information(p)
    with pytest.raises(DataError, match="for 3 rows of probabilities: expected one each"):
        measures.cross_entropy(p, np.array([0]))
    with pytest.raises(DataError, match="row 1: class 2, expected one from 0 to 1"):
        measures.cross_entropy(p, np.array([0, 2, 0]))
