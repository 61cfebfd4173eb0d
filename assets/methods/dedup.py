"""Duplicates: which rows repeat a row that is kept."""

from __future__ import annotations

from collections.abc import Sequence


class ExactDuplicates:
    """Finds rows whose key was seen before. Cost: one dictionary entry per distinct key.

    The first row with a key is kept, and every later one names it: no row is dropped for a row that is itself dropped.
    """

    def __init__(self) -> None:
        self._kept: dict[bytes, str] = {}

    def kept_ids(self, keys: Sequence[bytes], ids: Sequence[str]) -> list[str | None]:
        """For each row the id of the kept row that it repeats, or None if it is the first with its key."""
        result: list[str | None] = []
        for key, row_id in zip(keys, ids, strict=True):
            result.append(self._kept.get(key))
            self._kept.setdefault(key, row_id)
        return result
