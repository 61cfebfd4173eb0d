"""What a run says at its end: of rows that were left out, in the order of the steps; of the selection and checks."""

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from assets import tables, verdict
from assets.drops import Drops
from assets.ledger import LedgerWriter
from assets.verdict import CheckOutcome
from orchestration import summary
from orchestration.left_out import LEDGERS
from orchestration.running import Outcome

HOSTILE = "[red]chat[/red]\x1b[31m\n\u202e\x00"


def left_out(root: Path, name: str, counts: dict[tuple[str, str, str], int], rows_in: dict[str, int]) -> Drops:
    """Write a ledger with these rows, and the metrics beside it, as `raw_data` and `cleaned_data` do."""
    path = root / LEDGERS[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = [key for key, rows in counts.items() for _ in range(rows)]
    columns: dict[str, list[str] | list[int]] = {
        "source": [k[0] for k in keys],
        "step": [k[1] for k in keys],
        "reason": [k[2] for k in keys],
    }
    names = ("file", "detail", "text")
    columns |= {name: [""] * len(keys) for name in names}
    columns |= {name: [1] * len(keys) for name in ("line", "item")}
    absent = {field.name: [None] * len(keys) for field in tables.LEDGER if field.name not in columns}
    with LedgerWriter(path) as writer:
        writer.write(pa.table({**columns, **absent}).select(tables.LEDGER.names).cast(tables.LEDGER))
    found = writer.close(rows_in)
    key = "rejected" if name == "raw_data" else "dropped"
    tables.write_json(root / f"data/metrics/{name}.json", {"rows": sum(found.kept.values()), **found.metrics(key)})
    return found


def said(root: Path, metadata: dict[str, dict[str, Any]] | None = None, width: int = 200, color: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=color, color_system="standard" if color else None)
    summary.show(console, root, Outcome("id", True, metadata or {}))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def section(text: str, title: str = "Why rows were left out") -> list[list[str]]:
    """The cells of the table of reasons."""
    lines = text[text.index(title) :].splitlines()
    return [[cell.strip() for cell in line[1:-1].split("│")] for line in lines if line.startswith("│")]


def test_reasons_stand_in_the_order_of_the_steps_with_a_warning_below(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("{}")
    left_out(tmp_path, "raw_data", {("faq", "reading", "not_json"): 2}, {"faq": 100, "chat": 100})
    counts = {
        ("chat", "near", "near_duplicate"): 79,
        ("chat", "length", "too_short"): 2,
        ("faq", "length", "too_long"): 5,
        ("faq", "empty_answer", "empty_answer"): 1,
    }
    left_out(tmp_path, "cleaned_data", counts, {"faq": 98, "chat": 100})
    text = said(tmp_path)
    assert section(text) == [
        ["reading", "not_json", "2"],
        ["empty_answer", "empty_answer", "1"],
        ["length", "too_long", "5"],
        ["length", "too_short", "2"],
        ["near", "near_duplicate", "79"],
    ]
    assert (
        "source 'chat' lost 81 of 100 rows (81 %), most of them to near (79): look at "
        "data/cleaned_data/dropped.parquet, or raise cleaned_data.dedup.near.threshold\n"
    ) in text
    assert text.count(" lost ") == 1


def test_a_source_that_could_hardly_be_read_is_warned_of_too(tmp_path: Path) -> None:
    left_out(tmp_path, "raw_data", {("faq", "reading", "not_json"): 60}, {"faq": 100})
    assert (
        "source 'faq' lost 60 of 100 rows (60 %), all of them to reading: look at data/raw_data/rejected.parquet, or "
        "state format, columns and encoding of this source in raw_data.sources\n"
    ) in said(tmp_path)


def test_without_its_ledger_the_metrics_are_told(tmp_path: Path) -> None:
    left_out(tmp_path, "cleaned_data", {("chat", "near", "near_duplicate"): 79}, {"chat": 100})
    path = tmp_path / LEDGERS["cleaned_data"]
    pq.write_table(pq.read_table(path).drop_columns(["step"]), path)  # as an earlier release wrote it
    for _ in range(2):
        text = said(tmp_path)
        assert section(text) == [["cleaned_data", "near_duplicate", "79"]]
        assert "source 'chat' lost 79 of 100 rows (79 %): look at data/cleaned_data/dropped.parquet\n" in text
        path.unlink(missing_ok=True)


def test_a_ledger_of_another_run_is_not_believed(tmp_path: Path) -> None:
    left_out(tmp_path, "cleaned_data", {("chat", "near", "near_duplicate"): 7}, {"chat": 100})
    metrics = tmp_path / "data/metrics/cleaned_data.json"
    metrics.write_text(json.dumps({**json.loads(metrics.read_text()), "dropped": {"exact_duplicate": 9}}))
    assert section(said(tmp_path)) == [["cleaned_data", "exact_duplicate", "9"]]


def test_many_sources_and_reasons_stay_short(tmp_path: Path) -> None:
    counts = {(f"s{n}", "length", f"reason {n}"): 3 for n in range(60)}
    left_out(tmp_path, "cleaned_data", counts, {f"s{n}": 4 for n in range(60)})
    text = said(tmp_path)
    assert len(section(text)) == summary.MOST_REASONS + 1
    assert section(text)[-1] == ["", "35 more", "105"]
    assert text.count("look at data/cleaned_data/dropped.parquet") == 5
    assert "55 more sources lost 165 of 220 rows (75 %)" in text


def test_nothing_a_name_holds_reaches_the_terminal(tmp_path: Path) -> None:
    left_out(tmp_path, "cleaned_data", {(HOSTILE, HOSTILE, HOSTILE): 9}, {HOSTILE: 10})
    text = said(tmp_path)
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "[red]chat[/red]\\x1b[31m" in text  # as it is, not as markup


def test_without_drops_nothing_is_said_of_them(tmp_path: Path) -> None:
    left_out(tmp_path, "cleaned_data", {}, {"a": 10})
    assert "left out" not in said(tmp_path)
    assert "lost" not in said(tmp_path)


# -- the selection ---------------------------------------------------------------------------------------------------

CHOSEN = {
    "selected_subset": {
        "preset": "balanced_coverage", "spent": "199,812 of 200,000 tokens", "share of the pool": 0.072,
        "dagster/row_count": 720,
    }
}  # fmt: skip


def selection(root: Path, notes: list[str], reasons: dict[str, int]) -> None:
    """What a selection leaves behind of these, as `selected_subset` does."""
    folder = root / "data" / "selected_subset"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"id": f"{number:032x}", "source": "s", "reason": reason, "detail": "in one sentence"}
        for number, reason in enumerate(name for name, count in reasons.items() for _ in range(count))
    ]
    tables.write_parquet(pa.Table.from_pylist(rows, schema=tables.NOT_SELECTED), folder / "not_selected.parquet")
    tables.write_json(folder / "manifest.json", {"notes": notes})


