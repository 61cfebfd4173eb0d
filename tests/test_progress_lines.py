"""Progress in lines: the numbers are right, and lines do not come more often than asked."""

from orchestration.progress_lines import ProgressLines, line


def test_a_line_says_how_far_how_fast_and_how_long() -> None:
    assert line("embedding", 12_000, 52_002, "rows", 60.0) == "embedding: 12,000 of 52,002 rows, 200 rows/s, 3:20 left"
    assert line("reading", 500, None, "bytes", 2.0) == "reading: 500 bytes, 250 bytes/s"
    assert line("reading", 0, 10, "rows", 0.0) == "reading: 0 of 10 rows, 0 rows/s"


def test_done_is_what_was_advanced_in_all() -> None:
    said: list[str] = []
    with ProgressLines(said.append, 0.0).task("selecting", 10) as advance:
        advance(3)
        advance(4)
    assert [text.split(" rows,")[0] for text in said] == ["selecting: 3 of 10", "selecting: 7 of 10"]


def test_lines_are_held_back() -> None:
    said: list[str] = []
    with ProgressLines(said.append, 3600.0).task("selecting", 10) as advance:
        advance(5)
    assert said == []
