"""A code version changes when code does, and not when only words about it do."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

from assets import code

ROOT = Path(__file__).parents[1]


def test_the_closure_follows_imports_within_assets() -> None:
    files = code.closure("cleaned_data")
    assert {
        "assets/cleaned_data.py",
        "assets/methods/cleaning/steps.py",
        "assets/tables.py",
        "assets/errors.py",
    } <= set(files)
    assert "assets/methods/facility_location.py" not in files
    assert all((ROOT / file).is_file() for file in files)


def test_comments_and_docstrings_do_not_count() -> None:
    plain = "def f(x):\n    return x + 1\n"
    said = '"""A module."""\ndef f(x):  # adds\n    """Add one."""\n\n    return x + 1\n'
    other = "def f(x):\n    return x + 2\n"
    dumps = [ast.dump(code._without_docstrings(ast.parse(text))) for text in (plain, said, other)]
    assert dumps[0] == dumps[1] != dumps[2]


def test_versions_are_stable_and_differ_between_assets() -> None:
    assert code.code_version("raw_data") == code.code_version("raw_data")
    assert code.code_version("raw_data") != code.code_version("cleaned_data")


def test_package_versions_have_no_local_build_tags() -> None:
    assert code.package_versions()["torch"] == "2.13.0"


def test_the_version_does_not_depend_on_what_was_asked_before() -> None:
    modules = ("raw_data", "cleaned_data", "selected_subset")
    script = "import sys; from assets import code; print({name: code.code_version(name) for name in sys.argv[1:]})"
    said = [
        ast.literal_eval(subprocess.check_output([sys.executable, "-c", script, *order], text=True, cwd=ROOT))
        for order in (modules, modules[::-1])
    ]
    assert said[0] == said[1]


def test_what_is_kept_of_files_changes_no_version_and_may_be_damaged(tmp_path: Path) -> None:
    modules = ("raw_data", "selected_subset")
    script = "import sys; from assets import code; print([code.code_version(name) for name in sys.argv[1:]])"
    shutil.copytree(ROOT / "assets", tmp_path / "assets", ignore=shutil.ignore_patterns("__pycache__"))
    kept = tmp_path / "assets/__pycache__" / f"code.{sys.implementation.cache_tag}.json"

    def versions() -> str:
        return subprocess.check_output([sys.executable, "-P", "-c", "import sys; sys.path.insert(0, '.')\n" + script,
                                        *modules], text=True, cwd=tmp_path)  # fmt: skip

    first = versions()
    assert kept.is_file()
    assert versions() == first
    kept.write_bytes(b'{"half')
    assert versions() == first
    changed = tmp_path / "assets/methods/rows.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\nMORE = 1\n", encoding="utf-8")
    assert versions() != first
