"""A subset is published only after checks that passed on that very subset."""

import json
from pathlib import Path

import pytest

from assets import verdict
from assets.errors import DataError
from assets.verdict import CheckOutcome, GroupShares

ROW = GroupShares("class", "HUM", pool=0.25, target=0.25, subset=0.5)
GOOD = CheckOutcome("record_schema", True, "ERROR", "60 whole records", {"rows": 60})
BAD = CheckOutcome("class_balance", False, "ERROR", "class 'ABBR' is missing (1.6 % of the pool)", {}, (ROW,))


def test_a_subset_whose_checks_passed_is_let_through(tmp_path: Path) -> None:
    verdict.write(tmp_path / "reports" / "checks.json", "aa.dir", [GOOD])
    verdict.require(tmp_path / "reports" / "checks.json", "aa.dir")


def test_a_failed_check_is_quoted(tmp_path: Path) -> None:
    verdict.write(tmp_path / "checks.json", "aa.dir", [GOOD, BAD])
    with pytest.raises(DataError) as error:
        verdict.require(tmp_path / "checks.json", "aa.dir")
    assert str(error.value) == (
        "checks have not passed for this subset: class_balance: class 'ABBR' is missing (1.6 % of the pool)"
    )


def test_a_warning_is_not_quoted_as_a_failure(tmp_path: Path) -> None:
    verdict.write(tmp_path / "checks.json", "aa.dir", [BAD, CheckOutcome("bias", False, "WARN", "lengths differ", {})])
    with pytest.raises(DataError) as error:
        verdict.require(tmp_path / "checks.json", "aa.dir")
    assert "ABBR" in str(error.value)
    assert "lengths differ" not in str(error.value)


def test_a_verdict_on_another_subset_does_not_count(tmp_path: Path) -> None:
    verdict.write(tmp_path / "checks.json", "aa.dir", [GOOD])
    with pytest.raises(DataError, match="they last looked at another one"):
        verdict.require(tmp_path / "checks.json", "bb.dir")


def test_no_verdict_refuses(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="they have not run"):
        verdict.require(tmp_path / "checks.json", "aa.dir")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "\x00"])
def test_a_damaged_verdict_refuses(tmp_path: Path, text: str) -> None:
    (tmp_path / "checks.json").write_text(text)
    with pytest.raises(DataError, match=r"checks\.json cannot be read"):
        verdict.require(tmp_path / "checks.json", "aa.dir")


@pytest.mark.parametrize("extra", [{}, {"passed": "yes"}, {"passed": 1}, {"passed": False, "checks": "none"}])
def test_only_a_plain_true_passes(tmp_path: Path, extra: dict[str, object]) -> None:
    (tmp_path / "checks.json").write_text(json.dumps({"subset": "aa.dir", **extra}))
    with pytest.raises(DataError, match="gives no reason"):
        verdict.require(tmp_path / "checks.json", "aa.dir")


def test_no_checks_at_all_is_no_pass() -> None:
    assert not verdict.passed([])
    assert verdict.passed([GOOD])
    assert not verdict.passed([GOOD, BAD])


def test_a_warning_does_not_stand_in_the_way() -> None:
    assert verdict.passed([GOOD, CheckOutcome("beats_random", False, "WARN", "no better than random", {})])


def test_the_file_holds_what_a_program_needs(tmp_path: Path) -> None:
    verdict.write(tmp_path / "checks.json", "aa.dir", [BAD])
    value = json.loads((tmp_path / "checks.json").read_text())
    assert value["passed"] is False
    assert value["checks"][0]["table"] == [
        {"column": "class", "group": "HUM", "pool": 0.25, "target": 0.25, "subset": 0.5, "difference": 0.25}
    ]
