"""Progress as lines of text, where no bar can be drawn: the log of a Dagster run, output that goes into a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from assets.progress import Advance


class ProgressLines:
    """Says how far a task has come, how fast, and how long it will take: one line at most every `seconds`."""

    def __init__(self, say: Callable[[str], object], seconds: float) -> None:
        self._say, self._seconds = say, seconds

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "rows") -> Iterator[Advance]:
        """Open a task; see `assets.progress.Progress`."""
        started = last = time.monotonic()
        done = 0

        def advance(count: int) -> None:
            nonlocal done, last
            done += count
            now = time.monotonic()
            if now - last >= self._seconds:
                last = now
                self._say(line(title, done, total, unit, now - started))

        yield advance


def line(title: str, done: int, total: int | None, unit: str, seconds: float) -> str:
    """One line such as `embedding: 12,000 of 52,002 rows, 231 rows/s, 2:53 left`."""
    rate = done / seconds if seconds > 0 else 0.0
    text = f"{title}: {done:,}" + (f" of {total:,}" if total else "") + f" {unit}, {rate:,.0f} {unit}/s"
    if total and rate > 0:
        left = round(max(0, total - done) / rate)
        text += f", {left // 60}:{left % 60:02d} left"
    return text
