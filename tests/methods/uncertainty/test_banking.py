"""Real intents of which a fifth got another label: they are found, and a learner is better off without them."""

from __future__ import annotations

import csv
import gzip

import numpy as np
from conftest import shared_data
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from threadpoolctl import threadpool_limits

from assets import models
from assets.methods import uncertainty
from assets.methods.encoding import Encoder

CLASSES = 16  # those that come first in the alphabet


def banking(name: str, most: int, encoder: Encoder) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and labels of the first `most` rows of each of a few classes."""
    with gzip.open(shared_data(f"classification/{name}.csv.gz"), "rt", encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    kept = sorted({label for _, label in rows})[:CLASSES]
    rows = [row for label in kept for row in [row for row in rows if row[1] == label][:most]]
    vectors = np.full((len(rows), encoder.dimensions), np.nan, np.float32)
    for batch in encoder.encode([text for text, _ in rows], 8192):
        vectors[batch.indices] = batch.vectors
    return vectors, np.array([label for _, label in rows])


def test_replaced_labels_are_found_and_better_left_out() -> None:
    shared_data("classification/banking77_test.csv.gz")
    encoder = Encoder(models.locate(models.BUNDLED, None).folder, max_tokens=64)
    vectors, clean = banking("banking77_train", 40, encoder)
    test_vectors, truth = banking("banking77_test", 20, encoder)
    random = np.random.default_rng(0)
    given = clean.copy()
    rows = random.permutation(len(clean))[: len(clean) // 5]
    given[rows] = random.choice(np.unique(clean), len(rows))
    wrong = given != clean

    scores = uncertainty.score(vectors, given.tolist(), uncertainty.ProbeSettings())

    assert average_precision_score(wrong, -scores.label_quality) > 0.95
    suspected = np.array([label is not None for label in scores.suspected_label])
    assert wrong[suspected].mean() > 0.85
    assert suspected[wrong].mean() > 0.6
    named = [scores.suspected_label[row] == clean[row] for row in np.flatnonzero(suspected & wrong)]
    assert np.mean(named) > 0.85
    with threadpool_limits(limits=1):
        every = LogisticRegression(C=10.0).fit(vectors, given).score(test_vectors, truth)
        sound = LogisticRegression(C=10.0).fit(vectors[~suspected], given[~suspected]).score(test_vectors, truth)
    assert sound > every + 0.01
