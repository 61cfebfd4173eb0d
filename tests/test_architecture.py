"""The house keeps its shape: who may import whom, and what the stages of dvc.yaml depend on."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from assets import code

ROOT = Path(__file__).parents[1]
ASSETS = sorted((ROOT / "assets").rglob("*.py"))
METHODS = sorted((ROOT / "assets" / "methods").rglob("*.py"))
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", ASSETS, ids=name)
def test_assets_never_import_orchestration(path: Path) -> None:
    assert not {module for module in imports(path) if module.split(".")[0] == "orchestration"}


@pytest.mark.parametrize("path", METHODS, ids=name)
def test_methods_know_no_dagster_no_versions_no_checks_and_no_settings(path: Path) -> None:
    modules = imports(path)
    assert not {m for m in modules if m.split(".")[0] in ("dagster", "dvc", "gto", "great_expectations")}
    inner = {m for m in modules if m.startswith("assets.") and not m.startswith("assets.methods")}
    allowed = ("assets.errors", "assets.tables.escape", "assets.tables.record_id", "assets.progress")
    assert not {m for m in inner if m != "assets.tables" and not m.startswith(allowed)}


@pytest.mark.parametrize("path", sorted((ROOT / "orchestration").glob("*.py")), ids=name)
def test_only_the_versions_module_calls_dvc_gto_and_git(path: Path) -> None:
    if path.name in ("versions.py", "tags.py", "dvc.py", "git.py"):
        return
    source = path.read_text()
    assert "import subprocess" not in source


@pytest.mark.parametrize("path", [*ASSETS, *sorted((ROOT / "orchestration").glob("*.py"))], ids=name)
def test_every_module_says_what_belongs_there(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_bytes()))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_the_code_behind_its_asset(stage: str) -> None:
    listed = {dep for dep in STAGES[stage]["deps"] if not dep.startswith("data/")}
    assert listed == set(code.closure(stage))


def test_there_is_a_stage_for_every_asset() -> None:
    from orchestration.definitions import ASSETS as DEFINED

    assert list(STAGES) == [asset.key.to_user_string() for asset in DEFINED]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_the_upstream_tables_and_settings_of_its_asset(stage: str) -> None:
    from orchestration.definitions import ASSETS as DEFINED

    asset = next(asset for asset in DEFINED if asset.key.to_user_string() == stage)
    upstream = {f"data/{key.to_user_string()}" for key in asset.dependency_keys}
    assert {dep for dep in STAGES[stage]["deps"] if dep.startswith("data/")} >= upstream


def test_help_needs_nothing_heavy() -> None:
    script = (
        "import sys; from orchestration import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'dagster', 'torch', 'transformers', 'pyarrow', 'numpy', 'pydantic', 'rich', 'great_expectations'}\n"
        "print(heavy & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.splitlines()[-1] == "set()"
