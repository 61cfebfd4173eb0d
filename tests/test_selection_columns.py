"""Columns that filters, scores and quotas name: aligned with the pool, typed, and missed with the closest name."""

import json
import random
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from selections import columns, make
from subsets import Row, pool_rows

from assets import cleaning, raw_data, statistics, tables
from assets.errors import DataError
from assets.progress import Silent
from assets.selection_columns import NO_LABEL, NO_VALUE, Numbers
from assets.workspace import Workspace
from orchestration.versions import Versions

LABELS = ["sport", None, "politics", "sport", None]
ATTRIBUTES = [
    {"region": "north", "quality": "0.5", "length": "7"},
    {"region": "south", "quality": " 2e1 "},
    {"quality": ""},
    {"region": "", "quality": "-3"},
    {},
]


@pytest.fixture
def rows() -> list[Row]:
    return pool_rows(LABELS, ATTRIBUTES)


def values(found: Numbers) -> list[float | None]:
    return [value if is_known else None for value, is_known in zip(found.values, found.known, strict=True)]


def test_numbers_of_every_kind(tmp_path: Path, rows: list[Row]) -> None:
    for number, row in enumerate(rows):
        row["weight"] = 1.0 + number
    found = columns(make(tmp_path, rows, scores={"margin": [0.5, None, 0.1, 0.2, 0.3]}))
    assert values(found.numbers("margin", "s")) == [0.5, None, 0.1, 0.2, 0.3]
    assert values(found.numbers("distance", "s")) == [0, 1, 2, 3, 4]
    assert values(found.numbers("weight", "s")) == [1, 2, 3, 4, 5]
    assert values(found.numbers("quality", "s")) == [0.5, 20.0, None, -3.0, None]
    assert values(found.numbers("attributes.quality", "s")) == values(found.numbers("quality", "s"))
    # An attribute that is called like a column of its own is reached by its full name.
    assert values(found.numbers("attributes.length", "s")) == [7.0, None, None, None, None]
    length = [sum(len(turn["content"]) for turn in row["messages"]) for row in rows]
    assert values(found.numbers("length", "s")) == length


def test_random_numbers_belong_to_the_rows_and_the_seed(tmp_path: Path, rows: list[Row]) -> None:
    first = columns(make(tmp_path / "a", rows)).numbers("random", "s").values
    turned = columns(make(tmp_path / "b", rows[::-1])).numbers("random", "s").values
    other = columns(make(tmp_path / "c", rows, "seed: 7")).numbers("random", "s").values
    assert first.tolist() == turned[::-1].tolist()
    assert not np.isin(first, other).any()
    assert ((first > 0) & (first < 1)).all()


def test_texts_of_every_kind(tmp_path: Path, rows: list[Row]) -> None:
    found = columns(make(tmp_path, rows, scores={"suspected_label": [None, None, "sport", None, None]}))
    assert found.texts("label", "s").to_pylist() == LABELS
    assert found.texts("class", "s").to_pylist() == LABELS
    assert found.texts("source", "s").to_pylist() == [row["source"] for row in rows]
    assert found.texts("format", "s").to_pylist() == ["alpaca"] * 5
    assert found.texts("cluster", "s").to_pylist() == ["0", "1", "2", "0", "1"]
    assert found.texts("suspected_label", "s").to_pylist() == [None, None, "sport", None, None]
    assert found.texts("region", "s").to_pylist() == ["north", "south", None, "", None]


def test_rows_without_a_value_are_a_group_of_their_own(tmp_path: Path, rows: list[Row]) -> None:
    found = columns(make(tmp_path, rows))
    assert found.groups("class", "s") == ["sport", NO_LABEL, "politics", "sport", NO_LABEL]
    assert found.groups("region", "s") == ["north", "south", NO_VALUE, "", NO_VALUE]


def test_without_any_label_the_class_is_the_source(tmp_path: Path) -> None:
    found = columns(make(tmp_path, pool_rows([None] * 4)))
    assert found.class_column == "source"
    assert found.groups("class", "s") == ["books", "books", "books", "chats"]


