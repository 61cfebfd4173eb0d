"""What a proxy is: something that learns from chosen rows, is judged by held-out ones, and gives figures.

What belongs here: names and directions of figures, and what all proxies have in common. Each proxy has a module of its
own: `probes`, `language_loss`, `spread`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from assets.methods.comparing.splits import Rows, Split
from assets.methods.threads import Threads


@dataclass(frozen=True)
class Figure:
    """A number that a proxy gives: its name, whether `higher` is better, and how it is said.

    `unit`: what follows the number in a sentence. `scale`: what it is multiplied with there. `title`: its name there.
    """

    name: str
    higher: bool
    title: str
    unit: str
    scale: float = 1.0
    digits: int = 1


ACCURACY = Figure("accuracy", True, "accuracy", "points of accuracy", 100.0)
MACRO_F1 = Figure("macro_f1", True, "macro-F1", "points of macro-F1", 100.0)
LOSS = Figure("loss", False, "held-out loss", "nats per word", 1.0, 3)
NOVEL_SUM = Figure("novel_sum", True, "NovelSum", "of NovelSum", 1.0, 3)
COVERAGE = Figure("coverage", True, "coverage", "points of coverage", 100.0)
KL_REDUCTION = Figure("kl_reduction", True, "KL reduction", "nats of KL reduction", 1.0, 3)
FIGURES = {figure.name: figure for figure in (ACCURACY, MACRO_F1, LOSS, NOVEL_SUM, COVERAGE, KL_REDUCTION)}


class Proxy(Protocol):
    """One way to judge subsets of a pool; the data of the pool are its own."""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """What it gives, the one that decides first."""
        ...

    def judge(self, split: Split, subsets: Sequence[Rows], threads: Threads) -> list[dict[str, float]]:
        """For each subset of `split.train` the figures by name, all finite; judged by `split.held_out`.

        The same for a subset whatever the others are, and on any number of threads.
        """
        ...
