"""What a selected subset teaches, against as many rows drawn at random: every preset that needs no target.

    python benchmarks/selection_quality.py [--seeds 5] [--sets trec sst2] [--presets balanced_coverage]
                                           [--cache FOLDER] [--results FILE]

A logistic probe on the encoder's embeddings is trained on the subset and tested on the data set's official test file:
test accuracy, in per cent. 20 % noise: that share of the training labels is replaced by a class drawn at random (the
old one included). A selection sees only what a run sees: the noisy labels, and `params.py`'s defaults. Budgets are
shares of the training file. CLINC is its imbalanced training part and its test part, without rows out of scope.

Prints one markdown table. A cell is random's mean over the seeds or, for a preset, the mean difference from random on
the same labels and seed, with the half width of its 95 % interval (t distribution); **bold** is significantly better
and _italic_ significantly worse (paired t test, p < .05). Nothing is corrected for the number of cells. A summary
counts the cells. Reads ../shared/data beside the checkout and leaves out, by name, what is not there. `--results` keeps
the accuracies, so that a run which was cut short goes on; remove the file when methods change.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from labelled_sets import DATA, ROOT, TASKS, Floats, Task, embed

from assets.methods import chance, uncertainty
from assets.methods.diversity import single_thread
from assets.methods.quotas.plans import Quota
from assets.methods.selecting import scores as scoring
from assets.methods.selecting.ranking import Method
from assets.methods.selecting.select import Pool, Wanted, select
from assets.params import Params
from assets.selection_params import PRESETS, SelectedSubset
from assets.workspace import HOME

__all__ = ["DATA", "NOISE", "ROOT", "TASKS", "Floats", "Labels", "accuracy", "embed", "with_noise"]

NOISE = 0.2
BUDGETS = (0.01, 0.02, 0.05, 0.1)
PROBE_C = 10.0  # the learner's; not the one that scores rows, which is in params.py
CONTROL = "random"
RIVALS = [name for name in PRESETS if name not in (CONTROL, "similarity", "dsir")]

Labels = npt.NDArray[np.str_]
Columns = dict[str, npt.NDArray[np.float64]]
NO_COLUMNS = ("answer_quality",)  # a labelled text has no answer


def stands_for(preset: str) -> dict[str, Any]:
    """The settings of a preset, less scores that no labelled text has: a run leaves those of a preset out, too."""
    settings = dict(PRESETS[preset])
    if "scores" in settings:
        settings["scores"] = [
            score for score in settings["scores"] if isinstance(score, str) or score["column"] not in NO_COLUMNS
        ]
    return settings


def with_noise(labels: Labels, share: float, seed: int) -> Labels:
    """The labels with `share` of them replaced by a class drawn at random."""
    random = np.random.default_rng([seed, 1])
    rows = random.permutation(len(labels))[: round(share * len(labels))]
    noisy = labels.copy()
    noisy[rows] = random.choice(np.unique(labels), len(rows))
    return noisy


@dataclass(frozen=True)
class Known:
    """What a run knows of n rows: unit vectors, given labels, columns of numbers, rows whose label is suspected."""

    points: Floats
    labels: Labels
    ids: list[str]
    columns: Columns
    suspected: npt.NDArray[np.bool_]
    seed: int

    @classmethod
    def of(cls, points: Floats, labels: Labels, lengths: npt.NDArray[np.float64], seed: int) -> Known:
        """By the out-of-fold probe of a run with default settings."""
        probe = Params().uncertainty_scores
        scores = uncertainty.score(
            points,
            labels.tolist(),
            uncertainty.ProbeSettings(
                folds=probe.folds,
                regularization=probe.regularization,
                ensemble=1,  # no preset asks for what an ensemble tells
                calibrate=probe.calibrate,
                seed=seed,
            ),
        )
        ids = [f"{row:08d}" for row in range(len(labels))]
        columns = {
            "label_quality": scores.label_quality,
            "entropy": scores.entropy,
            "length": lengths,
            "random": chance.uniform(ids, seed, "random score"),
        }
        suspected = np.array([label is not None for label in scores.suspected_label])
        return cls(points, labels, ids, columns, suspected, seed)

    def selected(self, preset: str, budget: int) -> npt.NDArray[np.int64]:
        """The rows that a run with this preset and budget would choose."""
        settings = SelectedSubset(**{**stands_for(preset), "preset": preset, "budget": budget})
        rows = len(self.ids)
        none = np.zeros(rows, dtype=np.bool_)
        coverage = settings.coverage
        scores = [
            scoring.score(
                each.column,
                self.columns[each.column],
                np.isfinite(self.columns[each.column]),
                self.ids,
                each.strength,
                each.prefer,
                each.normalise,
                each.missing,
            )
            for each in settings.scores
        ]
        return select(
            Pool(
                ids=self.ids,
                vectors=self.points,
                costs=None,
                suspected=self.suspected if settings.noise_filter else none,
                required=none,
                previous=none,
            ),
            Wanted(
                budget=budget,
                quotas=[Quota("label", quota.rule, quota.minimum) for quota in settings.quota],
                values=[self.labels.tolist() for _ in settings.quota],
                method=Method(
                    coverage.method,
                    settings.combine,
                    coverage.strength,
                    coverage.member,
                    coverage.max_similarity,
                    coverage.trade_off,
                    coverage.gumbel,
                ),
                scores=scores,
                weights=np.ones(rows),
                targets=np.empty((0, rows)),
                seed=self.seed,
            ),
        ).indices


def accuracy(points: Floats, labels: Labels, test_points: Floats, test_labels: Labels) -> float:
    """Train the learner on some rows; the share of test rows that it gets right."""
    from sklearn.linear_model import LogisticRegression

    if len(set(labels.tolist())) == 1:  # nothing to learn: the one class is the answer to everything
        return float((test_labels == labels[0]).mean())
    with single_thread(), warnings.catch_warnings():
        # 150 rows of 77 classes are what is being asked about.
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
        learner = LogisticRegression(C=PROBE_C, max_iter=1000).fit(points, labels)
        return float(learner.score(test_points, test_labels))


class Results:
    """Accuracies by what they are of, in a file of JSON lines where there is one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._found: dict[str, float] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                key, value = json.loads(line)
                self._found[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def __getitem__(self, key: str) -> float:
        return self._found[key]

    def add(self, key: str, value: float) -> None:
        """Remember, and write at once."""
        self._found[key] = value
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, value]) + "\n")


