"""Likeness is measured once for what it is made of, and anything else measures it again."""

from pathlib import Path

import numpy as np
import pytest

from assets import likeness_memory
from assets.targets import Likeness


class Counted:
    """Something that measures, and counts how often it was asked."""

    def __init__(self, contrast: bool = True) -> None:
        self.times = 0
        self.contrast = contrast

    def __call__(self) -> Likeness:
        self.times += 1
        best = np.array([0.5, np.nan, -0.25])
        contrast = best + 1 if self.contrast else None
        return Likeness(best, best / 2, contrast, np.array([1, -1, 0]), ["a:1", "a:\ud800"], ("one note",))


@pytest.mark.parametrize("contrast", [True, False])
def test_what_was_measured_comes_back_whole(tmp_path: Path, contrast: bool) -> None:
    measure = Counted(contrast)
    first = likeness_memory.recall(tmp_path, ["pool", "target"], 3, measure)
    again = likeness_memory.recall(tmp_path, ["pool", "target"], 3, measure)
    assert measure.times == 1
    np.testing.assert_array_equal(again.best, first.best)
    np.testing.assert_array_equal(again.mean, first.mean)
    np.testing.assert_array_equal(again.item, first.item)
    assert (again.contrast is None) == (not contrast)
    assert (again.items, again.notes) == (first.items, first.notes)


def test_another_pool_or_target_or_number_of_rows_is_measured_again(tmp_path: Path) -> None:
    measure = Counted()
    likeness_memory.recall(tmp_path, ["pool", "target"], 3, measure)
    likeness_memory.recall(tmp_path, ["pool", "other"], 3, measure)
    likeness_memory.recall(tmp_path, ["pool", "target"], 4, measure)
    assert measure.times == 3


def test_a_damaged_memory_is_as_good_as_none(tmp_path: Path) -> None:
    measure = Counted()
    likeness_memory.recall(tmp_path, ["x"], 3, measure)
    (file,) = tmp_path.glob("*.parquet")
    file.write_bytes(b"nonsense")
    likeness_memory.recall(tmp_path, ["x"], 3, measure)
    assert measure.times == 2


def test_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness_memory, "MEMORIES", 2)
    for number in range(5):
        likeness_memory.recall(tmp_path, [str(number)], 3, Counted())
    assert len(list(tmp_path.glob("*.parquet"))) == 2
