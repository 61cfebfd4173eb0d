"""Paths, patterns, settings and packed bytes: what is meant is found, and what cannot be read is named in one line."""

from __future__ import annotations

import gzip
import json
import os
import socket
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assets import chunks, files, sources
from assets.errors import PickwiseError, SettingsError, SourceError
from assets.source_params import Source

LINE = b'{"text": "t", "label": "a"}\n'


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return packed


def read(root: Path, *stated: dict[str, Any]) -> list[dict[str, Any]]:
    found = sources.read([Source(**values) for values in stated], root)
    return [row for chunk in found for row in chunk.records.to_pylist()]


def refusal(root: Path, *stated: dict[str, Any], of: type[PickwiseError] = SourceError) -> str:
    """The one line with which reading is refused."""
    with pytest.raises(of) as caught:
        read(root, *stated)
    said = str(caught.value)
    assert said.isprintable()
    return said


# -- paths -----------------------------------------------------------------------------------------------------------


def test_a_pipe_a_socket_and_a_device_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(tmp_path)  # the name of a socket must be short
        listening.bind("c.jsonl")
        os.chdir(here)
    for name in ("a.jsonl", "b.jsonl", "c.jsonl", "*.jsonl"):
        assert "is a pipe, socket or device; name a regular file" in refusal(tmp_path, {"path": name})
        for work in (sources.size, sources.fingerprint):
            with pytest.raises(SourceError, match="is a pipe"):
                work([Source(path=name)], tmp_path)


def test_links_to_nothing_and_in_circles(tmp_path: Path) -> None:
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    (tmp_path / "gone.jsonl").symlink_to("nothing")
    assert refusal(tmp_path, {"path": "loop.jsonl"}) == "loop.jsonl: cannot be read: Too many levels of symbolic links"
    assert refusal(tmp_path, {"path": "g*.jsonl"}) == "gone.jsonl: is a link to nothing"


def test_folders_linked_in_circles_are_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for i in range(20):  # of which every path of any length would lead to the file again
        (tmp_path / "a" / f"again{i}").symlink_to(tmp_path / "a")
    (tmp_path / "a" / ".hidden").mkdir()
    for name in ("one.jsonl", "a/two.jsonl", "a/b/three.jsonl", "a/.hidden/four.jsonl"):
        (tmp_path / name).write_bytes(LINE)
    found = ["a/b/three.jsonl", "a/two.jsonl", "one.jsonl"]
    for pattern, expected in (
        ("**/*.jsonl", found),
        ("**", found),
        ("a/**/*.jsonl", found[:2]),
        ("*/**/three.jsonl", found[:1]),
        ("**/b/**/*.jsonl", found[:1]),
        ("./a/**/t*.jsonl", ["./a/b/three.jsonl", "./a/two.jsonl"]),
    ):
        assert [file.shown for file in files.find(pattern, tmp_path)] == expected


def test_a_name_with_wildcards_that_exists_is_that_file(tmp_path: Path) -> None:
    for name in ("data[1].json", "data1.json"):
        (tmp_path / name).write_bytes(LINE)
    assert [file.shown for file in files.find("data[1].json", tmp_path)] == ["data[1].json"]
    assert [file.shown for file in files.find("data[12].json", tmp_path)] == ["data1.json"]


@pytest.mark.parametrize("name", [b"caf\xe9.jsonl", b"\x1b[31mred\n.jsonl", "\u202egnp.jsonl".encode()])
def test_names_that_are_not_fit_to_be_shown(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_bytes(LINE)
    [record] = read(tmp_path, {"path": "*.jsonl"})
    assert (record["source"] + record["file"]).isprintable()
    assert record["file"].isascii()
    (tmp_path / os.fsdecode(name)).write_bytes(b"nonsense")
    assert refusal(tmp_path, {"path": "*.jsonl"}).startswith(record["file"])


def test_a_file_that_is_all_ending_bears_its_whole_name(tmp_path: Path) -> None:
    (tmp_path / ".jsonl").write_bytes(LINE)
    assert read(tmp_path, {"path": ".jsonl"})[0]["source"] == ".jsonl"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("a\0b.jsonl", "a\\x00b.jsonl: no such file"),
        ("a" * 5000 + ".jsonl", "File name too long"),
        ("[.jsonl", "no file matches this pattern"),
        (".", ".: is a folder"),
        ("~nobody-of-this-name/a.jsonl", "no such file"),
        ("file.jsonl/a.jsonl", "no such file"),
    ],
)
def test_odd_paths(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "file.jsonl").write_bytes(LINE)
    assert said in refusal(tmp_path, {"path": path})


