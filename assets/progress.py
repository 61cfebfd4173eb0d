"""How long work reports that it is getting on, without knowing who looks.

The command line draws bars, a Dagster run writes log lines; both implement `Progress`. Methods take only the function
that a task yields (`Advance`: rows done since the last call), so that they know nothing of either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Something that shows how far a task has come."""

    def task(self, title: str, total: int | None, unit: str = "rows") -> AbstractContextManager[Advance]:
        """Open a task of `total` units (None = unknown); the block gets a function that advances it."""
        ...


class Silent:
    """A `Progress` that shows nothing."""

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "rows") -> Iterator[Advance]:
        """Open a task that nobody sees."""
        yield lambda rows: None
