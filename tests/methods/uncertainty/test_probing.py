"""The probe against what it must not do: see what it scores, lose a row, depend on order, threads or neighbours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from probed import PLAIN, separable
from threadpoolctl import threadpool_limits

from assets.errors import DataError
from assets.methods import uncertainty
from assets.methods.threads import Threads
from assets.methods.uncertainty import calibration, fitting, quality, scoring

FULL = replace(PLAIN, ensemble=3, calibrate=True)
MEASURES = scoring.MEASURES


def test_no_row_is_scored_by_a_probe_that_saw_it() -> None:
    # Labels that say nothing: a probe that saw the rows would remember them, d being larger than n.
    random = np.random.default_rng(1)
    vectors = random.standard_normal((60, 200)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [str(v) for v in random.integers(0, 2, 60)]
    scores = uncertainty.score(vectors, labels, replace(FULL, regularization=1000.0))
    assert scores.accuracy is not None
    assert 0.25 < scores.accuracy < 0.75


def test_measures_follow_from_the_probe_that_is_returned() -> None:
    vectors, labels = separable(90)
    scores = uncertainty.score(vectors, labels, FULL)
    for row in range(0, 90, 7):
        number = int(scores.probe.set_of(np.array([row]))[0])
        temperature = float(scores.probe.temperatures[number])
        logits = [scores.probe.logits(number, vectors[row : row + 1], member) for member in range(4)]
        p = calibration.softmax(logits[0], temperature)[0]
        assert scores.entropy[row] == pytest.approx(-(p * np.log2(p)).sum())
        assert scores.label_quality[row] == pytest.approx(p[int(labels[row][-1])])
        assert scores.least_confidence[row] == pytest.approx(1 - p.max())
        votes = [int(one.argmax()) for one in logits[1:]]
        assert scores.variation_ratio[row] == pytest.approx(1 - max(votes.count(v) for v in votes) / 3)
    assert scores.answers.tolist() == scores.probe.answers(vectors, np.arange(90)).tolist()
    right = np.array([scores.classes[c] == label for c, label in zip(scores.answers, labels, strict=True)])
    assert scores.accuracy == right.mean()


def test_other_vectors_are_judged_by_the_probe_of_their_row() -> None:
    vectors, labels = separable(60)
    scores = uncertainty.score(vectors, [*labels[:58], None, "alone"], FULL)
    moved = -vectors
    found = scores.probe.answers(np.concatenate([vectors, moved]), np.tile(np.arange(60), 2))
    assert found[:60].tolist() == scores.answers.tolist()
    assert (found[60:119] != found[:59]).mean() > 0.9
    assert found[59] == found[119] == -1
    with pytest.raises(DataError, match="1 vectors for 2 rows"):
        scores.probe.answers(vectors[:1], np.array([0, 1]))


def test_the_adversarial_margin_flips_the_answer() -> None:
    vectors, labels = separable(120)
    scores = uncertainty.score(vectors, labels, PLAIN)
    rows = np.arange(120)
    for share, expected in ((0.999, 0.0), (1.001, 1.0)):
        flips = np.zeros(120, dtype=bool)
        for c in range(3):
            moved = np.empty_like(vectors)
            for row in rows:
                kept = scores.probe.coefficients[int(scores.probe.folds.fold[row])]
                assert kept is not None
                direction = kept[0, c, :-1] - kept[0, scores.answers[row], :-1]
                length = max(float(np.linalg.norm(direction)), 1e-12)
                moved[row] = vectors[row] + share * scores.adversarial_margin[row] * direction / length
            flips |= scores.probe.answers(moved, rows) != scores.answers
        assert flips.mean() == expected


@pytest.mark.parametrize("count", [2, 3, 4])
def test_classes_smaller_than_the_folds_are_scored(count: int) -> None:
    vectors, labels = separable(60 + count)
    labels = labels[:60] + ["rare"] * count
    scores = uncertainty.score(vectors, labels, FULL)
    assert scores.reasons == [None] * len(labels)
    for name in MEASURES:
        assert np.isfinite(getattr(scores, name)).all(), name
    assert (scores.label_quality[60:] > 0).all()
    assert scores.notes == (f"classes with fewer rows than folds: 1, with {count} rows in all",)


def test_nearly_as_many_classes_as_rows_is_no_warning() -> None:
    vectors, _ = separable(40)
    scores = uncertainty.score(vectors, [f"class {i // 2}" for i in range(40)], FULL)
    assert scores.reasons == [None] * 40


def test_the_only_row_of_a_class_is_null_with_a_reason() -> None:
    vectors, labels = separable(61)
    scores = uncertainty.score(vectors, [*labels[:60], "alone"], FULL)
    assert "alone" in scores.classes
    assert scores.reasons[:60] == [None] * 60
    assert scores.reasons[60] == scoring.ONLY_ROW
    for name in MEASURES:
        assert np.isfinite(getattr(scores, name)[:60]).all()
        assert np.isnan(getattr(scores, name)[60])
    assert scores.suspected_label[60] is None
    assert scores.answers[60] == -1
    assert scores.notes == ("classes with one row only, which cannot be scored: 1",)


def test_unlabelled_rows_have_uncertainty_but_no_label_quality() -> None:
    vectors, labels = separable(90)
    given_labels = [None if i % 10 == 0 else label for i, label in enumerate(labels)]
    scores = uncertainty.score(vectors, given_labels, FULL)
    of_labelled = ("cross_entropy", "label_quality")
    for i, label in enumerate(given_labels):
        assert np.isfinite([getattr(scores, name)[i] for name in MEASURES if name not in of_labelled]).all()
        assert np.isnan(scores.label_quality[i]) == np.isnan(scores.cross_entropy[i]) == (label is None)
        assert scores.reasons[i] == ("no label" if label is None else None)
        assert label is not None or scores.suspected_label[i] is None


def test_without_an_ensemble_nothing_disagrees_and_a_note_says_why() -> None:
    vectors, labels = separable(60)
    scores = uncertainty.score(vectors, labels, PLAIN)
    assert np.isnan(scores.mutual_information).all()
    assert np.isnan(scores.variation_ratio).all()
    assert np.isfinite(scores.adversarial_margin).all()
    assert scores.notes == (quality.NO_ENSEMBLE,)
    assert scores.reasons == [None] * 60


def test_members_disagree_where_classes_meet() -> None:
    vectors, labels = separable(600, noise=0.4)
    scores = uncertainty.score(vectors, labels, replace(FULL, ensemble=5))
    unsure = scores.entropy > np.median(scores.entropy)
    assert scores.mutual_information[unsure].mean() > 2 * scores.mutual_information[~unsure].mean()
    assert scores.variation_ratio[unsure].mean() > scores.variation_ratio[~unsure].mean()
    assert (scores.mutual_information >= 0).all()


def test_calibration_brings_confidence_and_accuracy_together() -> None:
    vectors, labels = separable(900, noise=0.5)
    timid = replace(PLAIN, regularization=0.02)
    plain = uncertainty.score(vectors, labels, timid)
    scores = uncertainty.score(vectors, labels, replace(timid, calibrate=True))
    assert plain.temperatures == (1.0, 1.0)
    assert plain.ece_before == plain.ece_after == scores.ece_before
    assert scores.ece_before is not None
    assert scores.ece_after is not None
    assert scores.ece_after < scores.ece_before / 2
    assert scores.answers.tolist() == plain.answers.tolist()
    assert scores.accuracy == plain.accuracy
    np.testing.assert_allclose(scores.adversarial_margin, plain.adversarial_margin)


def test_macro_f1_by_hand() -> None:
    given, answered = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 3, 0])
    # 2 x hits / (given + answered): 4/6, 2/4 and 0; class 3 was given to nobody.
    assert quality.macro_f1(given, answered) == pytest.approx((4 / 6 + 2 / 4 + 0) / 3)


@pytest.mark.parametrize("labels", [["a"] * 6, [None] * 6, ["a"] * 3 + [None] * 3])
def test_fewer_than_two_classes_score_nothing_and_say_why(labels: list[str | None]) -> None:
    vectors, _ = separable(6)
    told: list[int] = []
    scores = uncertainty.score(vectors, labels, FULL, told.append)
    assert scores.reasons == [scoring.ONE_CLASS] * 6
    for name in MEASURES:
        assert np.isnan(getattr(scores, name)).all()
    assert scores.suspected_label == [None] * 6
    assert scores.accuracy is scores.macro_f1 is scores.ece_after is None
    assert scores.probe.answers(vectors, np.arange(6)).tolist() == [-1] * 6
    assert sum(told) == uncertainty.steps(FULL)


@pytest.mark.parametrize(
    "labels", [[], ["a", "b"], ["a", "a", "b"], ["a", "b", None], ["a", "a", "b", "b"], ["a", "a", "b", None]]
)
@pytest.mark.parametrize("settings", [PLAIN, FULL])
def test_tiny_pools_are_scored_or_say_why(labels: list[str | None], settings: uncertainty.ProbeSettings) -> None:
    vectors, _ = separable(len(labels)) if labels else (np.empty((0, 8), np.float32), [])
    scores = uncertainty.score(vectors, labels, settings)
    for i, reason in enumerate(scores.reasons):
        assert np.isfinite(scores.label_quality[i]) == (reason is None)
        assert np.isfinite(scores.entropy[i]) == (reason in (None, "no label"))


def test_same_seed_same_scores_whatever_the_threads_and_the_order() -> None:
    vectors, labels = separable(200)
    given_labels: list[str | None] = [None if i % 9 == 0 else label for i, label in enumerate(labels)]
    runs = []
    for threads in (1, 2, 3):
        with threadpool_limits(limits=threads):
            runs.append(uncertainty.score(vectors, given_labels, replace(FULL, seed=3), threads=Threads(threads)))
    shuffle = np.random.default_rng(0).permutation(200)
    moved = uncertainty.score(vectors[shuffle], [given_labels[i] for i in shuffle], replace(FULL, seed=3))
    other = uncertainty.score(vectors, given_labels, replace(FULL, seed=4))
    for name in MEASURES:
        first = getattr(runs[0], name)
        assert getattr(runs[1], name).tobytes() == getattr(runs[2], name).tobytes() == first.tobytes(), name
        assert getattr(moved, name).tobytes() == first[shuffle].tobytes(), name
        assert getattr(other, name).tobytes() != first.tobytes() or name == "variation_ratio"
    assert moved.suspected_label == [runs[0].suspected_label[i] for i in shuffle]


def test_a_large_pool_goes_in_batches_and_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = separable(3000, noise=0.5)
    small = uncertainty.score(vectors, labels, FULL)
    monkeypatch.setattr(fitting, "FULL_NUMBERS", 0)
    monkeypatch.setattr("assets.methods.uncertainty.probe._STRIP_NUMBERS", 1)
    monkeypatch.setattr("assets.methods.uncertainty.probe.CALIBRATION_ROWS", 500)
    # A million rows are to be seen: here as often as three thousand go into a tenth of that.
    monkeypatch.setattr(fitting, "_LEAST_ROWS_SEEN", 100_000)
    large = uncertainty.score(vectors, labels, FULL)
    assert (small.answers == large.answers).mean() > 0.98
    for name, atol in (("label_quality", 0.1), ("least_confidence", 0.1), ("adversarial_margin", 0.1)):
        np.testing.assert_allclose(getattr(large, name), getattr(small, name), atol=atol)
    assert np.corrcoef(small.entropy, large.entropy)[0, 1] > 0.99
    assert np.corrcoef(small.mutual_information, large.mutual_information)[0, 1] > 0.5


def test_progress_counts_the_fits() -> None:
    vectors, labels = separable(60)
    for settings in (PLAIN, FULL, replace(FULL, folds=7)):
        for given_labels in (labels, [None, *labels[1:]]):
            told: list[int] = []
            uncertainty.score(vectors, given_labels, settings, told.append)
            assert sum(told) == uncertainty.steps(settings)
            assert min(told) >= 0


def test_a_fit_that_did_not_settle_is_in_the_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MAX_ITERATIONS", 2)
    vectors, labels = separable(90)
    scores = uncertainty.score(vectors, labels, replace(PLAIN, regularization=1000.0))
    assert "5 fits stopped after 2 iterations, before they had settled" in scores.notes


def test_bad_input_is_named() -> None:
    vectors, labels = separable(12)
    with pytest.raises(DataError, match="11 labels for 12 vectors"):
        uncertainty.score(vectors, labels[:11], PLAIN)
    with pytest.raises(DataError, match="folds: expected at least 2, not 1"):
        uncertainty.score(vectors, labels, replace(PLAIN, folds=1))
    with pytest.raises(DataError, match="ensemble: expected at least 1, not 0"):
        uncertainty.score(vectors, labels, replace(PLAIN, ensemble=0))
    with pytest.raises(DataError, match="regularization: expected a number above 0"):
        uncertainty.score(vectors, labels, replace(PLAIN, regularization=0.0))
    vectors[3, 1] = np.nan
    with pytest.raises(DataError, match="row 3 holds something that is not a finite number"):
        uncertainty.score(vectors, labels, PLAIN)