def test_the_preset_what_was_spent_and_why_rows_were_not_selected(tmp_path: Path) -> None:
    selection(tmp_path, [], {"no_seats": 3, "outranked": 40, "filter": 3})
    text = said(tmp_path, CHOSEN)
    assert "balanced_coverage; 199,812 of 200,000 tokens; 7.2 % of the pool" in text
    assert section(text, "Why rows were not selected")[:3] == [
        ["outranked", "another row stands for it, or was ranked before it", "40"],
        ["filter", "it does not pass a filter", "3"],
        ["no_seats", "the quotas give its group no seats", "3"],
    ]
    assert "Notes" not in text
    # Of a run that did not get as far nothing is told: what lies there is of an earlier one.
    assert "not selected" not in said(tmp_path)


def test_notes_are_wrapped_and_those_beyond_ten_are_counted(tmp_path: Path) -> None:
    selection(tmp_path, [f"note {number} {'word ' * 30}" for number in range(13)], {})
    text = said(tmp_path, CHOSEN, width=60)
    assert [number for number in range(13) if f"- note {number} " in text] == list(range(10))
    assert "  3 more in data/selected_subset/manifest.json\n" in text
    notes = text[text.index("Notes of the selection") : text.index("3 more in")]
    assert all(len(line) <= 60 for line in notes.splitlines())
    assert notes.count("word") == 300
    selection(tmp_path, ["one"], {})
    assert " more in " not in said(tmp_path, CHOSEN)


def test_no_name_in_a_note_reaches_the_terminal(tmp_path: Path) -> None:
    selection(tmp_path, [HOSTILE], {HOSTILE: 2})
    text = said(tmp_path, CHOSEN)
    assert "- [red]chat[/red]\\x1b[31m\\n\\u202e\\x00" in text  # as it is, not as markup
    assert section(text, "Why rows were not selected")[0][0] == "[red]chat[/red]\\x1b[31m\\n\\u202e\\x00"
    assert "\x1b" not in text


def test_a_damaged_ledger_of_the_selection_is_passed_over(tmp_path: Path) -> None:
    selection(tmp_path, ["one"], {"filter": 2})
    (tmp_path / "data/selected_subset/not_selected.parquet").write_bytes(b"not Parquet")
    (tmp_path / "data/selected_subset/manifest.json").write_text("[]")
    text = said(tmp_path, CHOSEN)
    assert "Notes" not in text
    assert "not selected" not in text


def test_warnings_are_yellow_and_failures_red(tmp_path: Path) -> None:
    outcomes = [
        CheckOutcome("record_schema", True, "ERROR", "9 whole records", {}),
        CheckOutcome("class_balance", False, "ERROR", "class 'a' is missing", {}),
        CheckOutcome("bias", False, "WARN", "a warning only, which blocks nothing", {}),
    ]
    verdict.write(tmp_path / "data" / "reports" / verdict.FILE, "aa.dir", outcomes)
    assert [row[:2] for row in section(said(tmp_path, CHOSEN), "Checks")] == [
        ["record_schema", "passed"], ["class_balance", "failed"], ["bias", "warning"],
    ]  # fmt: skip
    colored = said(tmp_path, CHOSEN, color=True)
    assert "\x1b[33mwarning\x1b[0m" in colored
    assert "\x1b[31mfailed\x1b[0m" in colored
