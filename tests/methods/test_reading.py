"""Bytes to items: what was written is read back, and a fault costs the item it stands in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assets.methods import json_document, reading, separated
from assets.methods.rows import Item, Reject, Row, UnreadableError

quick = settings(deadline=None, max_examples=60)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.lists(st.dictionaries(texts, values, max_size=4), max_size=8)
pieces = st.integers(1, 50)
layouts = st.sampled_from([{"indent": 2}, {"indent": 4, "ensure_ascii": False}, {"separators": (",", ":")}, {}])


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def items(rows: Iterator[Row]) -> list[dict[str, Any]]:
    return [row.value for row in rows if isinstance(row, Item)]


def split(rows: Iterator[Row]) -> tuple[list[Item], list[Reject]]:
    both = list(rows)
    return [r for r in both if isinstance(r, Item)], [r for r in both if isinstance(r, Reject)]


def alpaca(count: int) -> list[dict[str, str]]:
    return [{"instruction": f"question {i}", "input": "", "output": f"answer {i}"} for i in range(count)]


# -- JSON Lines ------------------------------------------------------------------------------------------------------


@quick
@given(objects, pieces, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]))
def test_json_lines_round_trip(rows: list[dict[str, Any]], size: int, encoding: str) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    read = list(reading.json_lines(cut(text.encode(encoding), size), encoding.removesuffix("-sig")))
    assert read == [Item(i, row) for i, row in enumerate(rows, 1)]


@quick
@given(
    st.integers(1, 8), st.data(), st.sampled_from([b"{", b"nonsense", b'{"a": }', b'{"a": "\xff"}', b"[1]", b"7", b'"'])
)
def test_a_bad_line_costs_exactly_one_item(count: int, data: st.DataObject, junk: bytes) -> None:
    lines = [json.dumps(row).encode() for row in alpaca(count)]
    bad = data.draw(st.integers(0, count - 1))
    lines[bad] = junk
    kept, rejected = split(reading.json_lines([b"\n".join(lines)]))
    assert [item.value for item in kept] == [row for i, row in enumerate(alpaca(count)) if i != bad]
    assert [reject.line for reject in rejected] == [bad + 1]


@pytest.mark.parametrize(
    ("line", "reason", "said"),
    [
        (b'{"a": 1', "not_json", "Expecting"),
        (b"[1, 2]", "not_an_object", "a list"),
        (b'"text"', "not_an_object", "a text"),
        (b"3", "not_an_object", "a number"),
        (b"true", "not_an_object", "true or false"),
        (b"null", "not_an_object", "null"),
        (b'{"a": "caf\xe9"}', "not_text", "byte 0xe9 at character 11 is not utf-8; state the `encoding`"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not_json", "too many digits"),
        (b'{"a": ' + b"[" * 100_000, "not_json", "nested too deeply"),
    ],
)
def test_why_a_line_is_rejected(line: bytes, reason: str, said: str) -> None:
    kept, [reject] = split(reading.json_lines([b'{"ok": 1}\n', line, b"\n\n", b'{"ok": 2}']))
    assert [item.line for item in kept] == [1, 4]
    assert (reject.line, reject.reason) == (2, reason)
    assert said in reject.detail


def test_the_text_of_an_undecodable_line_shows_its_bytes() -> None:
    [reject] = reading.json_lines([b'{"a": "caf\xe9"}'])
    assert isinstance(reject, Reject)
    assert reject.text == '{"a": "caf\\xe9"}'


def test_other_line_separators_of_unicode_do_not_end_a_json_line() -> None:
    value = {"a": "one\u2028two\u0085three\x0bfour".replace("\x0b", "")}
    assert items(reading.json_lines([json.dumps(value, ensure_ascii=False).encode()])) == [value]


def test_nan_is_a_number_and_the_last_of_two_equal_keys_counts() -> None:
    [value] = items(reading.json_lines([b'{"a": 1, "a": 2, "b": NaN}']))
    assert value["a"] == 2
    assert value["b"] != value["b"]


def test_an_endless_line_is_rejected_without_being_held() -> None:
    kept, [reject] = split(reading.json_lines([b'{"a": "', *[b"x" * 90] * 50, b'"}\n{"a": 1}\n'], max_chars=100))
    assert (reject.line, reject.reason) == (1, "too_long")
    assert kept == [Item(2, {"a": 1})]


# -- JSON documents --------------------------------------------------------------------------------------------------


@quick
@given(objects, layouts, pieces)
def test_json_array_round_trip(rows: list[dict[str, Any]], layout: dict[str, Any], size: int) -> None:
    data = json.dumps(rows, **layout).encode()
    assert items(json_document.json_document(cut(data, size))) == rows
    assert items(reading.json_items(cut(data, size))) == rows


@quick
@given(objects, layouts, pieces)
def test_wrapped_list_round_trip(rows: list[dict[str, Any]], layout: dict[str, Any], size: int) -> None:
    data = json.dumps({"version": "1.0", "data": [{"a": 0}, *rows], "more": [1]}, **layout).encode()
    assert list(items(reading.json_items(cut(data, size)))) == [{"a": 0}, *rows]


@quick
@given(st.integers(1, 9), st.sampled_from([1, 2, 4]), pieces)
def test_items_of_an_array_bear_the_line_they_start_at(count: int, indent: int, size: int) -> None:
    data = json.dumps(alpaca(count), indent=indent).encode()
    assert [row.line for row in json_document.json_document(cut(data, size))] == [2 + 5 * i for i in range(count)]


def test_one_object_a_line_in_a_json_file() -> None:
    data = "\n".join(json.dumps(row) for row in alpaca(3)).encode()
    assert list(reading.json_items([data])) == [Item(i + 1, row) for i, row in enumerate(alpaca(3))]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_one_object_a_line_is_seen_although_a_line_is_bad(bad: int) -> None:
    lines = [json.dumps(row) for row in alpaca(3)]
    lines[bad] = lines[bad][:-10]
    kept, [reject] = split(reading.json_items(["\n".join(lines).encode()]))
    assert [item.line for item in kept] == [i for i in (1, 2, 3) if i != bad + 1]
    assert reject.line == bad + 1


def test_a_lone_object_is_one_item_unless_it_wraps_a_list_of_objects() -> None:
    record = {"messages": [{"role": "user", "content": "hi"}]}
    assert items(reading.json_items([json.dumps(record, indent=1).encode()])) == [record]
    wrapper = {"rows": [{"a": 1}]}
    assert items(reading.json_items([json.dumps(wrapper).encode()])) == [{"a": 1}]
    assert items(reading.json_items([json.dumps(wrapper).encode()], lines=True)) == [wrapper]
    spans = {"text": "a", "entities": [[0, 1, "x"]]}
    assert items(reading.json_items([json.dumps(spans).encode()])) == [spans]


@pytest.mark.parametrize("indent", [1, None])
def test_the_rows_of_several_lists_bear_the_name_of_their_list(indent: int | None) -> None:
    document = {"train": [["a", "x"], ["b", "y"]], "none": [], "version": 1, "oos": [{"text": "c"}], "words": ["d"]}
    data = json.dumps(document, indent=indent).encode()
    others = [{"text": "c", "key": "oos"}, {"text": "d", "key": "words"}]
    for header, names in ((None, ("0", "1")), (["text", "intent"], ("text", "intent"))):
        found = list(reading.json_items(cut(data, 7), header=header))
        assert [row.value for row in found if isinstance(row, Item)] == [
            {names[0]: "a", names[1]: "x", "key": "train"},
            {names[0]: "b", names[1]: "y", "key": "train"},
            *others,
        ]
    _, rejected = split(reading.json_items([data], header=["text"]))
    assert {(reject.reason, reject.detail) for reject in rejected} == {
        ("wrong_field_count", "2 values where `header` has 1 names")
    }


def test_a_key_of_its_own_is_kept_and_lists_of_objects_alone_may_stand_anywhere() -> None:
    document = {"version": "2", "train": [{"key": "mine"}, {"a": 1}], "tags": ["x"], "more": [["no row"]]}
    found = items(reading.json_items([json.dumps(document).encode()]))
    assert found == [{"key": "mine"}, {"a": 1, "key": "train"}]


@pytest.mark.parametrize("lines", [True, False])
def test_lists_are_rows_where_a_header_names_their_columns(lines: bool) -> None:
    data = b'["a", "x"]\n["b", "y"]\n' if lines else b'[["a", "x"], ["b", "y"]]'
    expected = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
    assert items(reading.json_items(cut(data, 5), lines=lines, header=["text", "label"])) == expected


@quick
@given(st.lists(st.tuples(texts, texts), min_size=3, max_size=6), st.data())
def test_garbling_a_row_of_a_list_of_lists_costs_at_most_its_row(
    rows: list[tuple[str, str]], data: st.DataObject
) -> None:
    written = json.dumps({"train": rows}, indent=1).split("\n")
    bad = data.draw(st.integers(1, len(rows) - 1))  # the first tells of which kind the rows are
    written[2 + 4 * bad + data.draw(st.integers(0, 2))] = data.draw(st.sampled_from(["", "x", "]]", '"', "{"]))
    kept = [row.value for row in reading.json_items(["\n".join(written).encode()]) if isinstance(row, Item)]
    whole = [{"0": a, "1": b, "key": "train"} for i, (a, b) in enumerate(rows) if i != bad]
    assert [value for value in kept if value in whole] == whole or len(set(rows)) < len(rows)


@quick
@given(st.integers(2, 6), st.data(), st.sampled_from([2, 4]), pieces)
def test_deleting_a_line_of_an_array_costs_at_most_its_item(
    count: int, data: st.DataObject, indent: int, size: int
) -> None:
    lines = json.dumps(alpaca(count), indent=indent).split("\n")
    gone = data.draw(st.integers(1, len(lines) - 2))
    kept, rejected = split(json_document.json_document(cut("\n".join(lines[:gone] + lines[gone + 1 :]).encode(), size)))
    whole = [item.value for item in kept if item.value in alpaca(count)]
    assert whole == [row for i, row in enumerate(alpaca(count)) if i != (gone - 1) // 5]
    # A missing key of its own leaves an item, which is for `formats` to refuse; anything else is one reject.
    assert len(rejected) + len(kept) - len(whole) == 1


@quick
@given(
    st.integers(2, 6),
    st.data(),
    st.sampled_from(["", "x", '"', "{", "}", "]", "[", '"a" "b"', "}}}", "\x01", "'single': 1,", '"open'.ljust(20)]),
    pieces,
)
def test_garbling_a_line_of_an_array_costs_at_most_its_item(
    count: int, data: st.DataObject, junk: str, size: int
) -> None:
    lines = json.dumps(alpaca(count), indent=2).split("\n")
    bad = data.draw(st.integers(1, len(lines) - 2))
    lines[bad] = junk
    kept, rejected = split(json_document.json_document(cut("\n".join(lines).encode(), size)))
    whole = [item.value for item in kept if item.value in alpaca(count)]
    others = [row for i, row in enumerate(alpaca(count)) if i != (bad - 1) // 5]
    assert [row for row in whole if row in others] == others
    assert rejected or len(kept) > len(whole) or len(whole) == count
    assert all(1 <= reject.line <= len(lines) for reject in rejected)


@quick
@given(st.integers(1, 4), st.data(), st.sampled_from([2, None]), st.text('{}[]",:\\ \nax1é', max_size=6))
def test_what_is_read_does_not_depend_on_how_the_bytes_arrive(
    count: int, data: st.DataObject, indent: int | None, junk: str
) -> None:
    text = json.dumps(alpaca(count), indent=indent)
    place = data.draw(st.integers(0, len(text)))
    damaged = (text[:place] + junk + text[place + data.draw(st.integers(0, 9)) :]).encode()
    for reader in (json_document.json_document, reading.json_items, reading.json_lines, separated.separated):
        try:
            whole = list(reader([damaged]))
        except UnreadableError:
            continue
        assert list(reader(cut(damaged, 3))) == whole


@quick
@given(st.integers(3, 6), st.data(), pieces)
def test_a_cut_item_in_a_one_line_array_costs_itself(count: int, data: st.DataObject, size: int) -> None:
    texts = [json.dumps(row) for row in alpaca(count)]
    bad = data.draw(st.integers(0, count - 1))
    texts[bad] = texts[bad][: data.draw(st.integers(1, len(texts[bad]) - 1))]
    kept, rejected = split(json_document.json_document(cut(("[" + ", ".join(texts) + "]").encode(), size)))
    assert [item.value for item in kept] == [row for i, row in enumerate(alpaca(count)) if i != bad]
    assert [reject.reason for reject in rejected] == ["not_json"]


def test_turns_inside_a_damaged_item_do_not_become_items() -> None:
    turns = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
    rows = [{"id": str(i), "conversations": turns} for i in range(4)]
    for indent in (2, None):
        data = json.dumps(rows, indent=indent).replace('"id": "1",', '"id": "1"').encode()
        kept, [reject] = split(json_document.json_document([data]))
        assert [item.value["id"] for item in kept] == ["0", "2", "3"]
        assert reject.reason == "not_json"


@pytest.mark.parametrize(
    ("text", "kept", "line", "said"),
    [
        ('[\n{"a": 1},\n{"a": 2},\n]', 2, 4, "the comma of line 3 has no item behind it"),
        ('[\n{"a": 1},\n\n,{"a": 2}]', 2, 4, "a comma with no item before it"),
        ('[\n{"a": 1}\n{"a": 2}]', 2, 3, "a comma is missing before this item"),
        ('[\n{"a": 1},\n{"a": 2}\n', 2, 4, "ends without a closing bracket"),
        ('[\n{"a": 1},\n{"a": 2}]\nmore', 2, 4, "text behind the end"),
        ('[\n{"a": 1},\n7,\n{"a": 2}]', 2, 3, "expected an object"),
        ('{"a": 1},\n{"a": 2}\n]', 2, 3, "a closing bracket without an opening one"),
        ('nonsense\n{"a": 1},\n {"a": 2}', 2, 1, "neither an array nor an object"),
        ("[{'a': 1}]", 0, 1, "double quotes"),
    ],
)
def test_what_is_wrong_with_an_array(text: str, kept: int, line: int, said: str) -> None:
    found, [reject] = split(json_document.json_document([text.encode()]))
    assert len(found) == kept
    assert reject.line == line
    assert said in reject.detail


def test_an_undecodable_byte_in_an_array_costs_one_item() -> None:
    data = b'[{"a": "good"},\n{"a": "caf\xe9"},\n{"a": "\xe4\xbd\xa0"}]'
    kept, [reject] = split(json_document.json_document([data]))
    assert [item.value["a"] for item in kept] == ["good", "你"]
    assert (reject.line, reject.reason) == (2, "not_text")


# -- CSV and TSV -----------------------------------------------------------------------------------------------------

no_returns = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=10)
tables_of_text = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(no_returns, min_size=width, max_size=width), min_size=1, max_size=8)
)


def written(rows: list[list[str]], delimiter: str) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return file.getvalue().encode()


@quick
@given(tables_of_text, pieces, st.booleans())
def test_csv_round_trip(rows: list[list[str]], size: int, has_header: bool) -> None:
    # A mark at the very beginning is that of the byte order.
    assume(has_header or not rows[0][0].startswith("\ufeff"))
    names = [f"column {i}" for i in range(len(rows[0]))]
    data = written([names, *rows] if has_header else rows, ",")
    read = separated.separated(cut(data, size), header=None if has_header else names)
    assert items(read) == [dict(zip(names, row, strict=True)) for row in rows]


@quick
@given(tables_of_text, pieces)
def test_tsv_round_trip(rows: list[list[str]], size: int) -> None:
    # A field with both tabs and line ends cannot be told from several unquoted lines; see `separated`.
    rows = [[field.replace("\t", " ") for field in row] for row in rows]
    names = [f"column {i}" for i in range(len(rows[0]))]
    read = separated.separated(cut(written([names, *rows], "\t"), size), "\t")
    assert items(read) == [dict(zip(names, row, strict=True)) for row in rows]


def test_lines_are_counted_through_fields_of_several_lines() -> None:
    data = b'text,label\n"one\ntwo\nthree",a\n\nfour,b\nfive\nsix,c\n'
    kept, [reject] = split(separated.separated([data]))
    assert [item.line for item in kept] == [2, 6, 8]
    assert kept[0].value == {"text": "one\ntwo\nthree", "label": "a"}
    assert (reject.line, reject.reason, reject.detail) == (7, "wrong_field_count", "1 fields where the header has 2")


@quick
@given(
    st.integers(2, 8),
    st.data(),
    st.sampled_from(["one field", "three,of,them", '"never closed,a', '"a" b,c', "caf\udce9,x"]),
)
def test_a_bad_csv_row_costs_exactly_one_item(count: int, data: st.DataObject, junk: str) -> None:
    rows = [f"text {i},label" if i % 2 else f'"text, {i}",label' for i in range(count)]
    bad = data.draw(st.integers(0, count - 1))
    lines = ["text,label", *rows]
    lines[bad + 1] = junk
    kept, rejected = split(separated.separated(["\n".join(lines).encode("utf-8", "surrogateescape")]))
    assert [item.line for item in kept] == [i + 2 for i in range(count) if i != bad]
    assert [reject.line for reject in rejected] == [bad + 2]


def test_quotes_that_mean_nothing_in_a_tsv_are_kept() -> None:
    data = b'text\tlabel\n"Yes" , he said\t1\n" I like it .\t1\nVery much . "\t0\n"quoted"\t1\n'
    assert items(separated.separated([data], "\t")) == [
        {"text": '"Yes" , he said', "label": "1"},
        {"text": '" I like it .', "label": "1"},
        {"text": 'Very much . "', "label": "0"},
        {"text": '"quoted"', "label": "1"},
    ]
    data = b'"text"\t"label"\n"quoted"\t1\n"a\tb"\t2\n'
    assert [row["text"] for row in items(separated.separated([data], "\t"))] == ["quoted", "a\tb"]


def test_line_ends_of_old_macs() -> None:
    assert items(separated.separated([b"text,label\rone,a\rtwo,b"])) == [
        {"text": "one", "label": "a"},
        {"text": "two", "label": "b"},
    ]


def test_long_fields_are_read_whole() -> None:
    long = "x" * 300_000
    assert items(separated.separated([f"text,label\n{long},a\n".encode()])) == [{"text": long, "label": "a"}]


def test_a_stated_header_that_the_file_has_as_well_is_no_row() -> None:
    kept, [reject] = split(separated.separated([b"text,label\none,a\n"], header=["text", "label"]))
    assert len(kept) == 1
    assert (reject.line, reject.reason) == (1, "header_line")


@pytest.mark.parametrize(("data", "said"), [(b"a,b,a\n1,2,3\n", "'a' twice"), (b'"a" b,c\n', "cannot be read")])
def test_a_header_that_cannot_be_one(data: bytes, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        list(separated.separated([data]))


# -- label lines and Parquet -----------------------------------------------------------------------------------------


def test_label_lines() -> None:
    data = b"NUM:dist How far is it ?\nspam Buy  this\nlonely\n\nhttp://x:1 odd\n"
    kept, [reject] = split(reading.label_lines([data]))
    assert kept == [
        Item(1, {"label": "NUM", "label_fine": "NUM:dist", "text": "How far is it ?"}),
        Item(2, {"label": "spam", "text": "Buy  this"}),
        Item(5, {"label": "http://x:1", "text": "odd"}),
    ]
    assert (reject.line, reject.reason) == (3, "missing_field")


def test_label_lines_in_latin_1() -> None:
    data = "LOC:city Où est-ce ?\nNUM:date When ?".encode("latin-1")
    kept, [reject] = split(reading.label_lines([data]))
    assert [item.line for item in kept] == [2]
    assert (reject.line, reject.reason) == (1, "not_text")
    assert items(reading.label_lines([data], "latin-1"))[0]["text"] == "Où est-ce ?"


@quick
@given(st.lists(st.fixed_dictionaries({"text": texts, "label": st.none() | st.integers(0, 9)}), min_size=1), pieces)
def test_parquet_round_trip(rows: list[dict[str, Any]], size: int) -> None:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema([("text", pa.string()), ("label", pa.int64())])), file)
    file.seek(0)
    assert list(reading.parquet(file, size=size)) == [Item(i, row) for i, row in enumerate(rows, 1)]


def test_a_parquet_row_that_is_not_text_is_rejected_alone() -> None:
    offsets, data = pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")
    column = pa.StringArray.from_buffers(2, offsets, data)
    rows = list(reading.arrow_rows(pa.table({"text": column}), 11))
    assert rows[0] == Item(11, {"text": "a"})
    assert isinstance(rows[1], Reject)
    assert (rows[1].line, rows[1].reason) == (12, "not_text")


def test_what_is_not_parquet_is_named() -> None:
    with pytest.raises(UnreadableError, match="not Parquet"):
        list(reading.parquet(io.BytesIO(b"text,label\n1,2\n")))


def test_two_parquet_columns_of_one_name_are_refused() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), file)
    file.seek(0)
    with pytest.raises(UnreadableError, match="same name"):
        list(reading.parquet(file))
