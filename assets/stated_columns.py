"""Stated columns: those that the settings of a source name, and whether its rows have them."""

from __future__ import annotations

from typing import Any

from assets import files, tables
from assets.errors import SourceError
from assets.source_params import Source

DEMO_ATTRIBUTES = ("kind", "visibility")


class StatedColumns:
    """Looks out for the columns that the settings of a source name, and for those that there are."""

    def __init__(self, source: Source, columns: dict[str, str]) -> None:
        self._settings: dict[str, str] = {}
        for setting, names in (
            *((f"columns.{name}", [column]) for name, column in columns.items()),
            ("attributes", attributes_of(source)),
            ("filter", list(source.filter)),
        ):
            for column in names:
                self._settings.setdefault(column, setting)
        self._missing = set(self._settings)
        self._found: dict[str, None] = {}
        self._last: Any = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Those whose names may reach inside other columns."""
        return tuple(column for column in self._settings if "." in column)

    def see(self, value: dict[str, Any]) -> None:
        """Take note of the columns of one row."""
        columns = value.keys()
        if columns == self._last:  # as nearly always
            return
        self._last = columns
        self._missing.difference_update(columns)
        if len(self._found) < 20:
            self._found.update(dict.fromkeys(columns))

    def join(self, other: StatedColumns) -> None:
        """See all that `other` has seen."""
        self._missing &= other._missing
        self._found |= other._found

    def check(self, where: str) -> None:
        """Raise `SourceError` if a stated column was in none of the rows."""
        if self._missing and self._found:
            column = min(self._missing)
            stated = f"'{files.printable(column)}' ({self._settings[column]})"
            there = tables.escape(", ".join(list(self._found)[:20]), 300)
            raise SourceError(f"{where}: no row has the column {stated}; it has: {there}")


def columns_of(source: Source) -> dict[str, str]:
    """The columns that the settings name, by their usual names."""
    return {name: column for name, column in source.columns.model_dump().items() if column is not None}


def attributes_of(source: Source) -> tuple[str, ...]:
    """The columns that are kept beside the record, each once; the demo has two of its own."""
    return tuple(dict.fromkeys((*DEMO_ATTRIBUTES, *source.attributes))) if source.demo else source.attributes
