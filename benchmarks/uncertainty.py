"""Whether the uncertainty measures are those of small-text and cleanlab, and how well replaced labels are found.

    pip install --no-deps small-text==1.4.1 cleanlab==2.9.0 tqdm termcolor
    python benchmarks/uncertainty.py [--seeds 3] [--rows 0] [--cache FOLDER]

Measures: random probabilities of several shapes, certain ones among them, through both; the largest difference of each
measure is printed and must be at most 1e-6. small-text adds 1e-8 inside its logarithms of BALD, which stays below that.
A rival that is not installed is left out, by name.

Labels: Banking77 with 20 % of the training labels replaced by a class drawn at random (the old one included). Average
precision of label quality at finding those that are wrong, beside cleanlab's three scores on the same out-of-fold
probabilities; how many of the suspected rows are wrong; and the accuracy, on the official test file, of a learner that
is trained on all rows, and on the rows that are not suspected. Means over seeds. `--rows` takes a part of the rows.

Reads ../shared/data beside the checkout and leaves out, by name, what is not there.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
from selection_quality import DATA, NOISE, ROOT, TASKS, Floats, Labels, accuracy, embed, with_noise

from assets.methods import uncertainty
from assets.methods.uncertainty import calibration, labels, measures
from assets.workspace import HOME

AGREEMENT = 1e-6

Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def installed(name: str, how: str) -> bool:
    """Whether a rival can be imported; says so where it cannot."""
    found = importlib.util.find_spec(name) is not None
    if not found:
        print(f"{how}: not installed, left out (pip install --no-deps {how})")
    return found


def random_probabilities(members: int, rows: int, classes: int, seed: int) -> Numbers:
    """(members, rows, classes) from hesitant to certain; some rows of exactly 0 and 1."""
    random = np.random.default_rng(seed)
    boldness = random.uniform(0, 12, (1, rows, 1))
    found = calibration.softmax(boldness * random.standard_normal((members, rows, classes)))
    certain = random.random(rows) < 0.05
    found[:, certain] = np.eye(classes)[random.integers(0, classes, (members, int(certain.sum())))]
    return found


def of_small_text(p: Numbers) -> dict[str, tuple[Numbers, Numbers]]:
    """Ours and theirs of each measure, theirs through their query strategies' own scores."""
    strategies = importlib.import_module("small_text.query_strategies.strategies")
    bald = importlib.import_module("small_text.query_strategies.bayesian")._bald
    one = p[0]
    model: Any = SimpleNamespace(predict_proba=lambda dataset: one)

    def theirs(name: str) -> Numbers:
        found: Numbers = np.asarray(getattr(strategies, name)().get_confidence(model, None, None, None, None))
        return found

    return {
        "entropy, in nats": (measures.entropy(one, base=np.e), theirs("PredictionEntropy")),
        "least confidence": (measures.least_confidence(one), 1 - theirs("LeastConfidence")),
        "breaking ties": (measures.margin(one), theirs("BreakingTies")),
        "BALD, in bits": (measures.mutual_information(p), bald(p.transpose(1, 0, 2))),
    }


def of_cleanlab(p: Numbers, given: Rows) -> dict[str, tuple[Numbers, Numbers]]:
    """Ours and theirs of label quality, thresholds and suspected rows."""
    rank, count, filters = (importlib.import_module(f"cleanlab.{name}") for name in ("rank", "count", "filter"))
    issues = filters.find_label_issues(given, p, filter_by="confident_learning", n_jobs=1)
    quality = labels.label_quality(p, given)
    scores = {
        name: rank.get_label_quality_scores(given, p, method=name, adjust_pred_probs=False)
        for name in ("self_confidence", "normalized_margin")
    }
    return {
        "label quality": (quality, scores["self_confidence"]),
        "normalized margin": (labels.normalized_margin(p, given), scores["normalized_margin"]),
        "thresholds": (
            labels.class_thresholds(quality, given, p.shape[1]),
            count.get_confident_thresholds(given, p),
        ),
        "suspected": ((labels.suspected_classes(p, given) >= 0).astype(float), issues.astype(float)),
    }


