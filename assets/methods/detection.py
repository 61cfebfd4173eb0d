"""Detection: the format of an item, seen by its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from assets.methods.columns import LABEL_NAMES, TEXT_NAMES
from assets.methods.instruction_formats import ANSWER_NAMES, PAIRED_NAMES
from assets.methods.task_formats import PAIR_NAMES, TAG_NAMES


def detect(value: Mapping[str, Any], columns: Mapping[str, str]) -> str | None:
    """The format of an item, seen by its columns; None if no format fits.

    A stated column decides first, in this order: `messages` a chat, `tokens` or `tags` token-labels, `source` or
    `target` translation, `first` or `second` pair, `choices` multiple-choice, `context` or `answers` qa (beside
    choices: multiple-choice), `text` text or labelled, `instruction`, `input` or `output` alpaca, `prompt`,
    `completion`, `question` or `answer` whichever of multiple-choice, qa, prompt-completion and questions has them.

    Then the first format all of whose columns are there:

    | format | columns |
    |---|---|
    | messages | messages |
    | sharegpt | conversations, a list |
    | segments | segments |
    | alpaca | instruction, and output, response (Dolly) or instances (self-instruct) |
    | prompt-completion | prompt, completion |
    | token-labels | tokens, a list, and tags, ner_tags, ... |
    | multiple-choice | question, and choices or ans0, ans1 |
    | qa | paragraphs; or context, and qas or question with answers or answer |
    | pair | sentence1, sentence2; premise, hypothesis; ... |
    | prompt-completion | question, answer; input, target; question, std_answer; prompt, canonical_solution |
    | labelled | a text and a class under one of their usual names |
    | translation | translation, an object; or source, target |
    | questions | turns; conversations, a text; prompt, and nothing that could be its answer |
    | text | text |

    Then, so that the missing column is named later on, a lone `instruction`, `prompt` or `completion`.
    Cost: a look-up, once a set of columns is known.
    """
    for name in _candidates(tuple(value), tuple(sorted(columns.items())) if columns else ()):
        guard = _GUARDS.get(name)
        if guard is None:
            return name
        if found := guard(value, columns):
            return found
    return None


# -- what only the value of a column tells ---------------------------------------------------------------------------


def _chat(value: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """One setting names the list of turns in every chat format; the turns tell which it is."""
    if "messages" not in columns:
        return "messages"
    turns = value.get(columns["messages"])
    if isinstance(turns, str):
        return "questions"
    first = turns[0] if isinstance(turns, list) and turns else None
    if isinstance(first, dict) and first.keys() >= {"label", "text"}:
        return "segments"
    return "sharegpt" if isinstance(first, str) or (isinstance(first, dict) and "from" in first) else "messages"


_GUARDS: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], str | None]] = {
    "messages": _chat,
    "sharegpt": lambda value, _: "questions" if isinstance(value.get("conversations"), str) else "sharegpt",
    "token-labels": lambda value, columns: (
        "token-labels" if isinstance(value.get(columns.get("tokens", "tokens")), list) or "tokens" in columns else None
    ),
    "translation": lambda value, columns: (
        "translation" if isinstance(value.get("translation"), dict) or "translation" not in value or columns else None
    ),
}

# -- what the names of the columns tell ------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _candidates(keys: tuple[str, ...], columns: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """The formats that fit, the best first."""
    return tuple(_fits(frozenset(keys), dict(columns)))


def _fits(keys: frozenset[str], stated: dict[str, str]) -> Iterator[str]:
    has_choices = "choices" in stated or "choices" in keys or {"ans0", "ans1"} <= keys
    has_label = "label" in stated or not keys.isdisjoint(LABEL_NAMES)
    is_about_context = "context" in keys and not keys.isdisjoint(("answers", "answer"))

    for hints, name in (
        ({"messages"}, "messages"),
        ({"tokens", "tags"}, "token-labels"),
        ({"source", "target"}, "translation"),
        ({"first", "second"}, "pair"),
        ({"choices"}, "multiple-choice"),
        ({"context", "answers"}, "multiple-choice" if has_choices else "qa"),
        ({"text"}, "labelled" if has_label else "text"),
        ({"instruction", "input", "output"}, "alpaca"),
        ({"prompt", "completion"}, _prompt(keys, stated)),
        ({"question"}, "multiple-choice" if has_choices else "qa" if is_about_context else _prompt(keys, stated)),
        ({"answer"}, "multiple-choice" if has_choices else "qa" if "context" in keys else "prompt-completion"),
    ):
        if hints & stated.keys():
            yield name
            return

    has_pair = any(keys >= set(pair) for pair in PAIR_NAMES)
    for fits, name in (
        ("messages" in keys, "messages"),
        ("conversations" in keys, "sharegpt"),
        ("segments" in keys, "segments"),
        ("instruction" in keys and not keys.isdisjoint(("output", "response", "instances")), "alpaca"),
        (keys >= {"prompt", "completion"}, "prompt-completion"),
        ("tokens" in keys and not keys.isdisjoint(TAG_NAMES), "token-labels"),
        ("question" in keys and has_choices, "multiple-choice"),
        ("paragraphs" in keys or keys >= {"context", "qas"} or ("question" in keys and is_about_context), "qa"),
        (has_pair, "pair"),
        (any(keys >= set(pair) for pair in PAIRED_NAMES), "prompt-completion"),
        (has_label and not keys.isdisjoint(TEXT_NAMES), "labelled"),
        ("translation" in keys or keys >= {"source", "target"}, "translation"),
        ("turns" in keys, "questions"),
        ("prompt" in keys, _prompt(keys, stated)),
        ("instruction" in keys, "alpaca"),
        ("text" in keys, "text"),
        ("completion" in keys, "prompt-completion"),
    ):
        if fits:
            yield name


def _prompt(keys: frozenset[str], stated: dict[str, str]) -> str:
    """A prompt with what may be its answer, or a prompt alone."""
    has_answer = not stated.keys().isdisjoint(("completion", "answer")) or not keys.isdisjoint(ANSWER_NAMES)
    return "prompt-completion" if has_answer else "questions"
