"""A table is produced when what it depends on has changed, and only then; a failure leaves the last good one."""

from pathlib import Path

import dagster as dg
import pytest

from assets import materializing
from assets.errors import DataError
from assets.reporting import Report
from assets.workspace import Workspace


class Recipe:
    """A produce function that counts its calls."""

    def __init__(self, text: str = "x") -> None:
        self.text, self.calls = text, 0

    def __call__(self, folder: Path) -> Report:
        self.calls += 1
        (folder / "part.txt").write_text(self.text)
        return Report(rows=1, facts={"said": self.text}, work={"made": 1}, metrics={"rows": 1})


def materialize(root: Path, recipe: Recipe, settings: str = "", **options: object) -> dg.MaterializeResult[None]:
    (root / "params.yaml").write_text(settings)
    workspace = Workspace.open(root)
    return materializing.materialize(
        workspace, "raw_data", recipe, settings=["raw_data"], idle={"made": 0}, **options  # type: ignore[arg-type]
    )  # fmt: skip


def test_nothing_changed_nothing_made_and_the_same_report(tmp_path: Path) -> None:
    recipe = Recipe()
    first, second = materialize(tmp_path, recipe), materialize(tmp_path, recipe)
    assert recipe.calls == 1
    assert first.data_version == second.data_version
    assert first.metadata is not None
    assert second.metadata is not None
    assert (first.metadata["made"], second.metadata["made"]) == (1, 0)
    assert "reused" in second.metadata
    assert (tmp_path / "data" / "metrics" / "raw_data.json").read_text() == '{\n  "rows": 1\n}\n'


def test_a_setting_of_its_own_section_or_the_seed_or_a_source_makes_it_again(tmp_path: Path) -> None:
    recipe = Recipe()
    materialize(tmp_path, recipe)
    materialize(tmp_path, recipe, settings="schedule: {cron: '1 1 * * *'}\ncleaned_data: {dedup: {near: true}}")
    assert recipe.calls == 1
    materialize(tmp_path, recipe, settings="seed: 1")
    materialize(tmp_path, recipe, settings="raw_data: {sources: [x.csv]}")
    materialize(tmp_path, recipe, extra="other content")
    assert recipe.calls == 4
    materialize(tmp_path, recipe)
    assert recipe.calls == 4, "back to what was known: the content is still the same"


def test_the_memory_of_earlier_states_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(materializing, "MEMORIES", 3)
    recipe = Recipe()
    for number in range(5):
        materialize(tmp_path, recipe, extra=str(number))
    assert len(list((tmp_path / ".dagster" / "tables" / "raw_data").iterdir())) == 3
    materialize(tmp_path, recipe, extra="4")
    assert recipe.calls == 5


def test_a_table_that_was_edited_is_made_again(tmp_path: Path) -> None:
    recipe = Recipe()
    materialize(tmp_path, recipe)
    (tmp_path / "data" / "raw_data" / "part.txt").write_text("edited by hand")
    materialize(tmp_path, recipe)
    assert recipe.calls == 2
    assert (tmp_path / "data" / "raw_data" / "part.txt").read_text() == "x"


def test_a_failure_is_one_line_and_the_last_good_table_stays(tmp_path: Path) -> None:
    materialize(tmp_path, Recipe())

    class Broken(Recipe):
        def __call__(self, folder: Path) -> Report:
            (folder / "half").write_text("half")
            raise DataError("raw_data: nothing to read; expected at least one row")

    with pytest.raises(dg.Failure) as caught:
        materialize(tmp_path, Broken(), extra="new")
    assert caught.value.description == "raw_data: nothing to read; expected at least one row"
    assert caught.value.allow_retries is False
    assert [p.name for p in (tmp_path / "data" / "raw_data").iterdir()] == ["part.txt"]
    assert not list((tmp_path / "data").glob(".*"))
