"""What a version says of its subset in one line."""

from pathlib import Path
from typing import Any

import pytest

from assets import params, tables
from assets.errors import DataError
from assets.subset_version import identity
from assets.workspace import Workspace

MANIFEST: dict[str, Any] = {
    "rows": 764, "pool_rows": 7640, "rows_hash": "aa", "grouped_by": "label", "sources": {"s": 764},
    "classes": {"a": 700, "b": 60, "(no label)": 4}, "settings": {}, "code": {}, "packages": {},
}  # fmt: skip


def summary(root: Path, **other: Any) -> str:
    tables.write_json(root / "data" / "selected_subset" / "manifest.json", MANIFEST | other)
    return identity(Workspace(root, params.parse("{}")), "bb.dir").summary


def test_a_version_names_its_preset(tmp_path: Path) -> None:
    assert summary(tmp_path, preset="deita") == "764 of 7,640 rows, 2 classes, deita"
    assert summary(tmp_path, preset="dsir", grouped_by="source") == "764 of 7,640 rows, 1 source, dsir"


def test_a_subset_of_an_earlier_release_has_no_preset(tmp_path: Path) -> None:
    assert summary(tmp_path) == "764 of 7,640 rows, 2 classes"


def test_without_a_manifest_there_is_nothing_to_name(tmp_path: Path) -> None:
    summary(tmp_path)
    (tmp_path / "data" / "selected_subset" / "manifest.json").write_text("{")
    with pytest.raises(DataError, match=r"manifest\.json is missing or damaged: materialize selected_subset again"):
        identity(Workspace(tmp_path, params.parse("{}")), "bb.dir")
