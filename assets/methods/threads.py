"""Work in parallel that gives the same answer on any number of threads: it is cut the same way, whoever does a part."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Threads:
    """As many threads as there are cores for this process, or `count`; the linear algebra in each of them runs on one.

    A part must not depend on the others, and must release the GIL for this to be of use.
    """

    def __init__(self, count: int | None = None) -> None:
        from threadpoolctl import ThreadpoolController

        self._count = count or usable_cores()
        self._pool = ThreadPoolExecutor(self._count, "methods")  # starts its threads when they are needed first
        # Found once: looking through the loaded libraries takes longer than many a part.
        self._algebra = ThreadpoolController().select(user_api="blas")

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> list[Result]:
        """The results, in the order of the tasks."""
        with self._algebra.limit(limits=1):
            listed = list(tasks)
            if min(self._count, len(listed)) < 2:
                return [function(task) for task in listed]
            return list(self._pool.map(function, listed))


def usable_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