def test_a_file_is_read_once_or_the_settings_say_why_not(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "t", "title": "u", "label": "a"}\n')
    once = {"path": "a.jsonl"}
    for again in (
        once,
        {"path": "*.jsonl"},
        {"path": "./a.jsonl", "name": "other"},
        {"path": str(tmp_path / "a.jsonl")},
    ):
        assert "would be read twice, also as a.jsonl" in refusal(tmp_path, once, again)
    for kind in ({"demo": True}, {"hub": "owner/name"}):
        assert "would be read twice" in refusal(tmp_path, kind, kind)
    other = {"path": "a.jsonl", "columns": {"text": "title", "label": "label"}}
    assert [row["messages"][0]["content"] for row in read(tmp_path, once, other)] == ["t", "u"]
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    assert refusal(tmp_path, {"path": "*.jsonl"}).startswith("link.jsonl: would be read twice, also as a.jsonl")


def test_files_of_one_name_share_a_source_and_are_told_apart_by_their_file(tmp_path: Path) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.jsonl").write_bytes(LINE)
    found = read(tmp_path, {"path": "*/x.jsonl"})
    assert [(row["source"], row["file"]) for row in found] == [("x", "a/x.jsonl"), ("x", "b/x.jsonl")]


# -- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"path": "c.parquet", "header": ["a"]}, "c.parquet: `header` is for CSV, TSV and JSON files only"),
        ({"path": "*", "header": ["text", "label"]}, "c.parquet: `header` is for CSV, TSV and JSON files only"),
        ({"path": "a.jsonl", "target_path": "b.csv", "header": ["a"]}, "a.jsonl: `header` is for CSV, TSV and JSON"),
        ({"path": "a.jsonl", "target_path": "b.csv", "format": "qa"}, "raw_data.sources[0].format: two files of para"),
        ({"demo": True, "target_path": "b.csv"}, "raw_data.sources[0].target_path: is for files only"),
        ({"path": "a.jsonl", "target_path": " "}, "raw_data.sources[0].target_path: expected the name of a file"),
        ({"path": "a.jsonl", "entries": ["a"]}, "raw_data.sources[0].entries: is for dataset_info only"),
        ({"path": "d.conll", "columns": {"tags": "NER"}}, "d.conll: columns.tags: expected the number of a column"),
        ({"demo": True, "header": ["a"]}, "raw_data.sources[0].header: is for files only; leave it out for demo"),
        ({"hub": "o/n", "encoding": "latin-1"}, "raw_data.sources[0].encoding: is for files only"),
        ({"path": "b.csv", "header": []}, "raw_data.sources[0].header: expected the names of the columns, each once"),
        ({"path": "b.csv", "header": ["a", "a"]}, "raw_data.sources[0].header: expected the names of the columns"),
        ({"path": "c.parquet", "encoding": "latin-1"}, "c.parquet: `encoding` is for text files only"),
        ({"path": "a.jsonl", "subset": "x"}, "raw_data.sources[0].subset: is for hub data sets only"),
        ({"path": "a.jsonl", "split": "test"}, "raw_data.sources[0].split: is for hub data sets only"),
        ({"demo": True, "revision": "main"}, "raw_data.sources[0].revision: is for hub data sets only"),
        ({"path": "a.jsonl", "name": "\x1b[31mred"}, "raw_data.sources[0].name: expected printable text"),
        ({"path": "a.jsonl", "name": "\ud800"}, "raw_data.sources[0].name: expected printable text"),
        ({"path": "a.jsonl", "name": " "}, "raw_data.sources[0].name: expected printable text"),
        ({"path": " "}, "raw_data.sources[0].path: expected the name of a file"),
    ],
)
def test_settings_that_a_source_cannot_follow(tmp_path: Path, stated: dict[str, Any], said: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINE)
    (tmp_path / "b.csv").write_bytes(b"t,a\n")
    (tmp_path / "c.parquet").write_bytes(b"PAR1PAR1")
    (tmp_path / "d.conll").write_bytes(b"a O\n")
    assert said in refusal(tmp_path, stated, of=SettingsError)