def test_a_statistic_is_found_by_file_and_number_whatever_the_order(tmp_path: Path, rows: list[Row]) -> None:
    for number, row in enumerate(rows):
        row["file"] = ("a.jsonl", "b.jsonl")[number % 2]
    # Every item of both files was measured, but for one, and most of them were not kept.
    measured = [(file, item) for file in ("b.jsonl", "a.jsonl", "c.jsonl") for item in range(1, 9)]
    measured.remove((rows[3]["file"], rows[3]["item"]))
    random.Random(3).shuffle(measured)
    workspace = make(
        tmp_path,
        rows,
        measured={
            "id": ["x" * 32] * len(measured),
            "file": [file for file, _ in measured],
            "item": [item for _, item in measured],
            "share": [ord(file[0]) * 100.0 + item for file, item in measured],
            "language": [f"{file[0]}{item}" if item != 1 else None for file, item in measured],
            "is_code": [item % 2 == 0 for _, item in measured],
        },
    )
    found = columns(workspace)
    assert values(found.numbers("share", "s")) == [9701, 9802, 9703, None, 9705]
    assert values(found.numbers("is_code", "s")) == [0, 1, 0, None, 0]
    assert found.texts("language", "s").to_pylist() == [None, "b2", "a3", None, "a5"]
    assert found.groups("language", "s") == [NO_VALUE, "b2", "a3", NO_VALUE, "a5"]


def test_an_attribute_comes_before_a_statistic_of_its_name(tmp_path: Path, rows: list[Row]) -> None:
    measured = {"file": ["rows.jsonl"] * 5, "item": [1, 2, 3, 4, 5], "region": ["x"] * 5}
    found = columns(make(tmp_path, rows, measured=measured))
    assert found.texts("region", "s").to_pylist()[0] == "north"


@pytest.mark.parametrize(
    ("name", "kind", "line"),
    [
        ("entropie", "numbers", "selected_subset.scores[0].column: no column 'entropie'; did you mean 'entropy'?"),
        ("regoin", "texts", "selected_subset.scores[0].column: no column 'regoin'; did you mean 'region'?"),
        (
            "zzz",
            "numbers",
            "no column 'zzz'; there are adversarial_margin, answer_fit, answer_quality, class,",
        ),
        ("language", "texts", "no column 'language'; add the step `language` to cleaned_data.steps, which measures it"),
        ("region", "numbers", "column 'region' holds 'north', which is no number; expected numbers, or nothing where"),
        ("\x1b[31m", "texts", r"no column '\x1b[31m'"),
        ("item", "numbers", "no column 'item'"),  # where a row came from is no score
    ],
)
def test_a_column_that_is_not_there_is_named_with_the_closest(
    tmp_path: Path, rows: list[Row], name: str, kind: str, line: str
) -> None:
    found = columns(make(tmp_path, rows))
    with pytest.raises(DataError) as caught:
        getattr(found, kind)(name, "selected_subset.scores[0].column")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_probe_of_sources_says_nothing_about_labels(tmp_path: Path, rows: list[Row]) -> None:
    count = len(rows)
    found = columns(make(tmp_path, rows, scores={"target": ["source"] * count, "label_quality": [0.1] * count}))
    quality = found.numbers("label_quality", "s")
    assert not quality.known.any()
    assert quality.why == "there are no labels"
    assert found.numbers("entropy", "s").known.all()


def test_a_score_that_no_row_has_says_why(tmp_path: Path, rows: list[Row]) -> None:
    nothing = {"entropy": [None] * 5, "target": [None] * 5, "null_reason": ["there is one class only"] * 5}
    found = columns(make(tmp_path, rows, scores=nothing)).numbers("entropy", "s")
    assert not found.known.any()
    assert found.why == "there is one class only"


def test_what_cleaning_measures_can_be_named(tmp_path: Path) -> None:
    made = [{"instruction": f"Say {number} in words, please.", "output": "one " * (number + 3)} for number in range(6)]
    made[2]["output"] = ""
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
    (tmp_path / "params.yaml").write_text("raw_data: {sources: [a.jsonl]}\n", "utf-8")
    workspace = Workspace.open(tmp_path)
    with tables.replacing(workspace.table("raw_data")) as folder:
        raw_data._produce(workspace, Silent(), folder)
    with tables.replacing(workspace.table("cleaned_data")) as folder:
        cleaning.produce(workspace, Silent(), Versions(tmp_path), None, folder)
    kept = tables.read(workspace.table("cleaned_data")).to_pylist()
    measured = pq.read_table(workspace.table("cleaned_data") / statistics.FILE)
    found = columns(make(tmp_path / "again", kept, measured=measured.to_pydict()))
    assert len(kept) == 5 < measured.num_rows
    lengths = [sum(len(turn["content"]) for turn in row["messages"]) for row in kept]
    assert values(found.numbers("conversation_characters", "s")) == lengths
