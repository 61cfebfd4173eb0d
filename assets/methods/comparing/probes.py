"""The proxy for labelled pools: a linear probe learns from the chosen rows and names the classes of held-out rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.comparing.proxies import ACCURACY, MACRO_F1, Figure
from assets.methods.comparing.splits import Rows, Split
from assets.methods.threads import Threads
from assets.methods.uncertainty import fitting

UNLABELLED = -1
REGULARIZATION = 10.0  # the learner's, as in the benchmarks; bolder than that of the probe which scores rows


class ProbeProxy:
    """Accuracy and macro-F1 of multinomial logistic regression on vectors, both from 0 to 1, higher = better.

    `vectors`: (n, d) float32 unit vectors; `labels`: (n,), None for no label. Rows without a label teach nothing and
    judge nothing. The held-out labels are taken as they are: where some are wrong, differences come out smaller, not
    the other way round. Macro-F1 is over the classes of the held-out rows. Cost: a fit, see `fitting.fit`, a subset.
    """

    figures: tuple[Figure, ...] = (ACCURACY, MACRO_F1)

    def __init__(
        self,
        vectors: npt.NDArray[np.float32],
        labels: Sequence[str | None],
        regularization: float = REGULARIZATION,
    ) -> None:
        if len(vectors) != len(labels):
            raise DataError(f"{len(labels):,} labels for {len(vectors):,} vectors: expected one each")
        names = sorted({label for label in labels if label is not None})
        number: dict[str | None, int] = {name: place for place, name in enumerate(names)}
        self._vectors, self._regularization = vectors, regularization
        self._classes = np.array([number.get(label, UNLABELLED) for label in labels], dtype=np.int64)

    def judge(self, split: Split, subsets: Sequence[Rows], threads: Threads) -> list[dict[str, float]]:
        """See `Proxy`. Raises `DataError` where no held-out row, or no row of a subset, has a label."""
        judges = split.held_out[self._classes[split.held_out] != UNLABELLED]
        if not len(judges):
            raise DataError(f"none of {len(split.held_out):,} held-out rows has a label: expected some to judge by")
        given, points = self._classes[judges], self._vectors[judges]

        def measure(rows: Rows) -> dict[str, float]:
            answers = self._learn(rows, split.seed)(points)
            return {"accuracy": float((answers == given).mean()), "macro_f1": macro_f1(given, answers)}

        with fitting.quiet():
            return threads.map(measure, subsets)

    def _learn(self, rows: Rows, seed: int) -> _Answers:
        rows = np.sort(rows[self._classes[rows] != UNLABELLED])
        if not len(rows):
            raise DataError("no row of a subset has a label: expected some to learn from")
        known, classes = np.unique(self._classes[rows], return_inverse=True)
        if len(known) == 1:
            return _Answers(known, None)
        once = np.ones(len(rows), dtype=np.int64)
        fit = fitting.fit(self._vectors, rows, classes, once, len(known), self._regularization, [seed, 13])
        return _Answers(known, fit.coefficients)


class _Answers:
    """A probe: the class that it gives to each vector; one that knows one class only gives that."""

    def __init__(self, known: Rows, coefficients: fitting.Coefficients | None) -> None:
        self._known, self._coefficients = known, coefficients

    def __call__(self, points: npt.NDArray[np.float32]) -> Rows:
        if self._coefficients is None:
            return np.full(len(points), self._known[0], dtype=np.int64)
        return np.asarray(self._known[fitting.logits(points, self._coefficients).argmax(axis=1)])


def macro_f1(given: Rows, answers: Rows) -> float:
    """The mean over the classes of `given` of 2 hits / (given + answered), from 0 to 1, higher = better."""
    size = int(max(given.max(), answers.max())) + 1
    hits = np.bincount(given[given == answers], minlength=size)
    present, answered = np.bincount(given, minlength=size), np.bincount(answers, minlength=size)
    judged = present > 0
    return float((2 * hits[judged] / (present + answered)[judged]).mean())
