"""Hostile and odd input: bounded time and memory, one reject for one fault, and never another error."""

from __future__ import annotations

import codecs
import io
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods import json_document, json_window, parallel, reading, rows, separated, token_lines
from assets.methods.formats import to_records
from assets.methods.rows import Item, Reject, Row, UnreadableError
from assets.methods.values import Unfit

Reader = Callable[[Iterator[bytes], int], Iterator[Row]]
ENCODED: list[Callable[[Iterator[bytes], str], Iterator[Row]]] = [
    reading.json_items,
    reading.json_lines,
    reading.label_lines,
    reading.text_lines,
    token_lines.token_lines,
    lambda chunks, encoding: separated.separated(chunks, ",", None, encoding),
    lambda chunks, encoding: json_document.json_document(chunks, encoding, ["text"]),
]
READERS: list[Reader] = [
    lambda chunks, most: json_document.json_document(chunks, max_chars=most),
    lambda chunks, most: json_document.json_document(chunks, header=["text"], max_chars=most),
    lambda chunks, most: reading.json_items(chunks, max_chars=most),
    lambda chunks, most: reading.json_lines(chunks, max_chars=most),
    lambda chunks, most: reading.label_lines(chunks, max_chars=most),
    lambda chunks, most: reading.text_lines(chunks, max_chars=most),
    lambda chunks, most: separated.separated(chunks, max_chars=most),
    lambda chunks, most: separated.separated(chunks, "\t", ["text", "label"], max_chars=most),
    lambda chunks, most: token_lines.token_lines(chunks, max_chars=most),
    lambda chunks, most: parallel.parallel_lines(chunks, iter([b"x\n" * 500] * 40), max_chars=most),
]


def split(found: Iterator[Row]) -> tuple[list[Item], list[Reject]]:
    both = list(found)
    return [r for r in both if isinstance(r, Item)], [r for r in both if isinstance(r, Reject)]


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


# -- any bytes -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(
    st.binary(max_size=60) | st.text('{}[]",:\\ \nabc1\t\r\ufeff', max_size=60).map(str.encode),
    st.sampled_from(["utf-8", "latin-1", "utf-16", "utf-16-le", "gb18030", "utf-7", "shift_jis"]),
    st.integers(1, 9),
)
def test_any_bytes_are_rows_or_an_unreadable_file(data: bytes, encoding: str, size: int) -> None:
    for reader in ENCODED:
        _read_or_refuse(reader(cut(data, size), encoding))


def _read_or_refuse(read: Iterator[Row]) -> None:
    try:
        found = list(read)
    except UnreadableError:
        return
    assert all(row.line >= 1 for row in found)
    assert [row.line for row in found] == sorted(row.line for row in found)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_damage_to_parquet_is_an_unreadable_file_or_rows(data: st.DataObject) -> None:
    file = io.BytesIO()
    table = pa.table({"text": [f"text {i}" for i in range(50)], "label": list(range(50)), "turns": [[{"a": "b"}]] * 50})
    pq.write_table(table, file, write_page_checksum=True)
    damaged = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = list(reading.parquet(io.BytesIO(bytes(damaged))))
    except (UnreadableError, OSError):
        return
    assert all(isinstance(row, Item | Reject) for row in found)


# -- nesting and numbers ---------------------------------------------------------------------------------------------


def nested(depth: int, open: str = "[", close: str = "]") -> str:
    return '{"text":' + open * (depth - 1) + "1" + close * (depth - 1) + "}"


@pytest.mark.parametrize(("open", "close"), [("[", "]"), ('{"text":', "}")])
def test_how_deep_an_item_may_be_does_not_depend_on_the_caller(open: str, close: str) -> None:
    limit = json_window.MAX_NESTING

    def read(frames: int) -> list[tuple[int, bool]]:
        if frames:
            return read(frames - 1)
        depths = [1, limit, limit + 1, 700, 990, 100_000]
        found = reading.json_lines([nested(depth, open, close).encode() + b"\n" for depth in depths])
        return [(row.line, isinstance(row, Item)) for row in found]

    expected = [(1, True), (2, True), (3, False), (4, False), (5, False), (6, False)]
    assert read(0) == read(sys.getrecursionlimit() // 2) == expected


@pytest.mark.parametrize("depth", [300, 990, 100_000])
@pytest.mark.parametrize("break_", ["\n", ""])
def test_an_item_nested_too_deeply_costs_itself_and_its_inner_objects_are_no_items(depth: int, break_: str) -> None:
    good = '{"text": "a", "label": "b"}'
    for open, close in (("[", "]"), ('{"text":', "}")):
        text = f"[{good},{break_}{nested(depth, open, close)},{break_}{good}]"
        for size in (len(text), 70_000):
            kept, [reject] = split(json_document.json_document(cut(text.encode(), size)))
            assert [item.value["label"] for item in kept] == ["b", "b"]
            assert (reject.reason, reject.detail) == ("not_json", "nested too deeply")


def test_brackets_that_never_close_cost_little_time() -> None:
    for text in ("[" * 300_000, '{"a":' * 100_000, "[" + '{"a":[' * 100_000, '{"a":"' + "[" * 300_000):
        started = time.process_time()
        kept, rejected = split(json_document.json_document([text.encode()]))
        assert not kept
        assert rejected
        assert time.process_time() - started < 5


def test_a_number_of_thousands_of_digits_costs_its_item() -> None:
    data = b'[{"a": 1, "b": {"a": 2}}, {"a": ' + b"9" * 5000 + b', "b": {"a": 2}}, {"a": 3}]'
    kept, [reject] = split(json_document.json_document([data]))
    assert [item.value["a"] for item in kept] == [1, 3]
    assert reject.detail == "a number has too many digits"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "Infinity", '{"a": [1e999]}', '{"a": NaN}'])
