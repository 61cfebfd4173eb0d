"""Tables on disk: the same rows give the same bytes, a kill leaves the old or the new, ids depend on content alone."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets import tables

NUMBERS = pa.schema([pa.field("n", pa.int64(), nullable=False)])


def numbers(start: int, stop: int) -> pa.Table:
    return pa.table({"n": range(start, stop)}, schema=NUMBERS)


def write(folder: Path, cuts: list[int]) -> None:
    with tables.replacing(folder) as fresh:
        writer = tables.ShardWriter(fresh, NUMBERS, rows=10)
        for start, stop in zip([0, *cuts], [*cuts, 37], strict=True):
            writer.write(numbers(start, stop))
        writer.close()


def test_the_bytes_do_not_depend_on_how_the_rows_arrived(tmp_path: Path) -> None:
    for name, cuts in (("a", []), ("b", [1, 2, 30]), ("c", [10, 20])):
        write(tmp_path / name, cuts)
    hashes = {tables.content_hash(tmp_path / name) for name in "abc"}
    assert len(hashes) == 1
    assert tables.read(tmp_path / "a").column("n").to_pylist() == list(range(37))
    assert [path.name for path in tables.shards(tmp_path / "a")] == [f"part-0000{i}.parquet" for i in range(4)]
    assert tables.count_rows(tmp_path / "a") == 37
    assert sum(batch.num_rows for batch in tables.batches(tmp_path / "a", rows=7)) == 37


def test_an_empty_table_can_be_written_and_read(tmp_path: Path) -> None:
    with tables.replacing(tmp_path / "t") as fresh:
        assert tables.ShardWriter(fresh, NUMBERS).close() == 0
    assert tables.read(tmp_path / "t").num_rows == 0


def test_an_error_leaves_the_old_table_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "t", [])
    before = tables.content_hash(tmp_path / "t")
    with pytest.raises(RuntimeError, match="midway"), tables.replacing(tmp_path / "t") as fresh:
        (fresh / "half").write_text("x")
        raise RuntimeError("midway")
    assert tables.content_hash(tmp_path / "t") == before
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


def test_a_kill_between_the_two_renames_is_mended(tmp_path: Path) -> None:
    write(tmp_path / "t", [])
    before = tables.content_hash(tmp_path / "t")
    (tmp_path / "t").rename(tmp_path / ".t.old")
    tables.recover(tmp_path / "t")
    assert tables.content_hash(tmp_path / "t") == before


def test_the_content_hash_is_the_one_that_dvc_records(tmp_path: Path) -> None:
    write(tmp_path / "t", [])
    (tmp_path / "t" / "extra.json").write_text("{}")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "-q"], cwd=tmp_path, check=True)
    subprocess.run([*dvc, "add", "-q", "t"], cwd=tmp_path, check=True)
    assert f"md5: {tables.content_hash(tmp_path / 't')}" in (tmp_path / "t.dvc").read_text()


def test_an_id_depends_on_messages_and_label_only() -> None:
    messages = [{"role": "user", "content": "héllo"}, {"role": "assistant", "content": "你好"}]
    reordered = [{"content": turn["content"], "role": turn["role"]} for turn in messages]
    assert tables.record_id(messages, None) == tables.record_id(reordered, None)
    assert len({tables.record_id(messages, label) for label in (None, "", "a")}) == 3
    assert len(tables.record_id(messages, None)) == 32


@given(st.text(), st.integers(1, 50))
def test_escaped_text_is_safe_to_print_and_a_cut_is_visible(text: str, limit: int) -> None:
    shown = tables.escape(text, limit)
    assert shown.isprintable()
    shown.encode("utf-8")  # no lone surrogate is left
    if len(text) > limit:
        assert f"+{len(text) - limit:,} characters" in shown


def test_json_is_sorted_and_written_whole(tmp_path: Path) -> None:
    tables.write_json(tmp_path / "deep" / "x.json", {"b": 1, "a": "ü"})
    assert json.loads((tmp_path / "deep" / "x.json").read_text("utf-8")) == {"a": "ü", "b": 1}
    assert (tmp_path / "deep" / "x.json").read_text("utf-8").index('"a"') < 10
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.json"]