def key_of(name: str, share: float, budget: float, seed: int, preset: str) -> str:
    """A result's name: the preset as what it stands for, so that a changed one is measured anew."""
    return f"{name} {share} {budget} {seed} {json.dumps(stands_for(preset), sort_keys=True)}"


def measure(name: str, task: Task, presets: Sequence[str], cache: Path, seeds: int, results: Results) -> None:
    """Every accuracy of one data set that is not known yet."""
    train, test = task.rows()
    points, test_points = (embed([text for text, _ in rows], cache) for rows in (train, test))
    clean, truth = (np.array([label for _, label in rows]) for rows in (train, test))
    lengths = np.array([len(text) for text, _ in train], dtype=np.float64)
    for seed in range(seeds):
        for share in (0.0, NOISE):
            wanted = [
                (preset, budget, key)
                for preset in presets
                for budget in BUDGETS
                if (key := key_of(name, share, budget, seed, preset)) not in results
            ]
            if not wanted:
                continue
            known = Known.of(points, with_noise(clean, share, seed), lengths, seed)
            for preset, budget, key in wanted:
                rows = known.selected(preset, round(budget * len(clean)))
                results.add(key, accuracy(points[rows], known.labels[rows], test_points, truth))
            print(f"{name}: seed {seed + 1} of {seeds}, {share:.0%} noise", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Difference:
    """A mean paired difference, in per cent, and the half width of its 95 % interval."""

    mean: float
    half: float

    @classmethod
    def of(cls, ours: npt.NDArray[np.float64], control: npt.NDArray[np.float64]) -> Difference:
        """(seeds,) accuracies of the same seeds, two seeds or more."""
        from scipy.stats import t

        gains = 100 * (ours - control)
        half = t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains))
        return cls(float(gains.mean()), float(half))

    @property
    def verdict(self) -> int:
        """1: significantly better, -1: significantly worse, 0: neither."""
        return int(np.sign(self.mean)) if abs(self.mean) > self.half else 0

    def __str__(self) -> str:
        mark = {1: "**", -1: "_", 0: ""}[self.verdict]
        return f"{mark}{self.mean:+.1f} ± {self.half:.1f}{mark}"


def table(names: Sequence[str], presets: Sequence[str], seeds: int, results: Results) -> str:
    """The markdown table, and the summary under it."""
    lines = [f"| set | noise | budget | random | {' | '.join(presets)} |", "|---|---|---|---|" + "---|" * len(presets)]
    verdicts: dict[str, list[int]] = {preset: [] for preset in presets}
    for name in names:
        for share in (0.0, NOISE):
            for budget in BUDGETS:
                found = {
                    preset: np.array([results[key_of(name, share, budget, seed, preset)] for seed in range(seeds)])
                    for preset in (CONTROL, *presets)
                }
                gains = [Difference.of(found[preset], found[CONTROL]) for preset in presets]
                for preset, gain in zip(presets, gains, strict=True):
                    verdicts[preset].append(gain.verdict)
                cells = [name, f"{share:.0%}", f"{budget:.0%}", f"{100 * found[CONTROL].mean():.1f}", *map(str, gains)]
                lines.append(f"| {' | '.join(cells)} |")
    for words, verdict in (("better", 1), ("worse", -1)):
        counts = [f"{each.count(verdict)} of {len(each)}" for each in verdicts.values()]
        lines.append(f"| **significantly {words}** | | | | {' | '.join(counts)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--presets", nargs="+", choices=RIVALS, default=RIVALS)
    parser.add_argument("--cache", type=Path, default=ROOT / HOME / "vectors", help="of embeddings")
    parser.add_argument("--results", type=Path, help="of accuracies, to go on from")
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("--seeds: expected at least 2, for a difference needs a spread")
    results, names = Results(arguments.results), []
    for name in arguments.sets:
        if missing := TASKS[name].missing:
            print(f"{name}: left out, no {missing} in {DATA.relative_to(ROOT)}", file=sys.stderr)
            continue
        names.append(name)
        measure(name, TASKS[name], (CONTROL, *arguments.presets), arguments.cache, arguments.seeds, results)
    print(table(names, arguments.presets, arguments.seeds, results))


if __name__ == "__main__":
    main()
