"""What a selected subset teaches, against as many rows drawn at random.

    python benchmarks/selection_quality.py [--seeds 5] [--sets trec banking77 sst2] [--cache FOLDER]

A logistic probe on the encoder's embeddings is trained on the subset and tested on the data set's official test file;
accuracies are means over seeds, with the standard error of the difference between selected and random. In the noisy
settings 20 % of the training labels are replaced by a class drawn at random (the old one included). The selection sees
only what a run sees: the noisy labels, and `params.py`'s defaults. `whole pool` is trained on all rows.
Reads ../shared/data beside the checkout and leaves out, by name, what is not there.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from assets import models, vectors
from assets.methods import uncertainty
from assets.methods.diversity import single_thread
from assets.methods.encoding import Encoder
from assets.methods.quotas.plans import Quota
from assets.methods.selecting import scores as scoring
from assets.methods.selecting.ranking import Method
from assets.methods.selecting.select import Pool, Wanted, select
from assets.params import Params
from assets.workspace import HOME

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / ".." / "shared" / "data" / "classification"
NOISE = 0.2
PROBE_C = 10.0  # the learner's; not the one that scores rows, which is in params.py

Rows = list[tuple[str, str]]
Labels = npt.NDArray[np.str_]
Floats = npt.NDArray[np.float32]


def read_trec(path: Path) -> Rows:
    """`COARSE:fine question` lines in Latin-1; the coarse class."""
    with gzip.open(path, "rt", encoding="latin-1") as file:
        pairs = [line.rstrip("\n").split(" ", 1) for line in file if line.strip()]
    return [(text, label.split(":")[0]) for label, text in pairs]


def read_banking(path: Path) -> Rows:
    """CSV with the columns text and category."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def read_sst2(path: Path) -> Rows:
    """Text TAB label lines without a header."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        pairs = [line.rstrip("\n").rsplit("\t", 1) for line in file]
    return [(text, label) for text, label in pairs]


@dataclass(frozen=True)
class Task:
    """A data set with official test file, and the budgets to try."""

    train: str
    test: str
    read: Callable[[Path], Rows]
    budgets: tuple[int, ...]
    settings: tuple[tuple[float, Literal["natural", "equal"]], ...]  # share of noisy labels, quota


TASKS = {
    "trec": Task(
        "trec_train.label.gz",
        "trec_test.label.gz",
        read_trec,
        (60, 120, 300, 600),
        ((0.0, "natural"), (0.0, "equal"), (NOISE, "natural"), (NOISE, "equal")),
    ),
    "banking77": Task(
        "banking77_train.csv.gz",
        "banking77_test.csv.gz",
        read_banking,
        (150, 400, 800),
        ((0.0, "natural"), (0.0, "equal"), (NOISE, "natural"), (NOISE, "equal")),
    ),
    "sst2": Task(
        "sst2_train.tsv.gz", "sst2_test.tsv.gz", read_sst2, (70, 140, 350, 700), ((NOISE, "natural"), (0.0, "natural"))
    ),
}


def embed(texts: list[str], cache: Path) -> Floats:
    """One unit vector per text, by the default encoder; the cache holds those of an earlier run."""
    settings = Params().embeddings
    located = models.locate(settings.model, settings.revision)
    device = vectors.resolve_device(settings.device)
    store = vectors.VectorCache(cache, vectors.recipe(models.fingerprint(located), settings.max_tokens, device))
    found: Floats = vectors.embed(
        texts,
        store,
        lambda: Encoder(located.folder, max_tokens=settings.max_tokens, device=device),
        settings.batch_tokens,
        lambda rows: None,
    ).vectors
    return found


def with_noise(labels: Labels, share: float, seed: int) -> Labels:
    """The labels with `share` of them replaced by a class drawn at random."""
    random = np.random.default_rng([seed, 1])
    rows = random.permutation(len(labels))[: round(share * len(labels))]
    noisy = labels.copy()
    noisy[rows] = random.choice(np.unique(labels), len(rows))
    return noisy


def selected(
    points: Floats, labels: Labels, quota: Literal["natural", "equal"], budgets: tuple[int, ...], seed: int
) -> list[npt.NDArray[np.int64]]:
    """The rows that a run with the default preset and this quota would choose, one array for each budget."""
    settings = Params()
    probe = settings.uncertainty_scores
    scores = uncertainty.score(
        points,
        labels.tolist(),
        uncertainty.ProbeSettings(
            folds=probe.folds,
            regularization=probe.regularization,
            ensemble=1,  # no preset that is compared here asks for what an ensemble tells
            calibrate=probe.calibrate,
            seed=seed,
        ),
    )
    rows = len(labels)
    none = np.zeros(rows, dtype=np.bool_)
    pool = Pool(
        ids=[f"{row:08d}" for row in range(rows)],
        vectors=points,
        costs=None,
        suspected=np.array([label is not None for label in scores.suspected_label]),
        required=none,
        previous=none,
    )
    quality = scoring.score(
        "label_quality",
        scores.label_quality,
        np.isfinite(scores.label_quality),
        pool.ids,
        normalise="none",
        missing="highest",
    )
    return [
        select(
            pool,
            Wanted(
                budget=budget,
                quotas=[Quota("label", quota)],
                values=[labels.tolist()],
                method=Method("facility_location"),
                scores=[quality],
                weights=np.ones(rows),
                targets=np.empty((0, rows)),
                seed=seed,
            ),
        ).indices
        for budget in budgets
    ]


def accuracy(points: Floats, labels: Labels, test_points: Floats, test_labels: Labels) -> float:
    """Train the learner on some rows; the share of test rows that it gets right."""
    from sklearn.linear_model import LogisticRegression

    with single_thread(), warnings.catch_warnings():
        # 150 rows of 77 classes are what is being asked about.
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
        learner = LogisticRegression(C=PROBE_C, max_iter=1000).fit(points, labels)
        return float(learner.score(test_points, test_labels))


def run(name: str, task: Task, cache: Path, seeds: int) -> None:
    """Print the table of one data set."""
    train, test = task.read(DATA / task.train), task.read(DATA / task.test)
    points, test_points = (embed([text for text, _ in rows], cache) for rows in (train, test))
    clean, truth = (np.array([label for _, label in rows]) for rows in (train, test))
    for share, quota in task.settings:
        random_scores, our_scores = np.zeros((2, seeds, len(task.budgets)))
        for seed in range(seeds):
            labels = with_noise(clean, share, seed)
            chosen = selected(points, labels, quota, task.budgets, seed)
            for column, (rows, budget) in enumerate(zip(chosen, task.budgets, strict=True)):
                drawn = np.random.default_rng([seed, 2]).permutation(len(labels))[:budget]
                random_scores[seed, column] = accuracy(points[drawn], labels[drawn], test_points, truth)
                our_scores[seed, column] = accuracy(points[rows], labels[rows], test_points, truth)
        whole = accuracy(points, with_noise(clean, share, 0), test_points, truth)
        print(f"\n{name}, {share:.0%} noisy labels, {quota} quota, {seeds} seeds; whole pool {whole:.3f}")
        print("      rows   random selected     gain")
        error = (our_scores - random_scores).std(axis=0, ddof=1) / np.sqrt(seeds) if seeds > 1 else None
        for column, budget in enumerate(task.budgets):
            chance, ours = random_scores[:, column].mean(), our_scores[:, column].mean()
            spread = "" if error is None else f" +- {error[column]:.3f}"
            print(f"{budget:>10} {chance:8.3f} {ours:8.3f} {ours - chance:+8.3f}{spread}", flush=True)


def main() -> None:
    """Print a table for each data set that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--cache", type=Path, default=ROOT / HOME / "vectors", help="of embeddings")
    arguments = parser.parse_args()
    for name in arguments.sets:
        if (DATA / TASKS[name].train).exists():
            run(name, TASKS[name], arguments.cache, arguments.seeds)
        else:
            print(f"{name}: left out, no {TASKS[name].train} in {DATA.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
