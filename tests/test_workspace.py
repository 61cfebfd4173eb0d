"""The workspace: one run at a time, missing tables are named, a changed file gives another hash."""

import subprocess
import sys
from pathlib import Path

import pytest

from assets import workspace
from assets.errors import DataError, SettingsError
from assets.workspace import Workspace

HOLD = """
import sys; from pathlib import Path; from assets.workspace import exclusive
with exclusive(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""


@pytest.fixture
def opened(tmp_path: Path) -> Workspace:
    (tmp_path / "params.yaml").write_text("seed: 7\n")
    return Workspace.open(tmp_path)


def test_the_root_is_found_from_below(tmp_path: Path, opened: Workspace) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert workspace.find_root(tmp_path / "a" / "b") == tmp_path
    assert opened.params.seed == 7


def test_no_project_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"params\.yaml: not found"):
        workspace.find_root(tmp_path)


def test_a_missing_table_says_what_to_do(opened: Workspace) -> None:
    with pytest.raises(DataError, match="materialize cleaned_data first"):
        opened.require("cleaned_data")


def test_an_edited_file_changes_the_content_hash(opened: Workspace) -> None:
    folder = opened.table("t")
    folder.mkdir(parents=True)
    (folder / "x").write_text("one")
    before = opened.content_hash("t")
    assert opened.content_hash("t") == before
    (folder / "x").write_text("another")
    assert opened.content_hash("t") != before


def test_a_second_run_waits_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    start = [sys.executable, "-c", HOLD, str(tmp_path)]
    first = subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    second = subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert second.stdout is not None
    assert f"process {first.pid}" in second.stdout.readline()
    first.kill()
    first.communicate()
    assert second.stdout.readline() == "held\n"
    second.communicate("\n")
