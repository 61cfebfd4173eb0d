"""Files, globs, compression, the demo and the hub: what a user names is what is read, or one line says why not."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assets import chunks, hub, params, sources, tables
from assets.errors import SettingsError, SourceError
from assets.source_params import Source


def rows(count: int, word: str = "") -> list[dict[str, str]]:
    return [{"instruction": f"question {word}{i}", "input": "", "output": f"answer {i}"} for i in range(count)]


def lines(items: Sequence[Any]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return packed


def read(root: Path, *stated: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found = list(sources.read([Source(**values) for values in stated], root))
    return (
        [row for chunk in found for row in chunk.records.to_pylist()],
        [row for chunk in found for row in chunk.rejected.to_pylist()],
    )


def refusal(root: Path, *stated: dict[str, Any]) -> str:
    with pytest.raises(SourceError) as caught:
        read(root, *stated)
    said = str(caught.value)
    assert said.isprintable()
    return said


# -- files and rows --------------------------------------------------------------------------------------------------


def test_a_record_and_a_reject_as_they_are_written(tmp_path: Path) -> None:
    record = {"text": "hi", "label": 3, "country": "ch"}
    (tmp_path / "in.jsonl").write_bytes(lines([record]) + b"\x1b[31mnonsense\n")
    [chunk] = sources.read([Source(path="in.jsonl", attributes=("country",), weight=2.5)], tmp_path)
    assert chunk.records.schema == tables.RAW
    assert chunk.rejected.schema == tables.LEDGER
    messages = [{"role": "user", "content": "hi"}]
    assert chunk.records.to_pylist() == [
        {
            "id": tables.record_id(messages, "3"),
            "source": "in",
            "messages": messages,
            "label": "3",
            "attributes": [("country", "ch")],
            "extras": [],
            "file": "in.jsonl",
            "line": 1,
            "item": 1,
            "weight": 2.5,
            "format": "labelled",
        }
    ]
    assert chunk.rejected.to_pylist() == [
        {
            "id": None,
            "source": "in",
            "file": "in.jsonl",
            "line": 2,
            "item": 2,
            "step": "reading",
            "reason": "not_json",
            "detail": "Expecting value at character 1",
            "value": None,
            "threshold": None,
            "kept_id": None,
            "hit": None,
            "text": "\\x1b[31mnonsense",
        }
    ]


def _parquet(items: list[dict[str, str]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(items), file)
    return file.getvalue()


def _table(items: list[dict[str, str]], delimiter: str) -> bytes:
    body = [delimiter.join(item.values()) for item in items]
    return "\n".join([delimiter.join(items[0]), *body]).encode()


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
@pytest.mark.parametrize(
    ("ending", "data"),
    [
        (".json", json.dumps(rows(5), indent=2).encode()),
        (".json", lines(rows(5))),
        (".json", json.dumps({"data": rows(5)}).encode()),
        (".jsonl", lines(rows(5))),
        (".ndjson", lines(rows(5))),
        (".jsonl", json.dumps(rows(5)).encode()),
        (".csv", _table(rows(5), ",")),
        (".tsv", _table(rows(5), "\t")),
        (".parquet", _parquet(rows(5))),
    ],
)
def test_every_ending_plain_and_packed(tmp_path: Path, ending: str, data: bytes, packed: str) -> None:
    name = f"data.v1{ending}{packed}"
    (tmp_path / name).write_bytes({"": bytes, ".gz": gzip.compress, ".zst": zstd}[packed](data))
    records, rejected = read(tmp_path, {"path": name})
    assert [record["messages"][0]["content"] for record in records] == [f"question {i}" for i in range(5)]
    assert {record["source"] for record in records} == {"data.v1"}
    assert not rejected


def test_label_lines_with_either_ending(tmp_path: Path) -> None:
    for name, more in (("a.label", {}), ("a.txt", {"format": "labelled"})):
        (tmp_path / name).write_text("NUM:dist How far ?\nHUM:ind Who ?\n")
        records, _ = read(tmp_path, {"path": name, "attributes": ["label_fine"], **more})
        assert [(r["label"], r["attributes"]) for r in records] == [
            ("NUM", [("label_fine", "NUM:dist")]),
            ("HUM", [("label_fine", "HUM:ind")]),
        ]
    assert "`format: labelled`" in refusal(tmp_path, {"path": "a.txt"})


def test_order_names_and_files_are_those_the_user_wrote(tmp_path: Path) -> None:
    for root in (tmp_path / "one", tmp_path / "two" / "deep"):
        (root / "sub").mkdir(parents=True)
        for name in ("b.jsonl", "a.jsonl.gz", "c.json"):
            data = lines(rows(2, name))
            (root / "sub" / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith("gz") else data)
    stated = ({"path": "./sub/c.json", "name": "mine"}, {"path": "sub/*.jsonl*"})
    first, second = read(tmp_path / "one", *stated), read(tmp_path / "two" / "deep", *stated)
    assert first == second
    assert [(row["source"], row["file"], row["line"]) for row in first[0]] == [
        ("mine", "./sub/c.json", 1),
        ("mine", "./sub/c.json", 2),
        ("a", "sub/a.jsonl.gz", 1),
        ("a", "sub/a.jsonl.gz", 2),
        ("b", "sub/b.jsonl", 1),
        ("b", "sub/b.jsonl", 2),
    ]


def test_home_absolute_paths_and_names_with_brackets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a[1].jsonl").write_bytes(lines(rows(1)))
    for path in ("~/a[1].jsonl", "~/*.jsonl"):
        assert read(tmp_path / "elsewhere", {"path": path})[0][0]["file"] == "~/a[1].jsonl"
    absolute = str(tmp_path / "a[1].jsonl")
    assert read(Path("/"), {"path": absolute})[0][0]["file"] == absolute


def test_limit_is_counted_for_each_file(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_bytes(b"bad\n" + lines(rows(5, name)))
    records, rejected = read(tmp_path, {"path": "*.jsonl", "limit": 3})
    assert [record["line"] for record in records] == [2, 3, 2, 3]
    assert len(rejected) == 2


def test_chunks_are_bounded_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 7)
    (tmp_path / "a.jsonl").write_bytes(lines([item for row in rows(10) for item in (row, 1)]))
    (tmp_path / "b.jsonl").write_bytes(lines(rows(4)))
    found = list(sources.read([Source(path="a.jsonl"), Source(path="b.jsonl")], tmp_path))
    counts = [chunk.records.num_rows + chunk.rejected.num_rows for chunk in found]
    assert counts == [7, 7, 7, 3]
    assert sum(chunk.records.num_rows for chunk in found) == 14


def test_progress_adds_up_to_the_size(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(rows(3000)).encode(), mtime=0))
    (tmp_path / "b.jsonl.zst").write_bytes(zstd(lines(rows(3000))))
    (tmp_path / "c.parquet").write_bytes(_parquet(rows(10)))
    stated = [Source(path=name) for name in ("a.json.gz", "b.jsonl.zst", "*.parquet")]
    done: list[int] = []
    assert sum(chunk.records.num_rows for chunk in sources.read(stated, tmp_path, done.append)) == 6010
    assert sum(done) == sources.size(stated, tmp_path) == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert sources.size([Source(hub="owner/name")], tmp_path) is None


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 30), st.data())
def test_one_garbled_line_of_a_file_costs_one_record(
    tmp_path_factory: pytest.TempPathFactory, count: int, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("garbled")
    written = lines(rows(count)).splitlines(keepends=True)
    bad = data.draw(st.integers(0, count - 1))
    written[bad] = data.draw(st.binary(max_size=20)).replace(b"\n", b"") + b"!\n"
    # Bytes that make the whole file one of another kind (a packed one, UTF-16, or one JSON list) are tried elsewhere.
    assume(bad > 0 or not written[0].startswith((b"\x1f\x8b", b"\x28\xb5", b"PK", b"\xff\xfe", b"\xfe\xff")))
    assume(bad > 0 or (b"\0" not in written[0][:4] and not written[0].lstrip().startswith(b"[")))
    (root / "a.jsonl").write_bytes(b"".join(written))
    records, rejected = read(root, {"path": "a.jsonl"})
    assert [record["line"] for record in records] == [i + 1 for i in range(count) if i != bad]
    assert [reject["line"] for reject in rejected] == [bad + 1]


# -- every row is accounted for --------------------------------------------------------------------------------------

ODD_LINES = [
    "",
    "{",
    "[1]",
    "null",
    '{"text": "\\ud800", "label": "a"}',
    '{"text": "a\\u0000", "label": "a"}',
    '{"text": 1}',
    "x",
]
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda text: text.strip()
)
made = st.lists(
    st.fixed_dictionaries({"text": texts, "label": st.sampled_from(["a", "b"])}).map(json.dumps)
    | st.sampled_from([line for line in ODD_LINES if line]),
    min_size=1,
    max_size=12,
)


def accounted_for(root: Path, count: int | None, **stated: Any) -> None:
    """Every row of the file is there once, as a record or a reject; `count`: of all, where it is known."""
    records, rejected = read(root, stated)
    found = sorted(row["item"] for row in records + rejected)
    assert found == list(range(1, len(found) + 1))
    assert count is None or len(found) == count
    for rows_of in (records, rejected):
        assert [row["item"] for row in rows_of] == sorted(row["item"] for row in rows_of)
    assert all(row["reason"] and row["detail"].isprintable() for row in rejected)


@settings(deadline=None, max_examples=40)
@given(made, st.sampled_from([{}, {"filter": {"label": "a"}}, {"filter": {"label": {"not": "a"}}}]))
def test_records_and_rejects_are_the_rows_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, items: list[str], stated: dict[str, Any]
) -> None:
    root = tmp_path_factory.mktemp("any")
    items = [*items, *(json.dumps({"text": "sound", "label": label}) for label in "ab")]
    (root / "a.jsonl").write_text("\n".join(items))
    accounted_for(root, len(items), path="a.jsonl", **stated)
    # Damage in an array may cost, or look like, more than its own item; none is lost unseen or twice.
    (root / "a.json").write_text("[\n" + ",\n".join(items) + "\n]")
    sound = all(item.startswith("{") and item != "{" for item in items)
    accounted_for(root, len(items) if sound else None, path="a.json", **stated)
    fields = [json.loads(item) if item.startswith('{"') else {"text": item} for item in items]
    with (root / "a.csv").open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row in fields:
            writer.writerow(row.values())
    accounted_for(root, len(items), path="a.csv", **stated)


def test_several_rows_on_one_line_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([*rows(2), {"nothing": 1}, *rows(1)]))
    records, rejected = read(tmp_path, {"path": "a.json"})
    assert [(row["line"], row["item"]) for row in records] == [(1, 1), (1, 2), (1, 4)]
    assert [(row["line"], row["item"]) for row in rejected] == [(1, 3)]


def test_items_are_counted_for_each_file_and_after_they_were_split(tmp_path: Path) -> None:
    def question(number: int) -> dict[str, Any]:
        return {"id": str(number), "question": "q?", "answers": [{"text": "c", "answer_start": 0}]}

    article = {"title": "t", "paragraphs": [{"context": "c", "qas": [question(1), {"id": "bad"}, question(3)]}]}
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps({"version": "1.1", "data": [article, article]}))
    records, rejected = read(tmp_path, {"path": "*.json"})
    assert [(row["file"], row["item"]) for row in records] == [
        (f, i) for f in ("a.json", "b.json") for i in (1, 3, 4, 6)
    ]
    assert [(row["file"], row["item"]) for row in rejected] == [(f, i) for f in ("a.json", "b.json") for i in (2, 5)]
    records, rejected = read(tmp_path, {"path": "a.json", "limit": 4})
    assert (len(records), len(rejected)) == (3, 1)


def test_rows_that_do_not_pass_the_filter_go_to_the_ledger(tmp_path: Path) -> None:
    items = [{"text": "t", "label": lang, "meta": {"score": i}} for i, lang in enumerate(["en", "de", "en", "\x1b"])]
    (tmp_path / "a.jsonl").write_bytes(lines(items))
    records, rejected = read(tmp_path, {"path": "a.jsonl", "filter": {"label": "en", "meta.score": {"max": 1}}})
    assert [row["item"] for row in records] == [1]
    assert [(r["item"], r["step"], r["reason"], r["value"], r["threshold"]) for r in rejected] == [
        (2, "filter", "filtered", "de", "'en'"),
        (3, "filter", "filtered", "2", "at most 1"),
        (4, "filter", "filtered", "\\x1b", "'en'"),
    ]
    said = refusal(tmp_path, {"path": "a.jsonl", "filter": {"lang": "en"}})
    assert "a.jsonl: no row has the column 'lang' (filter); it has: text, label, meta" in said
    assert "filtered: the column 'label' is 'en'; the filter asks for: 'fr'" in refusal(
        tmp_path, {"path": "a.jsonl", "filter": {"label": "fr"}}
    )


def test_a_file_may_be_read_twice_through_different_filters(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([{"text": "t", "label": label} for label in "ab"]))
    stated = [
        {"path": "a.jsonl", "filter": {"label": label}, "weight": weight} for label, weight in (("a", 1), ("b", 3))
    ]
    records, _ = read(tmp_path, *stated)
    assert [(row["label"], row["weight"]) for row in records] == [("a", 1.0), ("b", 3.0)]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "{lang: {nott: en}}",
            "expected for 'lang' a value, a list of values, or a section with not, min, max, contains",
        ),
        ("{lang: {}}", "expected for 'lang' a value"),
        ("{lang: {matches: '(?=a)'}}", "expected for 'lang' a regular expression that RE2 knows"),
        ("{n: {min: 3, max: 1}}", "expected for 'n' a min (3) of at most its max (1)"),
        ("{n: {min: three}}", "expected for 'n' a number as min or max"),
        ("{n: {contains: 3}}", "expected for 'n' a text in `contains` and `matches`"),
        ("{n: []}", "expected for 'n' at least one value"),
        ("{n: [[1]]}", "expected for 'n' a text, number, truth value or null"),
        ("{n: .inf}", "expected for 'n' a text, number, truth value or null"),
        ("{1: a}", "expected the column 1 in quotes"),
        ("en", "expected columns and what they must be, such as {lang: en}"),
    ],
)
def test_a_filter_that_cannot_be_followed_is_refused_with_the_settings(written: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        params.parse(f"raw_data: {{sources: [{{path: a.jsonl, filter: {written}}}]}}")
    assert f"raw_data.sources[0].filter: {said}" in str(caught.value)


def test_filters_as_they_are_written() -> None:
    text = "{path: a, filter: {a: en, b: [1, null, true], c: {not: [x], min: 1, matches: '^a'}}, weight: 2}"
    [source] = params.parse(f"raw_data: {{sources: [{text}]}}").raw_data.sources
    assert source.filter["a"].among == ("en",)
    assert source.filter["b"].among == ("1", None, "true")
    assert (source.filter["c"].not_among, source.filter["c"].min, source.filter["c"].matches) == (("x",), 1.0, "^a")
    assert source.weight == 2.0


def test_texts_that_nothing_can_hold_are_left_out_by_name(tmp_path: Path) -> None:
    texts = ["fine \t\n", "nul \0", "half \ud800", "control \x03", "bell \x07 too", "emoji \U0001f600", "\u200b"]
    (tmp_path / "a.jsonl").write_bytes(lines([{"text": text, "label": "a"} for text in texts]))
    records, rejected = read(tmp_path, {"path": "a.jsonl"})
    assert [row["messages"][0]["content"] for row in records] == [texts[0], texts[5], texts[6]]
    assert [(row["item"], row["reason"]) for row in rejected] == [
        (2, "nul_character"),
        (3, "lone_surrogate"),
        (4, "control_character"),
        (5, "control_character"),
    ]
    assert all((row["text"] + row["detail"]).isprintable() for row in rejected)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "latin-1", "gb18030", "shift_jis"])
def test_encodings(tmp_path: Path, encoding: str, mark: str) -> None:
    text = {"latin-1": "é", "gb18030": "你好", "shift_jis": "日本"}.get(encoding, "é你😀")
    if mark and encoding in ("latin-1", "shift_jis", "utf-16"):
        mark = ""
    (tmp_path / "a.csv").write_bytes(f"{mark}text,label\n{text},a\n".encode(encoding))
    records, _ = read(tmp_path, {"path": "a.csv", "encoding": encoding})
    assert records[0]["messages"][0]["content"] == text


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", lines([{"text": "x" * length, "label": "a"} for length in (10, 2000, 20)])),
        ("a.json", json.dumps([{"text": "x" * length, "label": "a"} for length in (10, 2000, 20)], indent=1).encode()),
        ("a.csv", b"text,label\nx,a\n" + b"x" * 2000 + b",a\ny,a\n"),
        ("a.txt", b"a x\na " + b"x" * 2000 + b"\na y\n"),
    ],
)
def test_what_is_longer_than_stated_is_left_out_by_name(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    stated = [Source(path=name, format="labelled")]
    found = list(sources.read(stated, tmp_path, max_item_chars=1000))
    [reject] = [row for chunk in found for row in chunk.rejected.to_pylist()]
    assert sum(chunk.records.num_rows for chunk in found) == 2
    assert (reject["item"], reject["reason"], reject["value"], reject["threshold"]) == (
        2,
        "too_long",
        "over 1000",
        "1000",
    )
    assert "raw_data.max_item_chars" in reject["detail"]


def test_a_row_of_a_table_may_be_too_long_as_well(tmp_path: Path) -> None:
    items = [{"text": "x" * length, "label": "a"} for length in (10, 2000)]
    pq.write_table(pa.Table.from_pylist(items), tmp_path / "a.parquet")
    [chunk] = sources.read([Source(path="a.parquet")], tmp_path, max_item_chars=1000)
    [reject] = chunk.rejected.to_pylist()
    assert (reject["item"], reject["reason"], reject["value"], reject["threshold"]) == (2, "too_long", "2000", "1000")
    for size in (999, 16 * 2**20 + 1):
        with pytest.raises(SettingsError, match=r"raw_data\.max_item_chars"):
            params.parse(f"raw_data: {{max_item_chars: {size}}}")


# -- files of lines --------------------------------------------------------------------------------------------------


def test_lines_of_any_ending_whose_format_is_stated(tmp_path: Path) -> None:
    (tmp_path / "notes.log").write_text("1 The developer\n\n  spaces kept \n")
    (tmp_path / "eng.train").write_text("EU NNP B-ORG\n. . O\n\na DT O\n")
    (tmp_path / "spam.data").write_text("spam buy this\n")
    assert "notes.log: unknown ending" in refusal(tmp_path, {"path": "notes.log"})
    records, _ = read(tmp_path, {"path": "notes.log", "format": "text"})
    assert [(row["line"], row["messages"][0]["content"]) for row in records] == [
        (1, "1 The developer"),
        (3, "  spaces kept "),
    ]
    records, _ = read(tmp_path, {"path": "eng.train", "format": "token-labels", "columns": {"tags": "1"}})
    assert [[turn["content"] for turn in row["messages"]] for row in records] == [["EU .", "NNP ."], ["a", "DT"]]
    [record], _ = read(tmp_path, {"path": "spam.data", "format": "labelled"})
    assert (record["source"], record["label"]) == ("spam.data", "spam")


def test_parallel_text(tmp_path: Path) -> None:
    for name, text in (("a.en", "one\n\nthree\n"), ("b.en", "four\n"), ("a.de", "eins\n\ndrei\n"), ("b.de", "vier\n")):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    stated = {"path": "*.en.gz", "target_path": "*.de.gz"}
    records, rejected = read(tmp_path, stated)
    assert not rejected
    assert [
        (r["file"], r["line"], r["item"], r["format"], *(t["content"] for t in r["messages"])) for r in records
    ] == [
        ("a.en.gz", 1, 1, "translation", "one", "eins"),
        ("a.en.gz", 3, 2, "translation", "three", "drei"),
        ("b.en.gz", 1, 1, "translation", "four", "vier"),
    ]
    before = _fingerprint(tmp_path, **stated)
    (tmp_path / "b.de.gz").write_bytes(gzip.compress(b"vier\nzu viel\n", mtime=0))
    assert _fingerprint(tmp_path, **stated) != before
    assert "b.en.gz and b.de.gz: 1 lines against 2; the lines of both must pair up" in refusal(tmp_path, stated)
    (tmp_path / "b.de.gz").unlink()
    assert "*.en.gz: means 2 files where *.de.gz (target_path) means 1" in refusal(tmp_path, stated)
    assert "b.de.gz: no such file" in refusal(tmp_path, {"path": "b.en.gz", "target_path": "b.de.gz"})


def test_columns_inside_columns(tmp_path: Path) -> None:
    item = {"task": "q", "cases": [{"out": "a", "kind": "x"}]}
    (tmp_path / "a.jsonl").write_bytes(lines([item, {"task": "q", "cases": []}]))
    columns = {"prompt": "task", "completion": "cases.0.out"}
    [record], [reject] = read(tmp_path, {"path": "a.jsonl", "columns": columns, "attributes": ["cases.0.kind"]})
    assert [turn["content"] for turn in record["messages"]] == ["q", "a"]
    assert record["attributes"] == [("cases.0.kind", "x")]
    assert (reject["reason"], reject["item"]) == ("missing_field", 2)


# -- refusals --------------------------------------------------------------------------------------------------------


def test_nothing_is_read_before_every_source_is_found(tmp_path: Path) -> None:
    (tmp_path / "good.jsonl").write_bytes(lines(rows(1)))
    found = sources.read([Source(path="good.jsonl"), Source(path="missing.jsonl")], tmp_path)
    with pytest.raises(SourceError, match=r"missing\.jsonl: no such file"):
        next(found)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.jsonl", b"", "a.jsonl: is empty"),
        ("a.json", b"[]", "a.json: holds no rows"),
        ("a.jsonl", b"\n \n", "a.jsonl: holds no rows"),
        ("a.csv", b"text,label\n", "a.csv: holds no rows"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), "a.jsonl.gz: holds no rows"),
        ("a.docx", b"PK", "a.docx: unknown ending; known: .json, .jsonl"),
        ("a.gz", gzip.compress(b"{}", mtime=0), "a.gz: unknown ending"),
        ("a.json.gz", b'[{"a": 1}]', "a.json.gz: is not gzip data, though its name says so"),
        ("a.json.zst", b'[{"a": 1}]', "a.json.zst: is not zstd data, though its name says so"),
        ("a.json", gzip.compress(b"[]", mtime=0), "a.json: holds gzip data, not text"),
        ("a.csv", b"PK\3\4....", "a.csv: holds a zip archive, not text"),
        ("a.parquet", b"text,label\n1,2", "a.parquet: damaged or not Parquet"),
        ("a.csv", b"a,a\n1,2\n", "a.csv: the header names the column 'a' twice"),
        ("a.jsonl", b"\nhello\nworld\n", "a.jsonl: nothing in it can be read; line 2: not_json: Expecting value"),
        ("a.jsonl", b'{"text": "caf\xe9"}', "line 1: not_text: byte 0xe9 at character 14 is not utf-8; state the `enc"),
        ("a.tsv", b"some text\t1\nmore\t0\n", "unknown_format: no known format has the columns 'some text', '1'"),
        ("a.json", b'{"a": [{"b": 1}], "c": [{"d": 1}]}', "unknown_format: no known format has the columns 'b', 'key'"),
    ],
)
def test_files_of_no_use_are_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert said in refusal(tmp_path, {"path": name})


def test_folders_and_patterns_without_a_match(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "folder: is a folder; name the files in it, such as folder/*.jsonl" in refusal(tmp_path, {"path": "folder"})
    assert "*.jsonl: no file matches this pattern" in refusal(tmp_path, {"path": "*.jsonl"})


@pytest.mark.parametrize(("name", "pack"), [("a.jsonl.gz", gzip.compress), ("a.jsonl.zst", zstd)])
def test_a_file_that_is_cut_off_is_not_read_in_half(tmp_path: Path, name: str, pack: Any) -> None:
    # Random words, so that it does not all fit into one block.
    digits = random.Random(1)
    packed = pack(lines([{"text": f"{digits.random()}", "label": i % 3} for i in range(60_000)]))
    (tmp_path / name).write_bytes(packed[: len(packed) * 2 // 3])
    said = refusal(tmp_path, {"path": name})
    assert f"{name}: the {'gzip' if name.endswith('gz') else 'zstd'} data are damaged or cut off, after line " in said
    assert int(said.rsplit(" ", 1)[1]) > 10_000


def test_a_changed_byte_in_gzip_data_is_noticed(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(lines(rows(500)), mtime=0))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "a.jsonl.gz").write_bytes(bytes(packed))
    assert "a.jsonl.gz: the gzip data are damaged or cut off" in refusal(tmp_path, {"path": "a.jsonl.gz"})


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(rows(1)))
    (tmp_path / "a.jsonl").chmod(0)
    assert "a.jsonl: cannot be read: Permission denied" in refusal(tmp_path, {"path": "a.jsonl"})


def test_stated_columns_that_no_row_has(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([{"text": "a", "label": 1}, {"text": "b", "label": 1, "rare": 2}]))
    there = "it has: text, label, rare"
    for stated, setting in (
        ({"columns": {"text": "txt"}}, "'txt' (columns.text)"),
        ({"columns": {"label": "txt"}}, "'txt' (columns.label)"),
        ({"columns": {"text": "text", "system": "txt"}}, "'txt' (columns.system)"),
        ({"attributes": ["rare", "txt"]}, "'txt' (attributes)"),
    ):
        said = refusal(tmp_path, {"path": "a.jsonl", **stated})
        assert f"a.jsonl: no row has the column {setting}; {there}" in said
    records, _ = read(tmp_path, {"path": "a.jsonl", "attributes": ["rare"]})
    assert [record["attributes"] for record in records] == [[], [("rare", "2")]]


def test_a_stated_column_may_be_missing_in_one_file_of_several(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([{"text": "a", "label": 1}]))
    (tmp_path / "b.jsonl").write_bytes(lines([{"text": "b", "label": 1, "x": 2}]))
    records, _ = read(tmp_path, {"path": "*.jsonl", "attributes": ["x"]})
    assert [record["attributes"] for record in records] == [[], [("x", "2")]]
    assert "*.jsonl: no row has the column 'y'" in refusal(tmp_path, {"path": "*.jsonl", "attributes": ["y"]})


def test_a_stated_format_is_kept_to(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([{"prompt": "q", "completion": "a", "text": "t", "label": 1}]))
    assert read(tmp_path, {"path": "a.jsonl"})[0][0]["format"] == "prompt-completion"
    assert read(tmp_path, {"path": "a.jsonl", "format": "labelled"})[0][0]["messages"][0]["content"] == "t"
    assert "missing_field: no 'instruction'" in refusal(tmp_path, {"path": "a.jsonl", "format": "alpaca"})


# -- the fingerprint -------------------------------------------------------------------------------------------------


def _fingerprint(root: Path, known: dict[str, str] | None = None, **stated: Any) -> str:
    return sources.fingerprint([Source(**stated)], root, known)


def test_the_fingerprint_follows_content_and_settings_but_not_the_place(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    (one / "a.jsonl").write_bytes(lines(rows(3)))
    shutil.copytree(one, two)
    before = _fingerprint(one, path="*.jsonl")
    assert before == _fingerprint(two, path="*.jsonl")
    assert before != _fingerprint(one, path="a.jsonl")
    assert before != _fingerprint(one, path="*.jsonl", limit=2)
    (two / "b.jsonl").write_bytes(lines(rows(1)))
    assert before != _fingerprint(two, path="*.jsonl")
    (one / "a.jsonl").write_bytes(lines(rows(3)).replace(b"answer 1", b"answer 7"))
    assert before != _fingerprint(one, path="*.jsonl")


def test_known_files_are_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(lines(rows(3)))
    known: dict[str, str] = {}
    fresh = _fingerprint(tmp_path, known, path="a.jsonl")
    assert not known  # changed this very moment: a second change could bear the same time
    os.utime(file, (1, 1))
    assert _fingerprint(tmp_path, known, path="a.jsonl") == fresh
    [key] = known
    known[key] = "remembered"
    remembered = _fingerprint(tmp_path, known, path="a.jsonl")
    assert remembered != fresh
    os.utime(file, (2, 2))
    assert _fingerprint(tmp_path, known, path="a.jsonl") == fresh


def test_the_fingerprint_refuses_what_reading_refuses(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        _fingerprint(tmp_path, path="a.jsonl")


# -- the demo --------------------------------------------------------------------------------------------------------


def test_the_demo_is_a_real_skewed_noisy_set(tmp_path: Path) -> None:
    records, rejected = read(tmp_path, {"demo": True})
    assert 5_000 < len(records) < 9_000
    assert not rejected
    assert {record["source"] for record in records} == {"demo"}
    assert {record["format"] for record in records} == {"alpaca"}
    files = list(dict.fromkeys(record["file"] for record in records))
    assert files == sorted(files)
    assert {"stdlib/posixpath.py", "stdlib/json/__init__.py"} <= set(files)
    assert not any("/test" in name or "site-packages" in name or "idlelib" in name for name in files)
    areas = Counter(record["label"] for record in records)
    assert len(areas) > 10
    assert areas["other"] < 0.1 * len(records)
    assert max(areas.values()) > 10 * min(areas.values())
    answers = Counter(record["messages"][1]["content"] for record in records)
    assert sum(answers.values()) > len(answers)
    kinds = Counter(dict(record["attributes"])["kind"] for record in records)
    assert set(kinds) == {"function", "class", "method"}
    assert any(dict(record["attributes"])["visibility"] == "private" for record in records)
    [join] = [r for r in records if r["file"] == "stdlib/posixpath.py" and "`posixpath.join`" in str(r["messages"][0])]
    assert join["messages"][1]["content"].startswith("Join two or more pathname components")
    assert join["label"] == "operating system"


def test_a_small_demo_has_some_of_every_file(tmp_path: Path) -> None:
    records, _ = read(tmp_path, {"demo": True, "limit": 1, "name": "python"})
    assert max(Counter(record["file"] for record in records).values()) == 1
    assert {record["source"] for record in records} == {"python"}


def test_the_demo_has_a_size_and_a_fingerprint(tmp_path: Path) -> None:
    assert (sources.size([Source(demo=True)], tmp_path) or 0) > 1_000_000
    assert _fingerprint(tmp_path, demo=True) == _fingerprint(tmp_path / "elsewhere", demo=True)


# -- the hub ---------------------------------------------------------------------------------------------------------


def test_rows_of_a_hub_data_set_with_classes_by_name() -> None:
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    items = [
        {"text": "a", "label": 1},
        {"text": "b", "label": 0},
        {"text": "c", "label": -1},
        {"text": "d", "label": None},
    ]
    dataset = datasets.Dataset.from_list(items, features=features)
    found = list(hub.dataset_rows(dataset))
    assert [(row.line, row.value) for row in found] == [
        (1, {"text": "a", "label": "yes"}),
        (2, {"text": "b", "label": "no"}),
        (3, {"text": "c", "label": None}),
        (4, {"text": "d", "label": None}),
    ]
    shuffled = dataset.select([2, 0])
    assert [row.value["text"] for row in hub.dataset_rows(shuffled)] == ["c", "a"]


def test_a_hub_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    for work in (lambda: read(tmp_path, {"hub": "owner/name"}), lambda: _fingerprint(tmp_path, hub="owner/name")):
        with pytest.raises(SourceError) as caught:
            work()
        said = str(caught.value)
        assert said.startswith("hub:owner/name: cannot be loaded (")
        assert "HF_TOKEN" in said
        assert said.isprintable()


def test_a_commit_needs_no_hub_for_its_fingerprint(tmp_path: Path) -> None:
    one, two = ("0" * 40, "1" * 40)
    assert _fingerprint(tmp_path, hub="owner/name", revision=one) != _fingerprint(
        tmp_path, hub="owner/name", revision=two
    )


def test_hugging_face_is_told_nothing() -> None:
    import huggingface_hub

    assert huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY
