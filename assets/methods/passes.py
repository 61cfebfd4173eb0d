"""Forward passes: which sequences of tokens share one, in which shape, and how passes run side by side.

Batch invariance. What a model makes of a sequence must not depend on its neighbours: a cache that was filled in pieces,
or taken up after a crash, has to hold the very bits of a run in one go. Matrix kernels are chosen by the *shape* of a
batch, so every sequence is padded to a length that follows from its own token count, and all batches of one padded
length have one shape; the last of them is filled with copies of its first row. Rows of one shape go through the same
instructions wherever they stand. Each pass runs on a single CPU thread and passes run side by side, which also makes
the bits independent of the number of threads, and is faster than threads inside a pass.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# Tokens in one pass on a CPU core. Small enough for its cache, large enough for full speed (measured: 768 is within
# 2 % of the best for 32 to 256 tokens a text), and small enough that filling up the last batches costs little.
CPU_PASS_TOKENS = 768


@dataclass(frozen=True)
class Pass:
    """One forward pass: which rows (`indices`), and the shape (`rows`, `length`) that they are padded to."""

    indices: npt.NDArray[np.int64]
    rows: int
    length: int


def padded_length(tokens: int) -> int:
    """The length a text of this many tokens is padded to: the next multiple of 4, 8, 16, 32, … as it gets longer.

    At most an eighth of a long text, on average 5 % of real instructions, and few enough shapes to fill.
    """
    step = 4 if tokens <= 32 else max(8, 1 << ((tokens - 1).bit_length() - 4))
    return -(-tokens // step) * step


def plan(lengths: npt.NDArray[np.int64], limit: int, pass_tokens: int) -> Iterator[Pass]:
    """Passes over all texts that have tokens, longest first; each padded length has one number of rows."""
    sizes, inverse = np.unique(lengths, return_inverse=True)
    padded = np.array([min(padded_length(int(n)), limit) for n in sizes], np.int64)[inverse]
    for length in np.unique(padded[lengths > 0])[::-1].tolist():
        members = np.flatnonzero((padded == length) & (lengths > 0))
        rows = max(1, pass_tokens // length)
        for start in range(0, len(members), rows):
            yield Pass(members[start : start + rows], rows, length)


def side_by_side(work: Any, jobs: Iterator[Pass]) -> Iterator[Any]:
    """`map(work, jobs)` on as many threads as torch would use, with one torch thread in each; results in order."""
    import torch

    threads = torch.get_num_threads()
    waiting: deque[Future[Any]] = deque()
    pool = ThreadPoolExecutor(threads, "encode", initializer=torch.set_num_threads, initargs=(1,))
    try:
        for job in jobs:
            waiting.append(pool.submit(work, job))
            if len(waiting) > 2 * threads:  # enough to keep all busy; results must not pile up
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(threads)  # the workers' setting is also the default of threads started later
