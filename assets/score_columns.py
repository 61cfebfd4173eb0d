"""The columns of `uncertainty_scores`: what each measures, in which unit, and which direction means what.

One place for all who name them: the table's schema, the report, `pickwise explain`, selection and the docs.
"""

from __future__ import annotations

PROBE = {
    "entropy": "bits; higher = the probe hesitates between more classes",
    "least_confidence": "0 to 1; higher = the probe is less sure of its best guess",
    "margin": "0 to 1; lower = the probe's two best guesses are closer together",
    "cross_entropy": "bits; higher = the given label surprises the probe more",
    "label_quality": "0 to 1; higher = the probe, which never saw this row, agrees more with its label",
    "mutual_information": "bits; higher = probes of resampled rows disagree more about it, and so it would teach more",
    "variation_ratio": "0 to 1; higher = fewer of the probes of resampled rows vote for the most frequent answer",
    "adversarial_margin": "distance of unit vectors; lower = a smaller step of the embedding flips the probe's answer",
    "flip_rate": "0 to 1; higher = more of the small edits of its text flip the probe's answer",
}
LANGUAGE = {
    "perplexity": "1 or more; higher = the language model expects the response less, given all before it",
    "loss": "nats a token; higher = the response surprises the language model more, given all before it",
    "loss_without_instruction": "nats a token; higher = the response surprises it more when it stands alone",
    "ifd": "above 0; higher = the instruction helps less, above 1 = it misleads",
    "token_entropy": "bits a token; higher = the language model hesitates between more ways to go on",
    "pseudo_perplexity": "1 or more; higher = the masked language model expects the words less, given all others",
}
TAGGING = {
    "tag_entropy_mean": "bits; higher = the tags of its words are less sure on average",
    "tag_entropy_max": "bits; higher = the tag of its least sure word is less sure",
    "tag_entropy_top": "bits; higher = the tags of its few least sure words are less sure together",
}
ANSWERS = {
    "answer_quality": "0 to 1; higher = the answer looks less like a damaged one: swapped, cut, scrambled or common",
    "answer_fit": "0 to 1; higher = the answer looks less like one to another prompt",
}
DIRECTIONS = {**PROBE, **LANGUAGE, **TAGGING, **ANSWERS}
"""Every score, with its unit and its direction in words."""

REASONS = {
    "null_reason": PROBE,
    "language_null_reason": LANGUAGE,
    "tagging_null_reason": TAGGING,
    "answer_null_reason": ANSWERS,
}
"""The column that says why scores are null, and which scores it speaks of."""


def reason_column(score: str) -> str:
    """The column that says why `score` is null."""
    return next(column for column, scores in REASONS.items() if score in scores)
