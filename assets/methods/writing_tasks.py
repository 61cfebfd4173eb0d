"""Writing of classic tasks: pairs, SQuAD, questions with choices, and the two that are files of lines.

Each function takes the messages and extras of a record and gives the columns of an item, or raises `UnfitError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.methods.answer_formats import LETTERS, UNANSWERABLE, lettered
from assets.methods.prompts import fields_of, stale, take_apart
from assets.methods.task_formats import pair_content
from assets.methods.turns import Message
from assets.methods.values import UnfitError

Item = dict[str, Any]
Extras = Mapping[str, str]

_QUESTION_ANSWER = ["user", "assistant"]
_LINE_END = re.compile(r"[\r\n]")
_LETTERED = re.compile(r"^([A-Z])\. ", re.MULTILINE)


def expect(messages: Sequence[Message], roles: list[str], format: str, what: str) -> None:
    """Refuse (`UnfitError`, `wrong_turns`) a record whose turns are not of `roles`."""
    found = [message["role"] for message in messages]
    if found != roles:
        shown = ", ".join(found[:6]) + (", …" if len(found) > 6 else "") if found else "no turn"
        wanted = " and ".join(dict.fromkeys(roles))
        raise UnfitError("wrong_turns", f"{format} holds {what} {wanted}; the record has {shown}")


def pair(messages: Sequence[Message], extras: Extras) -> Item:
    """The two columns of a pair, under their own names."""
    expect(messages, ["user"], "pair", "one turn of")
    content, fields = messages[0]["content"], fields_of(extras)
    if len(fields) != 2:
        raise UnfitError("no_parts", "the record is no pair: its text has no two parts")
    first, second = fields
    parts = {name: content[start:end] for name, (start, end) in fields.items()}
    composed, places = pair_content((first, second), (parts[first], parts[second]))
    if composed != content or {name: list(place) for name, place in fields.items()} != places:
        raise stale([first, second])
    return dict(parts)


def qa(messages: Sequence[Message], extras: Extras) -> Item:
    """A flat row as Hugging Face has SQuAD; `nest_squad` makes the nested form of many.

    Where the answer was changed since it was read, it is the only one, and `answer_start` is where the context has it
    (-1: nowhere).
    """
    expect(messages, _QUESTION_ANSWER, "qa", "one turn each of")
    content, answer = messages[0]["content"], messages[1]["content"]
    parts = take_apart(content, extras, ("context", "question"))
    if not parts and "answers" not in extras:
        raise UnfitError("no_parts", "the record has no context: its prompt has no such part")
    context, question = parts.get("context", ""), parts.get("question", content)
    answers = json.loads(extras.get("answers", "{}"))
    is_impossible = extras.get("is_impossible") == "true" and answer == UNANSWERABLE
    if not is_impossible and answer not in answers.get("text", [])[:1]:
        answers = {"text": [answer], "answer_start": [context.find(answer)]}
    item = {name: extras[name] for name in ("id", "title") if name in extras}
    item |= {"context": context, "question": question, "answers": answers}
    return item | ({"is_impossible": True} if is_impossible else {})


def nest_squad(rows: Iterable[Mapping[str, Any]], version: str = "v2.0") -> Item:
    """Flat rows, as `qa` writes them, as SQuAD's JSON: articles by title, paragraphs by context, in the rows' order.

    Cost: linear; memory: all rows.
    """
    articles: dict[str, dict[str, list[Item]]] = {}
    for row in rows:
        answers = row["answers"]
        starts = answers.get("answer_start", [-1] * len(answers["text"]))
        listed = [{"text": text, "answer_start": at} for text, at in zip(answers["text"], starts, strict=True)]
        question = {"id": row.get("id", ""), "question": row["question"], "answers": listed}
        question |= {"is_impossible": bool(row.get("is_impossible", False))}
        articles.setdefault(row.get("title", ""), {}).setdefault(row["context"], []).append(question)
    data = [
        {"title": title, "paragraphs": [{"context": context, "qas": qas} for context, qas in paragraphs.items()]}
        for title, paragraphs in articles.items()
    ]
    return {"version": version, "data": data}


def multiple_choice(messages: Sequence[Message], extras: Extras) -> Item:
    """Question, choices and the answer's number from 0, and the context if there is one."""
    expect(messages, _QUESTION_ANSWER, "multiple-choice", "one turn each of")
    content, answer = messages[0]["content"], messages[1]["content"]
    parts = take_apart(content, extras, ("context", "question", "choices"))
    if not {"question", "choices"} <= parts.keys() or "choices" not in extras:
        raise UnfitError("no_parts", "the record has no choices: its prompt has no such part")
    choices = json.loads(extras["choices"])
    if "\n".join(lettered(choices)) != parts["choices"]:  # the text was changed since, and is what counts
        choices = _split_choices(parts["choices"], len(choices))
    index = LETTERS.find(answer[:1]) if answer else -1
    if lettered(choices)[index : index + 1] != [answer]:
        raise UnfitError("bad_answer", "the answer is none of the choices")
    item: Item = {"question": parts["question"], "choices": choices, "answer": index}
    return item | ({"context": parts["context"]} if "context" in parts else {})


def _split_choices(text: str, count: int) -> list[str]:
    starts = list(_LETTERED.finditer(text))
    if [found[1] for found in starts] != list(LETTERS[:count]):
        raise stale(["choices"])
    ends = [found.start() - 1 for found in starts[1:]] + [len(text)]
    return [text[found.end() : end] for found, end in zip(starts, ends, strict=True)]


def token_labels(messages: Sequence[Message], extras: Extras) -> Item:
    """Tokens and tags; refused where the texts are no longer the same number of words, one space between each."""
    expect(messages, _QUESTION_ANSWER, "token-labels", "one turn each of")
    tokens, tags = (message["content"].split(" ") for message in messages)
    for words in (tokens, tags):
        if " ".join(words).split() != words:
            raise UnfitError(
                "white_space", "tokens and tags must have one space between each, and no other white space"
            )
    if len(tokens) != len(tags):
        raise UnfitError("unequal_lengths", f"{len(tokens):,} tokens, but {len(tags):,} tags")
    return {"tokens": tokens, "tags": tags}


def translation(messages: Sequence[Message], extras: Extras) -> Item:
    """Source and target, or the two languages in an object `translation` where the extras name them."""
    expect(messages, _QUESTION_ANSWER, "translation", "one turn each of")
    texts = [message["content"] for message in messages]
    if "languages" in extras:
        return {"translation": dict(zip(json.loads(extras["languages"]), texts, strict=True))}
    return dict(zip(("source", "target"), texts, strict=True))


def conll_lines(messages: Sequence[Message]) -> list[str]:
    """A record of token-labels as lines of a CoNLL file: token, tab, tag; then an empty line."""
    item = token_labels(messages, {})
    return [*(f"{token}\t{tag}" for token, tag in zip(item["tokens"], item["tags"], strict=True)), ""]


def parallel_lines(messages: Sequence[Message]) -> tuple[str, str]:
    """A record of translation as a line for each of the two files of a parallel text."""
    expect(messages, _QUESTION_ANSWER, "translation", "one turn each of")
    source, target = (message["content"] for message in messages)
    if _LINE_END.search(source) or _LINE_END.search(target):
        raise UnfitError("line_break", "a line of a parallel text cannot hold a line end")
    return source, target
