"""What people see: texts of records are escaped, and a kept report tells the same again."""

import json

from hypothesis import given
from hypothesis import strategies as st

from assets import reporting
from assets.reporting import Report

HOSTILE = "<script>alert(1)</script> | \x1b[31mred\x1b[0m\n=cmd()|' ![x](http://x) \x00 \ud800"


def test_nothing_in_a_cell_breaks_out_of_a_table() -> None:
    (row,) = reporting.preview([{"text": HOSTILE, "n": 1}])
    table = reporting.markdown_table([row])
    assert table.count("\n") == 2
    body = table.splitlines()[2]
    assert body.count("|") == 3
    assert "<" not in body
    assert "\x1b" not in body
    assert "![" not in body
    body.encode("utf-8")


def test_messages_are_shown_as_one_line() -> None:
    (row,) = reporting.preview([{"messages": [{"role": "user", "content": "a\nb"}]}])
    assert row["messages"] == "user: a\\nb"


@given(st.text())
def test_any_text_makes_one_row(text: str) -> None:
    assert len(reporting.markdown_table([{"a": text}]).split("\n")) == 3


def test_a_kept_report_says_the_same_but_for_the_work_of_its_run() -> None:
    report = Report(3, {"a": 1}, {"rows embedded": 3}, [{"x": "y"}], [("id", "string")], {"c": {"d": 1}}, {}, {"r": 3})
    kept = json.loads(json.dumps(report.kept()))
    again = Report.restored(kept, {"rows embedded": 0})
    assert again.work == {"rows embedded": 0}
    assert (again.rows, again.facts, again.preview, again.schema, again.counts, again.metrics) == (
        report.rows, report.facts, report.preview, report.schema, report.counts, report.metrics,
    )  # fmt: skip


def test_columns_say_what_they_measure() -> None:
    report = Report(rows=1, schema=[("ifd", "double"), ("id", "string")], meanings={"ifd": "higher = …"})
    kept = Report.restored(json.loads(json.dumps(report.kept())), {})
    columns = reporting.metadata(kept, "data/x")["dagster/column_schema"].columns
    assert [(column.name, column.description) for column in columns] == [("ifd", "higher = …"), ("id", None)]
