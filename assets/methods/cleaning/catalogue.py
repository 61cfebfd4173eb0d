"""All cleaning steps by the names they have in `params.yaml`."""

from __future__ import annotations

from assets.methods.cleaning.answers import AnswerEqualsPrompt, PlaceholderAnswer
from assets.methods.cleaning.endings import Refusal, TruncatedAnswer
from assets.methods.cleaning.language import Language
from assets.methods.cleaning.lengths import EmptyAnswer, EmptyPrompt, Length
from assets.methods.cleaning.normalise import Normalise
from assets.methods.cleaning.pii import Pii
from assets.methods.cleaning.repetition import RepeatingAnswer
from assets.methods.cleaning.shares import Digits, ScriptShare, Symbols, UrlOnly
from assets.methods.cleaning.steps import Step
from assets.methods.cleaning.words import Words

STEPS: tuple[type[Step], ...] = (
    Normalise,
    EmptyPrompt,
    EmptyAnswer,
    PlaceholderAnswer,
    Length,
    AnswerEqualsPrompt,
    RepeatingAnswer,
    TruncatedAnswer,
    Refusal,
    Language,
    ScriptShare,
    Symbols,
    Digits,
    UrlOnly,
    Pii,
    Words,
)
BY_NAME: dict[str, type[Step]] = {step.name: step for step in STEPS}

# Gentle: what they drop is of no use to anybody. (name, options) in this order.
DEFAULTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("normalise", {}),
    ("empty_prompt", {}),
    ("empty_answer", {}),
    ("placeholder_answer", {}),
    ("length", {"min": 3, "max": 32_000}),
    ("answer_equals_prompt", {}),
    ("repeating_answer", {}),
)
