"""Who scores which rows, and that whoever is not asked says so."""

import numpy as np
import pyarrow as pa
import pytest

from assets import score_columns, score_part, score_plan, tables
from assets.uncertainty_params import UncertaintyScores

CHAT = ["messages"] * 4


def plan(by: str, labels: list[str | None], formats: list[str]) -> score_plan.Plan:
    return score_plan.plan(UncertaintyScores.model_validate({"by": by}), labels, formats)


@pytest.mark.parametrize(
    ("by", "labels", "formats", "probe", "language", "tagging"),
    [
        ("auto", ["a", "b", "a", "b"], CHAT, True, [], []),
        ("auto", ["a", None, "b", None], CHAT, True, [1, 3], []),
        ("auto", [None] * 4, CHAT, False, [0, 1, 2, 3], []),
        ("auto", ["a"] * 4, CHAT, False, [0, 1, 2, 3], []),
        ("auto", [None] * 4, ["messages", "token-labels", "messages", "token-labels"], False, [0, 2], [1, 3]),
        ("probe", [None] * 4, CHAT, True, [], []),
        ("language_model", ["a", "b", "a", "b"], CHAT, False, [0, 1, 2, 3], []),
        ("both", ["a", "b", None, "b"], CHAT, True, [0, 1, 2, 3], []),
    ],
)
def test_each_row_is_scored_by_what_fits_it(
    by: str, labels: list[str | None], formats: list[str], probe: bool, language: list[int], tagging: list[int]
) -> None:
    found = plan(by, labels, formats)
    assert found.probe == probe
    assert np.flatnonzero(found.language).tolist() == language
    assert np.flatnonzero(found.tagging).tolist() == tagging
    assert probe or found.no_probe
    assert len(language) == 4 or found.no_language
    assert found.no_tagging


def test_columns_of_some_rows_are_null_elsewhere_and_say_why() -> None:
    columns = {name: pa.array([1.0, 2.0]) for name in score_columns.TAGGING}
    columns["tagging_null_reason"] = pa.array(["one of its own", None], pa.string())
    found = score_part.partial("tagging_null_reason", columns, np.array([3, 1]), 4, "not asked")
    assert found["tag_entropy_max"].to_pylist() == [None, 2.0, None, 1.0]
    assert found["tagging_null_reason"].to_pylist() == ["not asked", None, "not asked", "one of its own"]


def test_every_column_of_the_table_belongs_to_a_part() -> None:
    names = [name for reason in score_columns.REASONS for name in score_part.empty(reason, 2, "why").columns]
    assert sorted(names) == sorted(tables.SCORES.names[1:])
    parts = [score_part.empty(reason, 2, f"why {reason}") for reason in score_columns.REASONS]
    table = score_part.joined(pa.chunked_array([["x", "y"]]), parts)
    assert table.schema == tables.SCORES
    for reason, scores in score_columns.REASONS.items():
        assert table.column(reason).to_pylist() == [f"why {reason}"] * 2
        assert all(table.column(name).null_count == 2 for name in scores)


def test_every_score_says_its_unit_and_its_direction() -> None:
    numbers = {field.name for field in tables.SCORES if str(field.type) == "double"}
    assert set(score_columns.DIRECTIONS) == numbers
    assert all("; higher = " in text or "; lower = " in text for text in score_columns.DIRECTIONS.values())
    assert {score_columns.reason_column(name) for name in numbers} == set(score_columns.REASONS)