def test_a_column_with_an_odd_name_is_shown_escaped(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINE)
    assert "'\\x1b[0m' (attributes)" in refusal(tmp_path, {"path": "a.jsonl", "attributes": ["\x1b[0m"]})


def test_an_attribute_whose_name_nothing_can_hold_costs_its_row(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINE + b'{"text": "t", "label": "a", "\\ud800": 1}\n')
    assert len(read(tmp_path, {"path": "a.jsonl", "attributes": ["\ud800"]})) == 1


# -- bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (
            "a.jsonl.gz",
            gzip.compress(gzip.compress(LINE, mtime=0), mtime=0),
            "holds gzip data, packed with gzip, not text",
        ),
        ("a.jsonl.zst", zstd(gzip.compress(LINE, mtime=0)), "holds gzip data, packed with zstd, not text"),
        ("a.jsonl.gz.gz", gzip.compress(gzip.compress(LINE, mtime=0), mtime=0), "unknown ending"),
        ("a.jsonl.gz", b"", "is empty"),
        ("a.jsonl.gz", gzip.compress(LINE, mtime=0) + b"junk of another kind", "the gzip data are damaged or cut off"),
        ("a.jsonl.zst", zstd(LINE) + b"junk of another kind", "the zstd data are damaged or cut off"),
        ("a.jsonl.zst", zstd(LINE) + zstd(LINE)[:-5], "the zstd data are damaged or cut off"),
        ("a.jsonl.zst", zstd(LINE)[:-3], "the zstd data are damaged or cut off"),
        ("a.jsonl", LINE.decode().encode("utf-16"), "begins as utf-16 does, not utf-8; state `encoding: utf-16`"),
        ("a.csv", "text,label\na,b\n".encode("utf-16-le"), "every other byte is zero, as in utf-16-le"),
        ("a.json", b"[" * 100_000, "line 1: not_json: nested too deeply"),
    ],
)
def test_packed_and_wide_files(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert said in refusal(tmp_path, {"path": name})


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("zst", zstd)])
def test_packed_data_of_several_parts_are_read_to_the_end(tmp_path: Path, ending: str, pack: Any) -> None:
    (tmp_path / f"a.jsonl.{ending}").write_bytes(pack(LINE) + pack(LINE) + pack(b"") + pack(LINE))
    assert len(read(tmp_path, {"path": f"a.jsonl.{ending}"})) == 3


def test_a_text_may_begin_as_parquet_does(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"PAR1,text,label\n1,t,a\n")
    assert read(tmp_path, {"path": "a.csv"})[0]["label"] == "a"
    (tmp_path / "a.csv").write_bytes(b"PAR1,text,label\n1,t,PAR1")
    assert "holds Parquet data, not text" in refusal(tmp_path, {"path": "a.csv"})


def test_a_file_that_goes_away_while_it_is_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(LINE)
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 1)
    found = sources.read([Source(path="*.jsonl")], tmp_path)
    next(found)
    (tmp_path / "b.jsonl").unlink()
    with pytest.raises(SourceError, match=r"b\.jsonl: cannot be read: No such file"):
        list(found)


def test_a_chunk_of_long_rows_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_CHARS", 1000)
    texts = [{"text": f"{i}" * 400, "label": "a"} for i in range(8)]
    (tmp_path / "a.json").write_text(json.dumps(texts))
    assert [chunk.records.num_rows for chunk in sources.read([Source(path="a.json")], tmp_path)] == [3, 3, 2]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_the_fingerprint_names_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINE)
    (tmp_path / "a.jsonl").chmod(0)
    with pytest.raises(SourceError, match=r"a\.jsonl: cannot be read: Permission denied"):
        sources.fingerprint([Source(path="a.jsonl")], tmp_path)
