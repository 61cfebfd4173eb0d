"""The suites on good and bad data, run by Great Expectations itself."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assets import tables
from assets.check_params import Bias, ClassBalance
from orchestration import expectations
from orchestration.comparisons import Comparison, compare_classes, compare_to_pool, problems

SCRIPT = "<script>alert(1)</script>"
ANSI = "\x1b[31mred\x1b[0m"
COLUMNS = ["rank", "id", "gain", "messages", "label", "n_messages"]


def records(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rank": range(1, rows + 1),
            "id": [tables.record_id([{"role": "user", "content": str(i)}], None) for i in range(rows)],
            "gain": [1.0] * rows,
            "messages": ["assistant,user"] * rows,
            "label": ["a"] * rows,
            "n_messages": [2] * rows,
        }
    )


def validated(frame: pd.DataFrame, rows: int, compared: list[Comparison], docs: Path) -> dict[str, Any]:
    suites = {
        "record_schema": expectations.record_schema_suite(COLUMNS, rows),
        "class_balance": expectations.class_balance_suite(compared[0]),
        "bias": expectations.bias_suite(compared),
    }
    return expectations.validate(frame, suites, docs)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    frame = records(20)
    comparison = compare_classes({"a": 200}, {"a": 20}, ClassBalance())
    return validated(frame, 20, [comparison], tmp_path_factory.mktemp("docs") / "good")


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    frame = records(20)
    frame.loc[0, "id"] = frame.loc[1, "id"]
    frame.loc[2, "id"] = "not an id"
    frame.loc[3, "id"] = None
    frame.loc[4, "rank"] = 21
    frame.loc[5, "gain"] = math.nan
    frame.loc[6, "n_messages"] = 0
    frame.loc[6, "messages"] = ""
    frame.loc[7, "messages"] = expectations.harmless(f"user,{SCRIPT}")
    labels = [SCRIPT] * 12 + [ANSI] * 4 + ["$value {{7*7}}"] * 4
    comparison = compare_classes(
        {SCRIPT: 10, ANSI: 100, "a": 90, "$value {{7*7}}": 10}, Counter(labels), ClassBalance()
    )
    names = expectations.shown(comparison)
    frame["label"] = [names[label] for label in labels]
    docs = tmp_path_factory.mktemp("docs") / "bad"
    docs.mkdir()
    (docs / "old.html").write_text("old")
    results = validated(frame[[*COLUMNS[1:], "rank"]], 21, [comparison], docs)
    assert not (docs / "old.html").exists()
    return results, "".join(page.read_text(encoding="utf-8") for page in docs.rglob("*.html"))


def test_good_data_meets_every_expectation(good: dict[str, Any]) -> None:
    assert {name: result.success for name, result in good.items()} == dict.fromkeys(
        ("record_schema", "class_balance", "bias"), True
    )
    assert expectations.record_problems(good["record_schema"]) == []


def test_each_fault_of_the_records_is_counted(bad: tuple[dict[str, Any], str]) -> None:
    assert expectations.record_problems(bad[0]["record_schema"]) == [
        "1 row with a role other than system, user, assistant, tool",
        "1 row with an id not of 32 hex digits",
        "1 row without a gain",
        "1 row without an id",
        "1 row without messages",
        "2 rows with an id that is not unique",
        "20 rows, 21 expected",
        "columns in another order than rank, id, gain, messages, label, n_messages",
    ]


def test_great_expectations_and_the_sentences_agree(bad: tuple[dict[str, Any], str]) -> None:
    failed = {config.type for config, _ in expectations.failures(bad[0]["class_balance"])}
    assert failed == {
        "expect_column_kl_divergence_to_be_less_than",
        "expect_column_distinct_values_to_contain_set",
    }
    assert not bad[0]["bias"].success


def test_data_docs_do_not_run_what_a_label_says(bad: tuple[dict[str, Any], str]) -> None:
    pages = bad[1]
    assert "alert(1)" in pages  # it is shown
    assert SCRIPT not in pages
    assert "\x1b" not in pages
    assert "&#36;value {{7*7}}" in pages


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    frame = records(5).drop(columns="gain")
    suite = expectations.record_schema_suite(COLUMNS, 5)
    result = expectations.validate(frame, {"record_schema": suite}, tmp_path / "docs")["record_schema"]
    assert not result.success
    assert expectations.record_problems(result) == [
        "column 'gain' could not be checked",
        "column 'gain' missing",
    ]


def test_names_that_would_look_the_same_stay_apart() -> None:
    long = "x" * 300
    shown = expectations.for_docs([long + "a", long + "b", "c"])
    assert len(set(shown.values())) == 3


def test_the_sentences_find_a_fault_just_where_great_expectations_does(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    kinds = ["a", "b", "c", "1", "2024-01-01", "nan"]
    columns, compared = [], []
    for number in range(24):
        pool = Counter(draw.choice(kinds, size=200, p=draw.dirichlet([2.0] * 6)).tolist())
        rows = draw.choice(list(pool) + ["new"] * (number % 8 == 0), size=60).tolist()
        settings = Bias(tolerance=float(draw.choice([0.0, 0.2, 1.0])))
        seats = {name: int(draw.integers(0, 3)) for name in pool} | {"a": 1} if number % 3 == 0 else None
        tokens = {name: count * int(draw.integers(1, 9)) for name, count in Counter(rows).items()}
        tokens_or_none = tokens if number % 6 == 0 else None
        compared.append(compare_to_pool(f"c{number}", "kind", pool, Counter(rows), settings, seats, tokens_or_none))
        columns.append(rows)
    suite = expectations.bias_suite(compared)
    table = pa.table({"messages": pa.array([[]] * 60, tables.MESSAGES)})
    frame = expectations.as_frame(table, zip(compared, columns, strict=True))
    result = expectations.validate(frame, {"bias": suite}, tmp_path / "docs")["bias"]
    failed = {config.kwargs["column"].removeprefix("tokens by ") for config, _ in expectations.failures(result)}
    assert failed == {each.column for each in compared if problems(each)}
    assert 0 < len(failed) < len(compared)
