"""The README keeps its word: every command in it runs, in its order, and every setting in it exists."""

import contextlib
import dataclasses
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import get_args

import pytest
import yaml
from conftest import ROOT, Project, hear_ctrl_c, new_project
from pydantic import BaseModel

from assets import params, score_columns, tables
from assets.methods.cleaning import catalogue
from assets.methods.formats import FORMATS
from assets.methods.selecting.filling import PHASES
from assets.selection_params import (
    PRESETS,
    RULES,
    Coverage,
    Filter,
    Method,
    Quota,
    Score,
    SelectedSubset,
    Target,
    TokenBudget,
)
from assets.uncertainty_params import LanguageModel, Tagging, Training, UncertaintyScores

README = (ROOT / "README.md").read_text("utf-8")
# The demo, cut short so that the test is.
DEMO = "raw_data: {sources: [{demo: true, limit: 2}]}\n"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.strip().splitlines()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = new_project(tmp_path_factory.mktemp("readme") / "project", DEMO)
    # The environment that runs this test stands in for the one that `make` would install.
    (made.root / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "pickwise", "dvc", "dg", "gto", "activate"):
        found = Path(sys.executable).with_name(name)
        if found.exists():
            (made.root / ".venv" / "bin" / name).symlink_to(found)
    (made.root / ".venv" / "installed").touch()
    return made


def test_every_command_runs_as_written(project: Project) -> None:
    ran = []
    for command in commands():
        if command == "make ui":
            continue  # does not end; see below
        # A shell, because that is where a reader types it; the text is the README's own.
        result = project.command("bash", "-c", command, check=False)
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        ran.append(command)
    assert "make run" in ran
    assert "pickwise rollback v1.0.0" in ran
    assert (project.root / "training-data" / "subset.jsonl").is_file()


def test_make_ui_opens_dagster_on_this_machine_only(project: Project) -> None:
    assert "make ui" in commands()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [shutil.which("make") or "make", "ui", f"PORT={port}"],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=hear_ctrl_c,
    )
    try:
        assert "Dagster" in page(f"http://127.0.0.1:{port}/", process)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def page(url: str, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode("utf-8"))
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "no answer in 90 s"
            time.sleep(0.5)  # it is starting; there is nothing to wait on but its port


def test_the_settings_table_names_every_section_and_only_real_settings() -> None:
    named = re.findall(r"^\| `([a-z_.]+)`", README, re.MULTILINE)
    assert named
    for path in named:
        model: type[BaseModel] | None = params.Params
        for part in path.split("."):
            assert model is not None
            assert part in model.model_fields, path
            annotation = model.model_fields[part].annotation
            model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    assert {path.split(".")[0] for path in named} >= set(params.Params.model_fields)


def test_the_yaml_in_the_readme_is_valid() -> None:
    (tour,) = blocks("yaml")
    params.parse(tour)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_the_yaml_in_the_docs_is_valid(page: Path) -> None:
    found = re.findall(r"^```yaml\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    for block in found:
        document = yaml.safe_load(block)
        params.parse(yaml.safe_dump({"raw_data": {"sources": document}}) if isinstance(document, list) else block)


def test_the_docs_name_every_step_format_and_option() -> None:
    cleaning, sources = ((ROOT / "docs" / name).read_text("utf-8") for name in ("cleaning.md", "sources.md"))
    for name, step in catalogue.BY_NAME.items():
        assert f"`{name}`" in cleaning, name
        assert name == "toxicity" or all(
            f"`{field.name}`" in cleaning for field in dataclasses.fields(step) if not field.metadata.get("injected")
        ), name
    for name in FORMATS:
        assert f"`{name}`" in sources, name


def test_the_docs_name_all_that_selection_knows() -> None:
    selection = (ROOT / "docs" / "selection.md").read_text("utf-8")
    sections = (SelectedSubset, TokenBudget, Target, Filter, Score, Coverage, Quota)
    names = {name for section in sections for name in section.model_fields}
    names |= {*PRESETS, *RULES, *get_args(Method), *get_args(Target.model_fields["measure"].annotation), *PHASES}
    names |= {"no_seats", "no_score", "suspected_label", "outranked", "filter", "excluded"}
    names |= {*tables.NOT_SELECTED.names} - {*tables.RAW.names}
    names |= {"rank", "gain", "reason", "phase", "contributions", "covers", "targets", "cluster", "length", "tokens"}
    names |= {name for name in tables.SCORES.names if tables.SCORES.field(name).type == "double"}
    quoted = re.findall(r"```yaml\n(.*?)```|`([^`\n]+)`", selection, re.DOTALL)
    said = {word for pair in quoted for text in pair for word in re.findall(r"[a-z_]+", text)}
    assert not names - said


def test_the_docs_name_every_score_with_its_direction_and_every_setting_of_it() -> None:
    page = (ROOT / "docs" / "uncertainty.md").read_text("utf-8")
    for name, direction in score_columns.DIRECTIONS.items():
        assert f"| `{name}` | {direction} |" in page
    for section in (UncertaintyScores, LanguageModel, Training, Tagging):
        for name in section.model_fields:
            assert re.search(rf"`([a-z_]+\.)*{name}[`:]", page), f"{section.__name__}.{name}"


@pytest.mark.parametrize("name", list(PRESETS))
def test_what_the_docs_say_a_preset_stands_for_is_what_it_stands_for(name: str) -> None:
    selection = (ROOT / "docs" / "selection.md").read_text("utf-8")
    (row,) = re.findall(rf"^\| `{name}` \| (`quota: .*) \|$", selection, re.MULTILINE)
    stated: dict[str, object] = {"noise_filter": False, "scores": []}
    for part in re.findall(r"`([^`]+: [^`]+)`", row):
        stated |= yaml.safe_load(part)
    targets = {"targets": {"q": {"rows": ["a.jsonl"], "measure": "dsir"}}} if "needs `targets`" in row else {}
    written = SelectedSubset.model_validate({**stated, **targets})
    assert written.model_copy(update={"preset": name}) == SelectedSubset.model_validate({"preset": name, **targets})


def test_the_pictures_exist() -> None:
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / name).is_file(), name
