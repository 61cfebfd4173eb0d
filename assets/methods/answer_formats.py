"""Questions about a context and questions with choices: SQuAD and its kin, MMLU, ARC, BBQ."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

from assets.methods.columns import Columns, Item, first_of, need, optional_text, text_of
from assets.methods.prompts import compose
from assets.methods.turns import Read
from assets.methods.values import Unfit, UnfitError, as_json, as_scalar, as_text, kind_of, shown

UNANSWERABLE = "unanswerable"
LETTERS = string.ascii_uppercase


def qa(value: Item, columns: Columns) -> Read:
    """A question about a context (SQuAD as flat rows): context and question are the user's turn, the first answer's
    text the assistant's.

    `answers` is `{text: [...], answer_start: [...]}` (Hugging Face), a list of `{text, answer_start}` (SQuAD), a list
    of texts or one text; `answer` will do as well. A question that has no answer (`is_impossible`, or `answers`
    empty, as SQuAD 2 has it on the hub) is answered "unanswerable": an empty answer would be taken for one that is
    missing. Extras: `id`, `title`, `answers` (as Hugging Face has them), `is_impossible`.
    """
    question, context = text_of(value, columns, "question"), text_of(value, columns, "context")
    usual = first_of(("answers", "answer"), value) or "answers"
    answers = _answers(need(value, columns, "answers" if "answers" in columns else "answer", usual))
    content, extras = compose([("context", context), ("question", question)])
    extras |= {name: text for name in ("id", "title") if (text := as_scalar(value.get(name))) is not None}
    extras["answers"] = as_json(answers)
    flag = value.get("is_impossible")
    if flag is True or (flag is None and not answers["text"]):
        extras["is_impossible"] = "true"
        answer = UNANSWERABLE
    elif not answers["text"]:
        raise UnfitError("no_answer", "no answer, though the question is not marked as impossible")
    else:
        answer = answers["text"][0]
    return [{"role": "user", "content": content}, {"role": "assistant", "content": answer}], extras


def qa_parts(value: Item, columns: Columns) -> list[Item | Unfit] | None:
    """The questions of a SQuAD article (`paragraphs`) or paragraph (`qas`) as flat rows; None for what is neither.

    Each row has the columns of its article, paragraph and question. What is of the wrong type costs only itself.
    """
    if "paragraphs" in value:
        return list(_article(value))
    return list(_paragraph(value, "the paragraph")) if "qas" in value else None


def _article(value: Item) -> Iterator[Item | Unfit]:
    paragraphs = value["paragraphs"]
    if not isinstance(paragraphs, list) or not paragraphs:
        kind = "an empty list" if paragraphs == [] else kind_of(paragraphs)
        yield Unfit("wrong_type", f"'paragraphs' must be a list of objects, not {kind}")
        return
    shared = {name: column for name, column in value.items() if name != "paragraphs"}
    for number, paragraph in enumerate(paragraphs, 1):
        if isinstance(paragraph, dict):
            yield from _paragraph({**shared, **paragraph}, f"paragraph {number}")
        else:
            yield Unfit("wrong_type", f"paragraph {number} must have columns, not be {kind_of(paragraph)}")


def _paragraph(value: Item, place: str) -> Iterator[Item | Unfit]:
    found = value.get("qas")
    if not isinstance(found, list):
        yield Unfit("wrong_type", f"'qas' of {place} must be a list of questions, not {kind_of(found)}")
        return
    shared = {name: column for name, column in value.items() if name != "qas"}
    for number, question in enumerate(found, 1):
        if isinstance(question, dict):
            yield {**shared, **question}
        else:
            yield Unfit("wrong_type", f"question {number} of {place} must have columns, not be {kind_of(question)}")


def _answers(found: Any) -> dict[str, list[Any]]:
    """Answers of any form as Hugging Face has them; `answer_start` only where the data has it."""
    if isinstance(found, str):
        return {"text": [found]}
    if isinstance(found, list):
        if not all(isinstance(answer, dict) for answer in found):
            return {"text": [as_text(answer, "an answer") for answer in found]}
        found = {key: [answer.get(key) for answer in found] for key in ("text", "answer_start")}
    if not isinstance(found, dict) or not isinstance(found.get("text"), list):
        raise UnfitError("wrong_type", f"'answers' must be texts, or objects with a 'text', not {kind_of(found)}")
    texts, starts = [as_text(answer, "an answer") for answer in found["text"]], found.get("answer_start")
    if not isinstance(starts, list) or (texts and starts == [None] * len(texts)):
        return {"text": texts}
    if len(starts) != len(texts) or not all(type(start) is int for start in starts):
        raise UnfitError("wrong_type", "'answer_start' must be one whole number for each answer")
    return {"text": texts, "answer_start": starts}


def multiple_choice(value: Item, columns: Columns) -> Read:
    """A question with choices (MMLU, ARC, BBQ): an optional context, the question and the choices, each after its
    letter, are the user's turn; the right choice after its letter is the assistant's ("B. a dog").

    Choices: a list of texts, an object of label -> text, ARC's `{text: [...], label: [...]}`, or BBQ's ans0, ans1, ...
    The answer, in `answer` or else `label` (which then is no class): a number counts from 0; a text is a label, a
    letter, the very text of a choice, or such a number, and `unclear_answer` if that can be read as two choices.
    Extras: `choices` (JSON) and `index`, the answer's number from 0.
    """
    question, context = text_of(value, columns, "question"), optional_text(value, columns, "context")
    choices, labels = _choices(value, columns)
    if not question:
        raise UnfitError("empty_question", "the question is empty")
    answer = need(value, columns, "answer", answer_column(value, columns))
    index = _index(answer, choices, labels)
    lines = lettered(choices)
    content, extras = compose([("context", context), ("question", question), ("choices", "\n".join(lines))])
    extras |= {"choices": as_json(choices), "index": str(index)}
    return [{"role": "user", "content": content}, {"role": "assistant", "content": lines[index]}], extras


def lettered(choices: list[str]) -> list[str]:
    """Each choice after its letter."""
    return [f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=False)]


def answer_column(value: Item, columns: Columns) -> str:
    """The column of a question with choices that holds the answer."""
    return columns.get("answer") or first_of(("answer", "answerKey", "label"), value) or "answer"


def _choices(value: Item, columns: Columns) -> tuple[list[str], list[str]]:
    """The choices, and their labels if the data has some."""
    labels: list[Any] = []
    if "choices" not in columns and "choices" not in value and "ans0" in value:
        found: Any = []
        while (name := f"ans{len(found)}") in value:
            found.append(value[name])
    else:
        found = need(value, columns, "choices")
    if isinstance(found, dict) and isinstance(found.get("text"), list):
        labels, found = found.get("label") or [], found["text"]
    elif isinstance(found, dict):
        labels, found = list(found), list(found.values())
    if not isinstance(found, list) or not isinstance(labels, list):
        raise UnfitError("wrong_type", f"the choices must be a list of texts, not {kind_of(found)}")
    if not 2 <= len(found) <= len(LETTERS):
        raise UnfitError("bad_choices", f"{len(found)} choices; there must be 2 to {len(LETTERS)}")
    return [as_text(choice, "a choice") for choice in found], [str(label) for label in labels]


def _index(answer: Any, choices: list[str], labels: list[str]) -> int:
    if isinstance(answer, (int, float)) and not isinstance(answer, bool) and answer == answer // 1:
        found = {int(answer)}  # 1.0 too, which is what pandas makes of 1 beside a missing value
    elif isinstance(answer, str):
        name = answer.strip()
        found = {i for i, label in enumerate(labels[: len(choices)]) if label == name}
        if not found:  # where there are labels, they decide
            found = {i for i, choice in enumerate(choices) if choice == answer}
            found |= {i for i, letter in enumerate(LETTERS[: len(choices)]) if letter == name.upper()}
            found |= {int(name)} if name.isdecimal() and name.isascii() and len(name) < 3 else set()
    else:
        raise UnfitError("bad_answer", f"the answer must be a number, a letter or a choice, not {kind_of(answer)}")
    if len(inside := {index for index in found if 0 <= index < len(choices)}) == 1:
        return inside.pop()
    if inside:
        letters = " and ".join(LETTERS[index] for index in sorted(inside))
        raise UnfitError("unclear_answer", f"the answer {shown(answer)} can be read as choices {letters}")
    raise UnfitError("bad_answer", f"the answer {shown(answer)} is none of the {len(choices)} choices")
