"""The verdict of the checks on a subset, on disk, so that a later run cannot publish what has not passed.

The checks write it together with the content hash of the subset they looked at; `subset_version` asks for it. What is
checked, and how, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from assets.errors import DataError
from assets.tables import write_json
from assets.workspace import read_json

FILE = "checks.json"

_REFUSAL = "checks have not passed for this subset"
_RUN = "run selected_subset with its checks first (`pickwise run` does all in order)"


@dataclass(frozen=True)
class GroupShares:
    """One group of one column, such as a class: its shares (0 to 1) of the pool, of the target and of the subset."""

    column: str
    group: str  # escaped, for people
    pool: float
    target: float
    subset: float

    @property
    def difference(self) -> float:
        """Share of the subset less that of the target: above 0 = more than was wanted."""
        return self.subset - self.target


@dataclass(frozen=True)
class CheckOutcome:
    """What one check found."""

    name: str
    passed: bool
    severity: Literal["ERROR", "WARN"]
    summary: str  # one line: what is off, by how much and what would mend it; or what was found in order
    facts: Mapping[str, Any]  # JSON values; a divergence that is infinite is None
    table: tuple[GroupShares, ...] = ()


def write(path: Path, subset_hash: str, outcomes: Sequence[CheckOutcome]) -> None:
    """Write the outcomes of all checks on the subset whose content hash is `subset_hash`."""
    value = {
        "subset": subset_hash,
        "passed": passed(outcomes),
        "checks": [
            {**asdict(outcome), "table": [{**asdict(row), "difference": row.difference} for row in outcome.table]}
            for outcome in outcomes
        ],
    }
    write_json(path, value)


def passed(outcomes: Sequence[CheckOutcome]) -> bool:
    """Whether nothing stands in the way of a version: at least one check, and none failed with severity ERROR."""
    return bool(outcomes) and all(outcome.passed or outcome.severity != "ERROR" for outcome in outcomes)


def require(path: Path, subset_hash: str) -> None:
    """Raise `DataError` unless `path` says that the checks passed for the subset with this content hash."""
    verdict = read_json(path)
    if verdict is None:
        why = f"{path.name} cannot be read" if path.exists() else "they have not run"
        raise DataError(f"{_REFUSAL}: {why}; {_RUN}")
    if verdict.get("subset") != subset_hash:
        raise DataError(f"{_REFUSAL}: they last looked at another one; {_RUN}")
    if verdict.get("passed") is not True:
        raise DataError(f"{_REFUSAL}: {_failures(verdict.get('checks'))}")


def _failures(checks: object) -> str:
    listed = checks if isinstance(checks, list) else []
    checks = [check for check in listed if isinstance(check, dict)]
    failed = [check for check in checks if not check.get("passed") and check.get("severity") != "WARN"]
    named = [f"{check.get('name')}: {check.get('summary')}" for check in failed]
    return "; ".join(named) or f"{FILE} gives no reason; {_RUN}"