def test_a_number_that_is_not_finite_is_no_label_and_no_attribute(number: str) -> None:
    [item] = reading.json_lines([f'{{"text": "a", "x": {number}}}'.encode()])
    assert isinstance(item, Item)
    [refused] = to_records(item.value, "labelled", {}, ["x"])
    assert isinstance(refused, Unfit)
    assert refused.reason == "not_finite"


# -- long lines and windows ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("filling", [b"x", b"[", b'"', b" ", b"\n", b'{"a":', b"{},", b'a","\n', b'""\n', b"x\t"])
@pytest.mark.parametrize("begin", [b'[{"a": "', b'text,label\n"'])
def test_an_endless_input_is_read_in_bounded_memory_and_time(
    reader: Reader, filling: bytes, begin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_FREE_WASTE", 2**18)
    piece = (filling * 1_000)[:1_000]
    started = time.process_time()
    tracemalloc.start()
    try:
        for _ in reader(iter([begin, *[piece] * 20]), 2_000):
            pass
    except UnreadableError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1_000_000  # lists of small values take some 60 bytes a character; it does not grow with the input
    assert time.process_time() - started < 20


def test_quotes_that_open_on_every_line_end_in_a_refusal_not_in_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_FREE_WASTE", 2**20)
    with pytest.raises(UnreadableError, match="damaged in too many places to be mended, at line"):
        list(separated.separated([b"text,label\n", b'a","\n' * 50_000]))


def test_a_long_line_behind_blanks_is_not_taken_for_a_blank_one() -> None:
    data = b'{"a": 1}\n' + b" " * 500 + b'{"a": 2}\n{"a": 3}\n'
    for found in (reading.json_lines([data], max_chars=100), reading.json_items([data], lines=True, max_chars=100)):
        kept, [reject] = split(found)
        assert [item.line for item in kept] == [1, 3]
        assert (reject.line, reject.reason) == (2, "too_long")
    _, [reject] = split(reading.label_lines([b"A" * 500], max_chars=100))
    assert (reject.reason, reject.value, reject.threshold) == ("too_long", "over 100", "100")


@pytest.mark.parametrize("size", [100, 10_000])
def test_an_item_beyond_the_window_says_so_however_much_is_held(size: int) -> None:
    data = b'[\n{"a": "1"},\n{"a": "' + b"x" * 5000 + b'"},\n{"a": "3"}\n]'
    kept, [reject] = split(json_document.json_document(cut(data, size), max_chars=1000))
    assert [item.value["a"] for item in kept] == ["1", "3"]
    assert "no end within 1,000 characters" in reject.detail
    assert (reject.reason, reject.value, reject.threshold) == ("too_long", "over 1000", "1000")


@settings(deadline=None, max_examples=100)
@given(st.text("ab\r\n\ufeff", max_size=30), st.integers(1, 5))
def test_lines_are_those_of_the_whole_text(text: str, size: int) -> None:
    found = list(rows.lines((text[i : i + size] for i in range(0, len(text), size)), rows.ANY_LINE_END))
    assert found == [line.removeprefix("\ufeff") for line in text.splitlines(keepends=True)]


# -- encodings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_characters_are_read_if_stated_and_named_if_not(encoding: str) -> None:
    data = 'text,label\n"é\n",a\n'.encode(encoding)
    assert list(separated.separated([data], encoding=encoding)) == [Item(2, {"text": "é\n", "label": "a"})]
    if encoding != "utf-32":
        with pytest.raises(UnreadableError, match=r"state (`encoding: utf-16`|the `encoding`)"):
            list(separated.separated([data]))


def test_an_encoding_that_the_file_is_not_in() -> None:
    with pytest.raises(UnreadableError, match=r"cannot be read as utf-16 .*; state the `encoding`"):
        list(reading.json_lines([b'{"a": 1}\n'], "utf-16"))
    with pytest.raises(UnreadableError, match="cannot be read as idna"):
        list(reading.json_lines([b'{"a": 1}\n'], "idna"))


def test_files_that_were_joined() -> None:
    mark = codecs.BOM_UTF8
    joined = mark + b'{"a": 1}\n' + mark + b'{"a": 2}\n'
    assert [item.value["a"] for item in split(reading.json_lines([joined]))[0]] == [1, 2]
    table = mark + b'text,label\n"b",c\n'
    kept, [reject] = split(separated.separated([table + table]))
    assert [item.value for item in kept] == [{"text": "b", "label": "c"}] * 2
    assert (reject.line, reject.reason, reject.detail) == (3, "header_line", "the header line again")


def test_every_kind_of_line_end_of_label_lines() -> None:
    kept, _ = split(reading.label_lines([b"A one\r", b"\nB two\rC three\nD four"]))
    assert [(item.line, item.value["text"]) for item in kept] == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]


