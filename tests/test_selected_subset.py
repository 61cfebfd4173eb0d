"""selected_subset's own part: the budget in rows, what a score weighs, and what the files say."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets import selected_subset, tables
from assets.errors import DataError
from assets.methods import formats


def scores(**columns: list[float | None]) -> pa.Table:
    rows = len(next(iter(columns.values())))
    values = {name: columns.get(name, [None] * rows) for name in tables.SCORES.names}
    return pa.table({**values, "id": [str(i) for i in range(rows)]}, schema=tables.SCORES)


@given(st.floats(0.0001, 1.0), st.integers(1, 10_000))
def test_a_share_of_the_pool_is_rounded_but_never_to_nothing(share: float, rows: int) -> None:
    budget = selected_subset.resolve_budget(share, rows)
    assert 1 <= budget <= rows
    assert abs(budget - share * rows) <= 0.5 or budget == 1


def test_more_rows_than_there_are_is_refused_with_both_numbers() -> None:
    assert selected_subset.resolve_budget(7, 7) == 7
    with pytest.raises(DataError, match=r"selected_subset\.budget: 8 rows asked for, but the cleaned pool has 7"):
        selected_subset.resolve_budget(8, 7)


def test_label_quality_is_the_weight_itself_and_unknown_rows_are_not_punished() -> None:
    table = scores(label_quality=[0.9, None, 0.0, 1.0])
    weights = selected_subset.weights(table, "label_quality", by_label=True)
    assert weights.tolist() == [0.9, 1.0, 1e-6, 1.0]


def test_a_score_that_predicts_the_source_says_nothing_about_labels() -> None:
    table = scores(label_quality=[0.1, 0.9])
    assert selected_subset.weights(table, "label_quality", by_label=False).tolist() == [1.0, 1.0]


def test_more_uncertain_rows_weigh_more_from_half_to_full() -> None:
    entropy = selected_subset.weights(scores(entropy=[0.0, 1.0, 2.0]), "entropy", by_label=True)
    assert entropy.tolist() == [0.5, 0.75, 1.0]
    margin = selected_subset.weights(scores(margin=[1.0, 0.5, 0.0]), "margin", by_label=True)
    assert margin.tolist() == [0.5, 0.75, 1.0]
    assert selected_subset.weights(scores(entropy=[None, None]), "entropy", by_label=True).tolist() == [1.0, 1.0]


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=20))
def test_weights_are_positive_and_at_most_one(values: list[float | None]) -> None:
    for name in ("label_quality", "entropy", "margin"):
        weights = selected_subset.weights(scores(**{name: values}), name, by_label=True)
        assert np.all((weights > 0) & (weights <= 1))


def test_the_trainers_file_is_utf8_one_object_a_line_in_rank_order(tmp_path: Path) -> None:
    rows = []
    for rank, (text, label) in enumerate([("first\nline \u2028 \u0085", "ü"), ("second", None)], 1):
        rows.append(
            {
                "rank": rank, "id": f"{rank:032x}", "source": "s", "messages": [{"role": "user", "content": text}],
                "label": label, "attributes": [], "extras": [], "gain": 1.0, "reason": "r", "file": "f", "line": rank,
                "item": rank, "format": "text", "cluster": 0, "length": len(text),
            }
        )  # fmt: skip
    selected_subset.write_jsonl(tmp_path / "x.jsonl", pa.Table.from_pylist(rows, schema=tables.SUBSET))
    lines = (tmp_path / "x.jsonl").read_bytes().decode("utf-8").split("\n")
    assert [json.loads(line) for line in lines if line] == [
        {"messages": rows[0]["messages"], "label": "ü"},
        {"messages": rows[1]["messages"]},
    ]


def test_calls_of_tools_have_their_structure_in_the_trainers_file(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    read = {
        "messages": [
            {"role": "user", "content": "What time is it?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "12:00", "tool_call_id": "c1"},
            {"role": "assistant", "content": "Noon."},
        ],
        "tools": [{"type": "function", "function": {"name": "now"}}],
    }
    (record,) = formats.to_records(read, "messages", {})
    assert isinstance(record, formats.ParsedRecord)
    broken = [dict(turn, content=turn["content"].replace("{", "", 1)) for turn in record.messages]
    rows = [
        {
            "rank": rank, "id": f"{rank:032x}", "source": "s", "messages": messages, "label": None, "attributes": [],
            "extras": list(record.extras.items()), "gain": 1.0, "reason": "r", "file": "f", "line": rank, "item": rank,
            "format": "messages", "cluster": 0, "length": 1,
        }
        for rank, messages in enumerate([record.messages, broken], 1)
    ]  # fmt: skip
    path = tmp_path / "x.jsonl"
    assert selected_subset.write_jsonl(path, pa.Table.from_pylist(rows, schema=tables.SUBSET)) == 1
    whole, as_text = map(json.loads, path.read_text("utf-8").splitlines())
    assert whole == read
    assert as_text["messages"][1]["content"] == broken[1]["content"]
    assert as_text["tools"] == read["tools"]


def test_the_rows_of_a_heavier_source_count_more() -> None:
    given = pa.table({"weight": [1.0, 2.0, 0.5]})
    assert selected_subset.source_weights(given).tolist() == [0.5, 1.0, 0.25]
