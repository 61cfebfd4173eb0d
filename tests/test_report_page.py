"""The page of the checks says what failed, shows every group, and lets no text of a record become markup."""

from typing import Literal

from assets.verdict import CheckOutcome, GroupShares
from orchestration import report_page

HOSTILE = "<script>alert(1)</script>\x1b[31m"


def outcome(
    passed: bool, summary: str = "all well", groups: int = 1, severity: Literal["ERROR", "WARN"] = "ERROR"
) -> CheckOutcome:
    table = tuple(GroupShares("label", f"{HOSTILE}{i}", 0.5, 0.5, 0.25) for i in range(groups))
    return CheckOutcome("class_balance", passed, severity, summary, {}, table)


def test_the_verdict_is_that_of_all_checks() -> None:
    assert "All checks passed" in report_page.page([outcome(True), outcome(True)], [])
    failed = report_page.page([outcome(True), outcome(False, "class 'a' is missing")], [])
    assert "No version: a check failed" in failed
    assert "class &#x27;a&#x27; is missing" in failed


def test_a_warning_is_no_failure() -> None:
    warned = report_page.page([outcome(True), outcome(False, "like HumanEval", severity="WARN")], [])
    assert "No check blocks a version, 1 of 2 with a warning" in warned
    assert "<span class=warning>warning</span>" in warned
    assert "class=failed" not in warned
    both = report_page.page([outcome(False), outcome(False, severity="WARN")], [])
    assert "<h1 class=failed>No version: a check failed" in both
    assert "<span class=warning>" in both


def test_texts_are_escaped_and_nothing_is_fetched() -> None:
    page = report_page.page([outcome(False, HOSTILE)], ["checks/validations/x.html"])
    assert "<script" not in page
    assert "\x1b" not in page
    assert "http" not in page
    assert 'href="checks/validations/x.html"' in page
    assert "-25.0" in page


def test_groups_that_do_not_fit_are_counted() -> None:
    assert "and 5 more groups" in report_page.page([outcome(True, groups=report_page.MOST_ROWS + 5)], [])
