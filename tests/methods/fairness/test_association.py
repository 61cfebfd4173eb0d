"""Association: what selection tied together is told apart from what the pool had tied already."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import csr_array

from assets.errors import DataError
from assets.methods.fairness.association import agreement, label_shift, votes, word_shift
from assets.methods.fairness.mentions import find_mentions, read_words
from assets.methods.fairness.shifts import Shift, added_shift

GENDER = read_words("gender", "male\the\th\nfemale\tshe\th\nmale\t他\nfemale\t她\n")
JOBS = read_words("occupations", "male\tdriver\nmale\tdeveloper\nfemale\tnurse\nfemale\t护士\n-\tnurse shark\n")

DRAW = np.random.default_rng(4)
LABELS = DRAW.integers(0, 4, 8000)
# The pool's own skew: group 1 is mostly of label 3.
GROUPS = np.where(DRAW.random(8000) < np.where(LABELS == 3, 0.6, 0.2), 1, 0)


def shift_of(chosen: npt.NDArray[np.bool_]) -> Shift:
    return label_shift(LABELS, ["a", "b", "c", "d"], GROUPS, ["x", "y"], chosen)


def test_the_pools_own_skew_is_not_held_against_the_selection() -> None:
    found = shift_of(DRAW.random(8000) < 0.1)
    assert found.pool_cramer > 0.3
    assert not found.tied()
    assert not found.tied_cells()
    assert found.cramer_added[0] < 0 < found.cramer_added[1]


def test_nor_are_quotas_of_labels_or_a_preference_for_a_group() -> None:
    quotas = np.array([0.02, 0.05, 0.1, 0.2])[LABELS]
    assert not shift_of(DRAW.random(8000) < quotas).tied()
    assert not shift_of(DRAW.random(8000) < np.where(GROUPS == 1, 0.15, 0.05)).tied()


def test_a_group_that_comes_with_one_label_only_is_found() -> None:
    fair = DRAW.random(8000) < 0.1
    found = shift_of(fair & ~((GROUPS == 1) & (LABELS < 3)))
    assert found.tied()
    assert found.cramer_added[0] > 0.1
    worst = found.tied_cells()[0]
    assert worst.chosen != pytest.approx(worst.expected, rel=0.2)
    assert worst.p < 1e-6
    assert all(worst.rows[i] < worst.rows[i + 1] for i in range(4))
    place = ["a", "b", "c", "d"].index(worst.feature), ["x", "y"].index(worst.group)
    assert {(int(LABELS[row]), int(GROUPS[row])) for row in worst.rows} == {place}


def test_random_subsets_are_not_tied() -> None:
    alarms = 0
    for _ in range(60):
        found = shift_of(DRAW.permutation(8000) < 400)
        alarms += found.tied() or bool(found.tied_cells())
    assert alarms == 0


def test_the_same_seed_finds_the_same() -> None:
    chosen = np.arange(8000) % 7 == 0
    assert shift_of(chosen) == shift_of(chosen)


@pytest.mark.parametrize("chosen", [np.zeros(8000, dtype=bool), np.ones(8000, dtype=bool)], ids=["none", "all"])
def test_none_and_all_tie_nothing(chosen: npt.NDArray[np.bool_]) -> None:
    assert not shift_of(chosen).tied()


def test_rows_without_label_or_group_are_left_aside_and_places_stay_those_of_the_pool() -> None:
    labels, groups = np.concatenate([np.full(100, -1), LABELS]), np.concatenate([np.zeros(100, dtype=int), GROUPS])
    chosen = DRAW.random(8100) < 0.1
    chosen &= ~((groups == 1) & (labels < 3))
    found = label_shift(labels, ["a", "b", "c", "d"], groups, ["x", "y"], chosen)
    assert found.rows == 8000
    assert all(row >= 100 for cell in found.cells for row in cell.rows)


def test_shapes_that_do_not_fit_are_told() -> None:
    with pytest.raises(DataError, match="do not fit 4"):
        added_shift(["a"], csr_array(np.ones((3, 1))), ["x"], np.zeros(4, dtype=int), np.zeros(4, dtype=bool))


def test_a_word_that_selection_ties_to_a_group_is_named() -> None:
    topics = ["math", "piano", "chess", "tennis", "garden", "kitchen"]
    texts = [f"{who} likes {topic}" for _ in range(100) for who in ("he", "she") for topic in topics] + [None, "nobody"]
    found = find_mentions(texts, GENDER)
    fair = DRAW.random(len(texts)) < 0.3
    assert not word_shift(texts, GENDER, found, fair).tied_cells()
    skewed = fair & ~np.array([text in ("she likes math", "he likes kitchen") for text in texts])
    shift = word_shift(texts, GENDER, found, skewed)
    assert shift.tied()
    assert {cell.feature for cell in shift.tied_cells()} == {"math", "kitchen"}


@pytest.mark.parametrize(
    ("text", "vote"),
    [
        ("the driver said he came", 1),
        ("the driver said she came", -1),
        ("the developer told the nurse that she came", 1),  # the nearest counts
        ("the nurse told the developer that she came", -1),
        ("she told the nurse", 0),  # none before it
        ("the nurse shark said she came", 0),
        ("the driver, he, she", 0),  # as many of each
        ("the driver" + " very" * 40 + " late, he came", 0),  # too far
        ("护士说她来了", 1),
        ("nobody", 0),
    ],
)
def test_votes(text: str, vote: int) -> None:
    assert votes([text, None], GENDER, JOBS, find_mentions([text, None], GENDER)).tolist() == [vote, 0]


def test_agreement_that_selection_raised_is_told_from_the_pools() -> None:
    found = np.array([1, 1, 1, -1, 0] * 400, dtype=np.int8)
    fair = agreement(found, np.arange(2000) % 20 < 5)
    assert (fair.pool_share, fair.share, fair.stereotyped()) == (0.75, 0.75, False)
    assert fair.low < 0 < fair.high
    skewed = agreement(found, (np.arange(2000) % 20 < 5) & (found >= 0))
    assert skewed.stereotyped()
    assert (skewed.chosen_rows, skewed.share) == (300, 1.0)
    assert skewed.low > 0.2
    assert skewed.rows == (3, 8, 13, 18, 23)
    assert not agreement(found, np.zeros(2000, dtype=bool)).stereotyped()
