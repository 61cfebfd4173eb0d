"""What was asked of a selection, as the manifest of its subset records it.

What belongs here: reading that, and finding the seats of a column. What is compared with them is `judging.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.selection_columns import ATTRIBUTES
from assets.selection_params import SelectedSubset
from assets.workspace import read_json

MANIFEST = "manifest.json"
# What a quota's `by` means even where an attribute has the same name; that one is asked for as `attributes.NAME`.
_COLUMNS = ("class", "label", "source", "format", "cluster", "suspected_label")


@dataclass(frozen=True)
class Asked:
    """What was asked for. `rows`: of the subset that came of it.

    `quotas`: for each column that a quota governs, the seats of each value: in tokens where `in_tokens`, else in rows.
    `settings`: those of `selected_subset`, as JSON.
    """

    rows: int
    in_tokens: bool
    quotas: Mapping[str, Mapping[str, int]]
    settings: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Asked | None:
        """What the manifest in the folder of a subset says; None where it is missing, damaged or of an old release."""
        manifest = read_json(folder / MANIFEST) or {}
        rows, unit, quotas = manifest.get("rows"), manifest.get("unit"), manifest.get("quotas")
        sections = manifest.get("settings")
        settings = sections.get("selected_subset") if isinstance(sections, dict) else None
        if type(rows) is not int or unit not in ("rows", "tokens") or not isinstance(settings, dict):
            return None
        if not isinstance(quotas, dict) or not all(map(_are_seats, quotas.values())):
            return None
        return cls(rows, unit == "tokens", quotas, settings)

    def seats(self, column: str) -> Mapping[str, int] | None:
        """The seats of each value of the column "label" or "source"; None where no quota governs it."""
        return self.quotas.get(column)

    def seats_of_attribute(self, key: str) -> Mapping[str, int] | None:
        """The seats of each value of an attribute; None where no quota governs it."""
        is_plain = key not in _COLUMNS and not key.startswith(ATTRIBUTES)
        return self.quotas.get(ATTRIBUTES + key, self.quotas.get(key) if is_plain else None)

    def differs_in(self, settings: SelectedSubset) -> list[str]:
        """The keys in which the settings of now are not those that the subset was made by."""
        now = settings.model_dump(mode="json")
        return sorted(key for key in {*now, *self.settings} if now.get(key) != self.settings.get(key))


def _are_seats(value: object) -> bool:
    seats = list(value.values()) if isinstance(value, dict) else []
    return all(type(each) is int and each >= 0 for each in seats) and sum(seats) > 0
