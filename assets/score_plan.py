"""Which rows are scored by what: the probe, the language model, the tagger, and how well their answers fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.uncertainty_params import UncertaintyScores

Mask = npt.NDArray[np.bool_]

TAGGED = "token-labels"  # the format of records whose answer is one tag a word
BY = "uncertainty_scores.by"
ANSWERS = "uncertainty_scores.answers"


@dataclass(frozen=True)
class Plan:
    """Whether there is a probe, and (n,) which rows the language model and the tagger score, and whose
    answers are judged.

    The texts say why the others have no score of theirs; each is empty where there are no others.
    """

    probe: bool
    language: Mask
    tagging: Mask
    answers: Mask
    no_probe: str
    no_language: str
    no_tagging: str
    no_answers: str


def plan(settings: UncertaintyScores, labels: Sequence[str | None], formats: Sequence[str]) -> Plan:
    """With `by: auto` a probe where there are two labels or more; tags where a record holds them; else, and for rows
    without a label, the language model."""
    labelled = np.array([label is not None for label in labels], dtype=np.bool_)
    has_labels = len({label for label in labels if label is not None}) > 1
    tagged = np.array([name == TAGGED for name in formats], dtype=np.bool_)
    none, every = np.zeros(len(labels), dtype=np.bool_), np.ones(len(labels), dtype=np.bool_)
    no_tagging = "the record holds no tags of words"
    answers = ~tagged if settings.answers else none
    no_answers = "the answer is tags of words" if settings.answers else f"not asked: {ANSWERS} is false"
    no_language = f"not asked: {BY} is {settings.by}"
    if settings.by == "probe":
        return Plan(True, none, tagged, answers, "", no_language, no_tagging, no_answers)
    if settings.by == "both":
        return Plan(True, every, tagged, answers, "", "", no_tagging, no_answers)
    no_probe = f"not asked: {BY} is {settings.by}"
    if settings.by == "language_model":
        return Plan(False, every, tagged, answers, no_probe, "", no_tagging, no_answers)
    language = ~tagged & ~(labelled & has_labels)
    no_probe = "there are fewer than two labels: a probe has nothing to tell apart"
    by_others = f"not asked: with {BY}: auto the probe scores rows with a label, the tagger rows with tags"
    no_probe = "" if has_labels else no_probe
    return Plan(has_labels, language, tagged, answers, no_probe, by_others, no_tagging, no_answers)
