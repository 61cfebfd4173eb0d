"""Formats of one question and one answer, of one text, or of questions alone."""

from __future__ import annotations

from typing import Any

from assets.methods.columns import TEXT_NAMES, Columns, Item, first_of, need, optional_text, text_of
from assets.methods.turns import Kept, Message, Read, read_turns, tools_of, turns_extras, with_system
from assets.methods.values import Unfit, UnfitError, as_text, kind_of, listed, shown

# Names under which data sets hold a prompt and its completion, the usual ones first: GSM8K, BIG-bench Hard, BELLE,
# HumanEval.
PAIRED_NAMES = (
    ("prompt", "completion"),
    ("question", "answer"),
    ("input", "target"),
    ("question", "std_answer"),
    ("prompt", "canonical_solution"),
)
# Beside a `prompt` these hold an answer; it is not a prompt alone.
ANSWER_NAMES = (
    *("completion", "response", "answer", "output", "solution", "canonical_solution", "target", "reference"),
    *("responses", "answers", "outputs", "labels", "chosen", "rejected"),
)


def alpaca(value: Item, columns: Columns) -> Read:
    """Alpaca: `instruction` and `input`, joined by a line end, are the user's turn, `output` the assistant's.

    `system` and `history` (pairs of question and answer) come before. Dolly's names (`context`, `response`) are read
    in place of `input` and `output` where these are missing. An empty output is kept: dropping it is for cleaning.
    """
    if "response" in value and "output" not in value:
        columns = {"input": "context", "output": "response", **columns}
    instruction = text_of(value, columns, "instruction")
    input = optional_text(value, columns, "input")
    answer = text_of(value, columns, "output")
    messages: list[Message] = []
    if system := optional_text(value, columns, "system"):
        messages.append({"role": "system", "content": system})
    if history := value.get(columns.get("history", "history")):  # null, or blank in a CSV file: none
        messages += _history(history, columns.get("history", "history"))
    extras: dict[str, str] = {}
    if not input:
        question = instruction
    elif not instruction:
        question = input
    else:  # as prompts.compose, which would cost more than all the rest
        question = instruction + "\n" + input
        end = len(instruction)
        extras["fields"] = f'{{"instruction":[0,{end}],"input":[{end + 1},{len(question)}]}}'
    messages.append({"role": "user", "content": question})
    messages.append({"role": "assistant", "content": answer})
    return messages, extras


def alpaca_parts(value: Item, columns: Columns) -> list[Item | Unfit] | None:
    """Self-instruct's tasks: each of the `instances` (`input`, `output`) with the instruction they share; else None."""
    if "instances" not in value or "output" in value:
        return None
    instances = value["instances"]
    if not isinstance(instances, list) or not instances:
        kind = "an empty list" if instances == [] else kind_of(instances)
        return [Unfit("wrong_type", f"'instances' must be a list of objects with 'input' and 'output', not {kind}")]
    shared = {name: column for name, column in value.items() if name != "instances"}
    return [
        {**shared, **instance}
        if isinstance(instance, dict)
        else Unfit("wrong_type", f"instance {number} must have columns, not be {kind_of(instance)}")
        for number, instance in enumerate(instances, 1)
    ]


def prompt_completion(value: Item, columns: Columns) -> Read:
    """TRL's prompt and completion: two texts, or lists of turns (conversational); a `system` column comes first.

    Also GSM8K's question and answer, BIG-bench's input and target, BELLE's question and std_answer, see PAIRED_NAMES.
    Extras, where two lists cannot be told from the messages: `form` is `conversational` where a list was used though
    two texts would do; `completion_turns` the number of turns of the completion where it is not 1.
    """
    names = next((pair for pair in PAIRED_NAMES if pair[0] in value and pair[1] in value), PAIRED_NAMES[0])
    messages: list[Message] = []
    kept: Kept = {}
    sizes, is_conversational = [], False
    for name, other, usual, role in zip(
        ("prompt", "completion"), ("question", "answer"), names, ("user", "assistant"), strict=True
    ):
        name = name if name in columns or other not in columns else other
        part = need(value, columns, name, usual)
        if isinstance(part, list):
            turns, others = read_turns(part, columns.get(name, usual))
            kept |= {len(messages) + number: keys for number, keys in others.items()}
            messages += turns
            is_conversational = True
        else:
            turns = [{"role": role, "content": as_text(part, shown(columns.get(name, usual)))}]
            messages += turns
        sizes.append(len(turns))
    extras = tools_of(value, columns)
    if is_conversational and [message["role"] for message in messages] == ["user", "assistant"]:
        extras["form"] = "conversational"
    if sizes[1] != 1:
        extras["completion_turns"] = str(sizes[1])
    return with_system(value, columns, messages, kept, extras)


def text(value: Item, columns: Columns) -> Read:
    """A text, with a class (labelled) or without (TRL's language modelling): one user turn."""
    if "text" in columns:
        return _user(text_of(value, columns, "text"))
    if name := first_of(TEXT_NAMES, value):
        return _user(as_text(value[name], shown(name)))
    raise UnfitError("missing_field", f"no text column among {listed(value)}; state `columns.text`")


def questions(value: Item, columns: Columns) -> Read:
    """Questions without answers: every text is a user's turn.

    `turns` (MT-Bench, Vicuna) is a list of texts or one text, `conversations` (LIMA's test set) too, `prompt` (IFEval,
    TRL's prompt-only type) a text or a list of turns, which may hold others' turns but must end with the user's.
    """
    stated = next((name for name in ("messages", "prompt", "question", "text", "instruction") if name in columns), None)
    if stated:
        key, found = columns[stated], need(value, columns, stated)
    else:
        key = first_of(("turns", "conversations", "prompt"), value) or "turns"
        found = need(value, {}, key)
    if isinstance(found, str):
        return _user(found)
    if isinstance(found, list) and found and all(isinstance(turn, str) for turn in found):
        return [{"role": "user", "content": turn} for turn in found], {}
    messages, kept = read_turns(found, key)
    if messages[-1]["role"] != "user":
        raise UnfitError("turn_order", f"the last turn of '{key}' must be the user's: it is a question without answer")
    return messages, turns_extras(kept)


def _history(history: Any, name: str) -> list[Message]:
    if not isinstance(history, list):
        raise UnfitError("wrong_type", f"{shown(name)} must be a list of pairs of texts, not {kind_of(history)}")
    messages: list[Message] = []
    for pair in history:
        if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(t, str) for t in pair)):
            raise UnfitError("wrong_type", f"{shown(name)} must be a list of pairs of texts")
        messages.append({"role": "user", "content": pair[0]})
        messages.append({"role": "assistant", "content": pair[1]})
    return messages


def _user(content: str) -> Read:
    return [{"role": "user", "content": content}], {}