def agreement(seeds: int) -> None:
    """Print the largest difference of each measure over all shapes; raise where it is above 1e-6."""
    worst: dict[str, float] = {}
    known = {
        "small_text": installed("small_text", "small-text==1.4.1"),
        "cleanlab": installed("cleanlab", "cleanlab==2.9.0"),
    }
    for seed in range(seeds):
        for rows, classes in ((1000, 2), (2000, 5), (3000, 77)):
            p = random_probabilities(5, rows, classes, seed)
            random = np.random.default_rng([seed, 1])
            # Labels that mostly follow the probabilities, as those of a pool do.
            given = np.where(random.random(rows) < 0.7, p[0].argmax(axis=1), random.integers(0, classes, rows))
            pairs = of_small_text(p) if known["small_text"] else {}
            pairs |= of_cleanlab(p[0], given) if known["cleanlab"] else {}
            for name, (ours, theirs) in pairs.items():
                worst[name] = max(worst.get(name, 0.0), float(np.abs(ours - theirs).max()))
    for name, difference in worst.items():
        print(f"{name:>20}: largest difference {difference:.1e}")
    assert all(difference <= AGREEMENT for difference in worst.values()), worst


def average_precision(quality: Numbers, wrong: npt.NDArray[np.bool_]) -> float:
    """Of the wrong rows, when rows are looked through from the lowest quality."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(wrong, -quality))


def noisy(points: Floats, clean: Labels, test_points: Floats, truth: Labels, seed: int) -> dict[str, float]:
    """What one seed finds."""
    given_labels = with_noise(clean, NOISE, seed)
    wrong = given_labels != clean
    start = time.perf_counter()
    scores = uncertainty.score(points, given_labels.tolist(), uncertainty.ProbeSettings(seed=seed))
    seconds = time.perf_counter() - start
    kept = np.array([label is None for label in scores.suspected_label])
    found = {
        "seconds": seconds,
        "AP, label quality": average_precision(scores.label_quality, wrong),
        "suspected": float((~kept).sum()),
        "of these wrong": float(wrong[~kept].mean()),
        "of the wrong suspected": float((~kept)[wrong].mean()),
        "test accuracy, all rows": accuracy(points, given_labels, test_points, truth),
        "test accuracy, without suspects": accuracy(points[kept], given_labels[kept], test_points, truth),
        "accuracy, out of fold": scores.accuracy or 0.0,
        "calibration error before": scores.ece_before or 0.0,
        "calibration error after": scores.ece_after or 0.0,
    }
    if importlib.util.find_spec("cleanlab") is not None:
        rank = importlib.import_module("cleanlab.rank")
        classes = np.searchsorted(np.array(scores.classes), given_labels)
        p = out_of_fold(scores, points)
        for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
            theirs = rank.get_label_quality_scores(classes, p, method=method, adjust_pred_probs=False)
            found[f"AP, cleanlab {method}"] = average_precision(theirs, wrong)
    return found


def out_of_fold(scores: uncertainty.Scores, points: Floats) -> Numbers:
    """(n, C) the probabilities behind the scores."""
    probe = scores.probe
    found = np.full((len(points), probe.classes), np.nan)
    for number in probe.sets():
        rows = probe.folds.held_out(number)
        found[rows] = calibration.softmax(probe.logits(number, points[rows]), float(probe.temperatures[number]))
    return found


def banking(seeds: int, rows: int, cache: Path) -> None:
    """Print the means over seeds."""
    task = TASKS["banking77"]
    if not (DATA / task.train).exists():
        print(f"banking77: left out, no {task.train} in {DATA.relative_to(ROOT)}")
        return
    train, test = task.read(DATA / task.train), task.read(DATA / task.test)
    if rows:
        train = [train[i] for i in np.sort(np.random.default_rng(0).permutation(len(train))[:rows])]
    points, test_points = (embed([text for text, _ in part], cache) for part in (train, test))
    clean, truth = (np.array([label for _, label in part]) for part in (train, test))
    found = [noisy(points, clean, test_points, truth, seed) for seed in range(seeds)]
    print(f"\nbanking77, {len(train):,} rows, {NOISE:.0%} of the labels replaced, {seeds} seeds")
    for name in found[0]:
        values = [one[name] for one in found]
        print(f"{name:>44}: {np.mean(values):10.4f}")


def main() -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=0, help="of Banking77; 0 = all")
    parser.add_argument("--cache", type=Path, default=ROOT / HOME / "vectors", help="of embeddings")
    arguments = parser.parse_args()
    agreement(arguments.seeds)
    banking(arguments.seeds, arguments.rows, arguments.cache)


if __name__ == "__main__":
    main()
