"""What the assets need to know of versions; `orchestration/versions.py` knows how DVC, GTO and Git make them.

`subset_version` gets a `VersionStore` as a resource, so that the assets never import the orchestration.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Bump = Literal["major", "minor", "patch"]


@dataclass(frozen=True)
class SubsetIdentity:
    """What tells one subset from another. Equal `rows_hash` = the same rows in the same order with the same reasons."""

    rows: int
    rows_hash: str  # MD5 of subset.parquet
    folder_hash: str  # content hash of data/selected_subset, as DVC records it
    settings_hash: str  # of the settings that shape the subset; differs → a minor version
    code_hash: str  # of the code and packages that shape the subset; differs → a minor version
    summary: str  # one line for people: "764 of 7,640 rows, 12 classes, balanced_coverage"


@dataclass(frozen=True)
class Version:
    """A registered version of the subset."""

    name: str  # v1.4.0
    tag: str  # sft-subset@v1.4.0
    commit: str  # full Git id of the side commit
    created: str  # ISO 8601, UTC, to the second
    identity: SubsetIdentity


@dataclass(frozen=True)
class Publication:
    """The outcome of publishing: the version that holds the subset, and whether it was made just now."""

    version: Version
    is_new: bool
    why: str  # "first version", "settings changed", "new data", "same rows as v1.2.0"


class VersionStore(Protocol):
    """Makes versions; the asset's view of DVC, GTO and Git."""

    def commit_data(self) -> None:
        """Record the present content of every stage in dvc.lock and in DVC's cache (not inside `dvc repro`)."""
        ...

    def publish(self, identity: SubsetIdentity, major: bool = False) -> Publication:
        """Register the present subset as the next version, unless a version already holds the same rows."""
        ...

    def versions(self) -> list[Version]:
        """All versions, highest first."""
        ...

    def find(self, name: str) -> Version:
        """The version called `name`, or `latest`; raises `VersionError`."""
        ...

    def fetch_subset(self, name: str, path: Path) -> Version:
        """Write the `subset.parquet` of the version called `name` to `path`; raises `VersionError`."""
        ...
