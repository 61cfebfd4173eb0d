"""Which stages of dvc.yaml a version needs."""

import pytest

from orchestration import dvc

STAGES = {
    "raw_data": {"cmd": "a", "deps": ["assets"], "outs": ["data/raw_data"]},
    "cleaned_data": {"cmd": "b", "deps": ["data/raw_data"], "outs": [{"data/cleaned_data": {"cache": True}}]},
    "aside": {"cmd": "c", "deps": ["data/raw_data"], "outs": ["data/aside"]},
    "subset_version": {"cmd": "d", "deps": ["data/cleaned_data/shard-00000.parquet"]},
    "train": {"cmd": "e", "deps": ["data/cleaned_data"], "outs": ["model"]},
}


def test_a_version_needs_what_is_upstream_of_it_and_nothing_else() -> None:
    assert list(dvc.upstream(STAGES, "subset_version")) == ["raw_data", "cleaned_data"]
    assert list(dvc.upstream(STAGES, "nowhere")) == list(STAGES)


@pytest.mark.parametrize(
    ("names", "last"),
    [
        (["raw_data", "cleaned_data", "aside"], ["cleaned_data", "aside"]),
        (["raw_data"], ["raw_data"]),
        (["train", "cleaned_data"], ["train"]),
    ],
)
def test_the_last_stages_are_those_that_none_depends_on(names: list[str], last: list[str]) -> None:
    assert dvc._last({name: STAGES[name] for name in names}) == last


def test_stages_without_dependencies_are_stages_all_the_same() -> None:
    assert dvc._last({"made": {"foreach": [1, 2], "do": {"cmd": "x"}}, "empty": None}) == ["made", "empty"]