def test_columns_without_a_name() -> None:
    assert split(separated.separated([b",text\n0,a\n"]))[0] == [Item(2, {"": "0", "text": "a"})]
    with pytest.raises(UnreadableError, match="two columns without a name"):
        list(separated.separated([b"text,,\na,b,c\n"]))
    with pytest.raises(UnreadableError, match="'a' twice"):
        list(separated.separated([b"1,2\n"], header=["a", "a"]))


# -- Parquet ---------------------------------------------------------------------------------------------------------


def parquet(**columns: Any) -> list[Row]:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    file.seek(0)
    return list(reading.parquet(file))


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        (pa.array([3.0, None, 2.5]), ["3", None, "2.5"]),
        (pa.array([-0.0, 1e300, float("nan")]), ["0", "1e+300", None]),
        (pa.array([True, None]), ["true", None]),
        (pa.array(["x", "y", None]).dictionary_encode(), ["x", "y", None]),
        (pa.array([0, None], pa.timestamp("s")), ["1970-01-01 00:00:00", None]),
        (pa.array([1], pa.timestamp("ns")), ["1970-01-01 00:00:00.000000001"]),
        (pa.array([b"x"]), ["wrong_type"]),
        (pa.array([["x"]]), ["wrong_type"]),
        (pa.array([{"a": 1}]), ["wrong_type"]),
        (pa.array([float("inf")]), ["not_finite"]),
    ],
)
def test_labels_of_every_type(column: pa.Array, labels: list[str | None]) -> None:
    found = parquet(text=["t"] * len(column), label=column)
    results = [to_records(row.value, "labelled", {})[0] for row in found if isinstance(row, Item)]
    assert [result.reason if isinstance(result, Unfit) else result.label for result in results] == labels


def test_values_that_python_has_not_cost_their_row() -> None:
    for bad in (pa.array([0, 2**30], pa.date32()), pa.array([0, 2**62], pa.timestamp("us"))):
        kept, [reject] = split(iter(parquet(text=["a", "b"], label=bad)))
        assert [item.value["text"] for item in kept] == ["a"]
        assert (reject.line, reject.reason) == (2, "wrong_type")
    nowhere = parquet(label=pa.array([0, 1], pa.timestamp("us", "Nowhere/Land")))
    assert [type(row) for row in nowhere] == [Reject, Reject]


def test_a_table_of_no_rows_and_one_of_nested_rows() -> None:
    assert parquet(text=pa.array([], pa.string())) == []
    turns = [{"role": "user", "content": "q"}]
    assert parquet(messages=[turns]) == [Item(1, {"messages": turns})]


def test_damage_is_noticed_where_there_are_checksums() -> None:
    file = io.BytesIO()
    words = random.Random(0)
    texts = [f"{words.random()}" for _ in range(2000)]
    pq.write_table(pa.table({"text": texts}), file, write_page_checksum=True, compression="none")
    data = file.getvalue()
    place = data.index(texts[1000].encode())
    with pytest.raises((UnreadableError, OSError)):
        list(reading.parquet(io.BytesIO(data[:place] + b"9" + data[place + 1 :])))


def test_extra_keys_of_turns_and_texts_that_look_like_numbers() -> None:
    line = json.dumps({"messages": [{"role": "user", "content": "3.0", "weight": 1, "x": [1]}], "label": "3.0"})
    [item] = reading.json_lines([line.encode()])
    assert isinstance(item, Item)
    [record] = to_records(item.value, "messages", {})
    assert not isinstance(record, Unfit)
    assert (record.messages, record.label) == ([{"role": "user", "content": "3.0"}], "3.0")
