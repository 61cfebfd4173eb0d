"""The ledger of left-out rows: what is written, what is counted, and what is said about it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets import drops, ledger, losses, reporting, tables
from assets.drops import Drops, Loss
from assets.ledger import LedgerWriter
from assets.params import Params

HOSTILE = "a|b\x1b[31m\n\u202e\x00<b>" + "x" * 500
ORDER = drops.step_order(Params().cleaned_data)


def rows(*keys: tuple[str, str, str]) -> pa.Table:
    """Ledger rows of these sources, steps and reasons."""
    return pa.Table.from_pylist(
        [
            {
                "id": None, "source": source, "file": "f.jsonl", "line": line, "item": line, "step": step,
                "reason": reason, "detail": "why", "text": "t",
            }
            for line, (source, step, reason) in enumerate(keys, 1)
        ],
        schema=tables.LEDGER,
    )  # fmt: skip


def write(path: Path, table: pa.Table, cuts: Sequence[int]) -> Drops:
    with LedgerWriter(path) as writer:
        for start, stop in zip([0, *cuts], [*cuts, table.num_rows], strict=True):
            writer.write(table.slice(start, stop - start))
    return writer.close()


# -- writing ---------------------------------------------------------------------------------------------------------


def test_the_bytes_and_the_counts_do_not_depend_on_how_the_rows_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "GROUP_ROWS", 10)
    keys = [("ab"[n % 2], ("near", "length")[n % 3 == 0], f"r{n % 5}") for n in range(37)]
    for name, cuts in (("a", []), ("b", [1, 1, 30]), ("c", [10, 20, 30])):
        found = write(tmp_path / name, rows(*keys), cuts)
        assert found.counts == Counter(keys)
        assert (tmp_path / name).read_bytes() == (tmp_path / "a").read_bytes()
        assert ledger.count(tmp_path / name) == Counter(keys)
    assert pq.read_metadata(tmp_path / "a").num_row_groups == 4
    assert pq.read_table(tmp_path / "a").equals(rows(*keys))


def test_a_ledger_without_rows_can_be_read(tmp_path: Path) -> None:
    assert write(tmp_path / "x.parquet", rows(), []).total == 0
    assert pq.read_table(tmp_path / "x.parquet").schema == tables.LEDGER
    assert ledger.count(tmp_path / "x.parquet") == Counter()


def test_an_error_in_the_block_is_the_one_that_is_seen(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="midway"), LedgerWriter(tmp_path / "x.parquet") as writer:
        writer.write(rows(("a", "near", "near_duplicate")))
        raise RuntimeError("midway")


KEYS = st.tuples(*(st.sampled_from(["a", "b", "", "\ud7ff\u202e"]) for _ in range(3)))


@settings(max_examples=40, deadline=None)
@given(keys=st.lists(KEYS, max_size=30), cut=st.integers(0, 30))
def test_any_rows_are_counted_as_they_are_written(
    tmp_path_factory: pytest.TempPathFactory, keys: list[tuple[str, str, str]], cut: int
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "x.parquet"
    found = write(path, rows(*keys), [min(cut, len(keys))])
    assert found.counts == Counter(keys) == ledger.count(path)
    assert found.total == len(keys)


# -- counting --------------------------------------------------------------------------------------------------------

COUNTS = {
    ("chat", "near", "near_duplicate"): 790,
    ("chat", "length", "too_short"): 20,
    ("chat", "reading", "not_json"): 2,
    ("faq", "length", "too_long"): 5,
    ("faq", "length", "too_short"): 30,
    ("faq", "mystery", "odd"): 1,
}
ROWS_IN = {"chat": 1000, "faq": 2000, "untouched": 7}
FOUND = Drops.of(COUNTS, ROWS_IN)


def test_steps_stand_in_the_order_in_which_they_ran() -> None:
    assert list(FOUND.by_step(ORDER).items()) == [("reading", 2), ("length", 55), ("near", 790), ("mystery", 1)]
    assert list(FOUND.by_reason()) == ["near_duplicate", "too_short", "too_long", "not_json", "odd"]
    assert FOUND.by_step_and_reason(ORDER) == [
        ("reading", "not_json", 2),
        ("length", "too_short", 50),
        ("length", "too_long", 5),
        ("near", "near_duplicate", 790),
        ("mystery", "odd", 1),
    ]


def test_the_waterfall_goes_from_the_rows_in_to_the_rows_left() -> None:
    bars = FOUND.waterfall(3007, ORDER)
    assert [(bar.label, bar.dropped, bar.left) for bar in bars] == [
        ("reading", 2, 3005), ("length", 55, 2950), ("near", 790, 2160), ("mystery", 1, 2159),
    ]  # fmt: skip


def test_what_is_kept_follows_from_what_came_in_and_the_other_way_round() -> None:
    assert FOUND.kept == {"chat": 188, "faq": 1964, "untouched": 7}
    assert Drops.of(COUNTS, kept=FOUND.kept) == FOUND == Drops.of(COUNTS, ROWS_IN, FOUND.kept)


@pytest.mark.parametrize(
    ("rows_in", "kept"),
    [(ROWS_IN, {**FOUND.kept, "faq": 1965}), ({**ROWS_IN, "chat": 800}, None), ({"chat": 1000}, None)],
)
def test_a_row_that_is_neither_kept_nor_in_the_ledger_is_an_error(rows_in: dict[str, int], kept: object) -> None:
    with pytest.raises(ValueError, match=r"source '(faq|chat)': [\d,]+ rows came in, but [\d,]+ stayed and [\d,]+ are"):
        Drops.of(COUNTS, rows_in, kept)  # type: ignore[arg-type]


@given(st.dictionaries(KEYS, st.integers(1, 10**6), max_size=12), st.dictionaries(st.text(max_size=3), st.integers(0)))
def test_nothing_is_lost_in_any_view(counts: dict[tuple[str, str, str], int], kept: dict[str, int]) -> None:
    found = Drops.of(counts, kept=kept)
    total = sum(counts.values())
    assert total == sum(found.by_step().values()) == sum(found.by_reason().values())
    assert total == sum(loss.dropped for loss in found.by_source())
    table = found.table(most=3)
    assert sum(row["rows in"] for row in table) == sum(found.rows_in.values())  # type: ignore[misc]
    for _, shares in found.fates():
        assert sum(shares.values()) == pytest.approx(1)
    assert reporting.markdown_table(table).count("\n") == (len(table) + 1 if table else 0)


def test_the_table_shows_the_largest_sources_and_steps_and_adds_up_the_others() -> None:
    counts = {(f"s{n:02}", f"step{n % 11}", "r"): n + 1 for n in range(22)}
    table = Drops.of(counts, kept={f"s{n:02}": 100 for n in range(22)}).table()
    assert len(table) == 13
    assert table[0] == {"source": "s21", "rows in": 122} | {f"step{n}": 0 for n in range(4, 10)} | {
        "step10": 22, "other steps": 0, "kept": 100, "lost": "18 %",
    }  # fmt: skip
    assert table[-1]["source"] == "10 more"
    assert table[-1]["kept"] == 1000
    assert sum(row["rows in"] for row in table) == 2200 + sum(counts.values())  # type: ignore[misc]


# -- saying ----------------------------------------------------------------------------------------------------------


def test_a_source_is_warned_of_from_more_than_half() -> None:
    half = Drops.of({("a", "near", "r"): 50}, {"a": 100})
    assert half.losing_sources() == []
    assert half.losing_sources(0.49) == [Loss("a", 100, 50, "near", 50)]
    assert Drops.of({("a", "near", "r"): 51}, {"a": 100}).losing_sources() == [Loss("a", 100, 49, "near", 51)]
    assert Drops.of({("a", "near", "r"): 51}).losing_sources() == []  # of how many?


def test_a_warning_names_the_source_the_step_the_file_and_the_setting() -> None:
    assert losses.warning_lines(FOUND.losing_sources(), losses.DROPPED) == [
        "source 'chat' lost 812 of 1,000 rows (81.2 %), most of them to near (790): look at "
        "data/cleaned_data/dropped.parquet, or raise cleaned_data.dedup.near.threshold"
    ]
    one = Drops.of({("a", "length", "too_short"): 3}, {"a": 3}).losing_sources()
    assert losses.warning_lines(one, losses.DROPPED)[0].startswith(
        "source 'a' lost 3 of 3 rows (100 %), all of them to length: "
    )
    assert losses.warning_lines(one, losses.DROPPED)[0].endswith("or loosen 'length' in cleaned_data.steps")


def test_many_losing_sources_are_added_up() -> None:
    found = Drops.of({(f"s{n}", "near", "r"): 9 for n in range(40)}, {f"s{n}": 10 for n in range(40)})
    lines = losses.warning_lines(found.losing_sources(), losses.DROPPED)
    assert len(lines) == 6
    assert lines[-1] == "35 more sources lost 315 of 350 rows (90 %)"


def test_every_step_has_its_setting_and_no_name_can_harm_a_terminal() -> None:
    assert set(losses.REMEDIES) == {*drops.BEFORE_STEPS, *drops.AFTER_STEPS}
    found = Drops.of({(HOSTILE, HOSTILE, HOSTILE): 9}, {HOSTILE: 10})
    judged = losses.judge(found, losses.DROPPED)
    (line,) = losses.warning_lines(found.losing_sources(), losses.DROPPED)
    for text in (line, judged.sentence):
        assert text.isprintable()
        assert len(text) < 500
    # The headers are names of steps, which are our own; the cells are anybody's.
    named = Drops.of({(HOSTILE, "near", HOSTILE): 9}, {HOSTILE: 10}).table()
    assert reporting.markdown_table(named).count("\n") == 2
    assert reporting.markdown_table(named).splitlines()[2].count("|") == 6


def test_the_check_passes_fails_and_says_why() -> None:
    failed = losses.judge(FOUND, losses.DROPPED, ORDER)
    assert not failed.passed
    assert "source 'chat' lost 812 of 1,000 rows" in failed.sentence
    assert [row["source"] for row in failed.table] == ["faq", "chat", "untouched"]
    passed = losses.judge(FOUND, losses.DROPPED, ORDER, limit=0.9)
    assert passed.passed
    assert passed.sentence == (
        "no source lost more than 90 % of its rows; 'chat' lost the largest share: 812 of 1,000 rows (81.2 %)"
    )
    assert losses.judge(Drops.of({}, {"a": 3}), losses.DROPPED).sentence == "no source lost a row"
    assert losses.judge(Drops({}), losses.DROPPED).passed


def test_there_are_pictures_of_what_was_lost_and_of_a_few_sources() -> None:
    def titles(sources: int, rows: int = 1) -> list[str]:
        counts = {(f"s{n}", "near", "near_duplicate"): rows for n in range(sources)}
        return list(losses.pictures(Drops.of(counts, {f"s{n}": 10 for n in range(sources)}), ORDER))

    waterfall, by_source = "from rows in to rows left", "where the rows of each source went"
    assert titles(1) == titles(9) == [waterfall]
    assert titles(2) == titles(8) == [waterfall, by_source]
    assert titles(2, rows=0) == []


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 0, "0 %"),
        (0, 9, "0 %"),
        (1, 10**6, "under 0.1 %"),
        (999_999, 10**6, "99.9 %"),
        (5, 5, "100 %"),
        (1, 2, "50 %"),
    ],
)
def test_no_share_is_rounded_to_all_or_none(part: int, whole: int, said: str) -> None:
    assert drops.percent(part, whole) == said
