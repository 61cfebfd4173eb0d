"""Rows have the same key exactly where they are the same once what was asked for is folded away."""

import gzip
import json
import unicodedata
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from assets import tables
from assets.methods.conversations import Conversations
from assets.methods.dedup.exact import ExactIndex, duplicate_keys

Record = tuple[list[tuple[str, str]], str | None]
FOLDS = [set(), {"whitespace"}, {"case"}, {"punctuation"}, {"whitespace", "case"}, {"case", "punctuation"}]


def conversations(records: list[Record]) -> Conversations:
    messages = [[{"role": role, "content": content} for role, content in turns] for turns, _ in records]
    return Conversations.of(
        pa.table(
            {
                "messages": pa.array(messages, tables.MESSAGES),
                "label": pa.array([label for _, label in records], pa.string()),
                "format": pa.array(["alpaca"] * len(records), pa.string()),
                "extras": pa.array([[]] * len(records), tables.ATTRIBUTES),
            }
        )
    )


def folded(text: str, fold: set[str]) -> str:
    """The definition, character by character."""
    text = text.casefold() if "case" in fold else text
    spaces = text
    if "punctuation" in fold:
        spaces = "".join(" " if unicodedata.category(character)[0] == "P" else character for character in text)
    if fold & {"whitespace", "punctuation"}:
        return " ".join(spaces.split()) or text
    return text


content = st.text(st.sampled_from("aA ßẞİ.,-\n\t\u3000\u00a0!\u200b数。🙂"), max_size=5)
turn = st.tuples(st.sampled_from(["user", "assistant"]), content)
record = st.tuples(st.lists(turn, max_size=3), st.one_of(st.none(), st.sampled_from(["", "a", "A"])))


@settings(deadline=None)  # the first example compiles
@given(st.lists(record, max_size=6), st.sampled_from(FOLDS), st.booleans())
def test_keys_are_equal_exactly_where_the_folded_records_are(
    records: list[Record], fold: set[str], with_label: bool
) -> None:
    keys = duplicate_keys(conversations(records), fold, with_label).tobytes()
    assert len(keys) == 16 * len(records)
    canonical = [
        ([(role, folded(content, fold)) for role, content in turns], label if with_label else None)
        for turns, label in records
    ]
    for one, other in combinations(range(len(records)), 2):
        same = keys[16 * one : 16 * one + 16] == keys[16 * other : 16 * other + 16]
        assert same == (canonical[one] == canonical[other])


def test_borders_between_roles_turns_and_labels_count() -> None:
    records: list[Record] = [
        ([("user", "ab"), ("assistant", "c")], None),
        ([("user", "a"), ("assistant", "bc")], None),
        ([("user", "abassistantc")], None),
        ([("assistant", "ab"), ("user", "c")], None),
        ([("user", "ab"), ("assistant", "c")], ""),
        ([("user", "ab"), ("assistant", "")], "c"),
        ([("user", "ab")], "c"),
        ([], None),
        ([("user", "")], None),
    ]
    assert len(np.unique(duplicate_keys(conversations(records), {"whitespace"}, with_label=True))) == len(records)


def test_keys_are_the_same_on_every_machine() -> None:
    keys = duplicate_keys(conversations([([("user", "Hello  there"), ("assistant", "Hi")], "x")]), {"whitespace"}, True)
    assert keys.tobytes().hex() == "aaab23e1a6045a9b118940797897fbc6"


def test_a_batch_is_read_where_it_lies() -> None:
    records: list[Record] = [([("user", f"question {number}"), ("assistant", "yes")], None) for number in range(5)]
    whole = duplicate_keys(conversations(records), {"whitespace"}, with_label=False)
    table = pa.table({"messages": conversations(records).messages()})
    for name, kind in (("label", pa.string()), ("format", pa.string()), ("extras", tables.ATTRIBUTES)):
        table = table.append_column(name, pa.nulls(5, kind))
    part = duplicate_keys(Conversations.of(table.slice(2, 2)), {"whitespace"}, with_label=False)
    assert part.tobytes() == whole[2:4].tobytes()


def test_an_unknown_difference_is_refused() -> None:
    with pytest.raises(ValueError, match="spelling"):
        duplicate_keys(conversations([]), {"spelling"}, with_label=False)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(0, 12))
def test_the_index_is_brute_force(values: list[int], kept: int) -> None:
    keys = np.array([bytes([value]) * 16 for value in values], dtype="S16")
    index = ExactIndex(keys)
    rows = np.arange(len(values))[::-1].copy()
    pairs = index.within(rows)
    found = sorted(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert found == [
        (one, other) for one, other in combinations(range(len(rows)), 2) if values[rows[one]] == values[rows[other]]
    ]
    assert (pairs.similarity == 1).all()
    index.add(rows[:kept][:2])
    index.add(rows[:kept][2:])
    matches = index.find(rows[kept:])
    expected = [
        next((other for other in rows[:kept].tolist() if values[other] == values[row]), -1)
        for row in rows[kept:].tolist()
    ]
    assert matches.kept.tolist() == expected
    assert matches.similarity.tolist() == [float(other >= 0) for other in expected]


def test_keys_of_a_table_are_taken_as_they_are() -> None:
    column = pa.chunked_array([pa.array([b"a" * 16], pa.binary(16)), pa.array([b"b" * 16, b"a" * 16], pa.binary(16))])
    pairs = ExactIndex(column).within(np.arange(3))
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0], [2])
    assert ExactIndex(column.combine_chunks()).within(np.arange(3)).first.tolist() == [0]


def test_real_data_has_the_duplicates_that_are_known() -> None:
    with gzip.open(shared_data("sft/dolly_15k.jsonl.gz"), "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    records: list[Record] = [
        ([("user", f"{row['instruction']}\n{row['context'] or ''}"), ("assistant", row["response"])], None)
        for row in rows
    ]
    plain = duplicate_keys(conversations(records), set(), with_label=True)
    assert len(plain) - len(np.unique(plain)) == 15
    folded = duplicate_keys(conversations(records), {"whitespace", "case", "punctuation"}, with_label=True)
    assert len(folded) - len(np.unique(folded)) >= 15
