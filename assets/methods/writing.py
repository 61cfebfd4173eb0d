"""Writing: a record becomes an item of a format again, the one it was read in or another.

What `formats` reads, this writes: for a record of the same format, reading the item gives the same messages, label and
extras. What a format cannot hold is refused by a reason, never bent; extras that it has no place for are named by
`left_out`. Written here are chats, instructions and texts; the classic tasks in `writing_tasks`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assets.methods import writing_tasks
from assets.methods.formats import ParsedRecord
from assets.methods.prompts import take_apart
from assets.methods.turns import CALLS, OPENAI, SHAREGPT, Message, Style, check_order
from assets.methods.values import UnfitError
from assets.methods.writing_tasks import expect

Item = dict[str, Any]
Extras = Mapping[str, str]


def to_item(record: ParsedRecord, format: str) -> Item:
    """The item of `format` that holds the record's messages and label.

    - alpaca: a system text, pairs of user and assistant; the last user turn as instruction and input where `fields`
      tells them apart, else all of it as the instruction, which trains alike.
    - sharegpt: turns that ask and answer in turn; calls of tools stay text in the value.
    - messages: everything; calls of tools get their structure back, or `broken_call` if their lines were changed.
    - prompt-completion: two texts for a plain question and answer, else two lists of turns.
    - segments: user and assistant turns. text, labelled: one user turn. questions: turns that end with the user's.
    - pair, qa, multiple-choice, token-labels, translation: see `writing_tasks`.

    Attributes are not written. Raises `UnfitError` where the format cannot hold the turns, or they no longer have the
    form that the record's extras speak of. Cost: linear in the text.
    """
    item = _WRITERS[format](record.messages, record.extras)
    if record.label is not None:
        item["label"] = record.label
    return item


def lines(record: ParsedRecord, format: str) -> tuple[list[str], ...]:
    """The lines of a record in a format that is not JSON, without line ends, one list for each file.

    token-labels: one file (CoNLL), a line for each token and an empty one. translation: two files, a line each.
    Raises `UnfitError` as `to_item` does, and for a text of several lines in a translation.
    """
    if format == "token-labels":
        return (writing_tasks.conll_lines(record.messages),)
    source, target = writing_tasks.parallel_lines(record.messages)
    return [source], [target]


def left_out(record: ParsedRecord, format: str) -> tuple[str, ...]:
    """The extras of a record that an item of `format` has no place for, such as the definitions of `tools`.

    What only tells how the turns were written (`fields` and the like) is not counted, since no text is lost.
    """
    return tuple(name for name in record.extras if name not in _FORM and name not in _CARRIED.get(format, ()))


_FORM = {"fields", "form", "completion_turns", "tools_key", "tools_form", "languages", "choices", "index"}
_CARRIED = {
    "messages": {"turns", "tools"},
    "sharegpt": {"turns", "tools"},
    "prompt-completion": {"turns", "tools"},
    "segments": {"turns"},
    "questions": {"turns"},
    "qa": {"id", "title", "answers", "is_impossible"},
}


# -- instructions and texts ------------------------------------------------------------------------------------------


def _alpaca(messages: Sequence[Message], extras: Extras) -> Item:
    system, turns = "", messages
    if messages and messages[0]["role"] == "system":
        system, turns = messages[0]["content"], messages[1:]
        if not system:
            raise UnfitError("empty_system", "alpaca cannot hold an empty system turn")
    if not turns:
        raise UnfitError("wrong_turns", "alpaca holds pairs of user and assistant; the record has none")
    expect(turns, ["user", "assistant"] * (len(turns) // 2 or 1), "alpaca", "a system text, then pairs of")
    question = turns[-2]["content"]
    try:
        parts = take_apart(question, extras, ("instruction", "input"))
    except UnfitError:  # the text was changed since: it is written whole
        parts = {}
    item = {"instruction": parts.get("instruction", question), "input": parts.get("input", "")}
    item["output"] = turns[-1]["content"]
    written: Item = item | ({"system": system} if system else {})
    if len(turns) > 2:
        texts = [turn["content"] for turn in turns[:-2]]
        written["history"] = [list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]
    return written


def _prompt_completion(messages: Sequence[Message], extras: Extras) -> Item:
    if len(messages) < 2 or messages[-1]["role"] != "assistant":
        raise UnfitError("wrong_turns", "prompt-completion ends with the assistant's turn, after another")
    is_plain = [message["role"] for message in messages] == ["user", "assistant"]
    if is_plain and "turns" not in extras and extras.get("form") != "conversational":
        return {"prompt": messages[0]["content"], "completion": messages[1]["content"]} | _tools(extras)
    cut = len(messages) - int(extras.get("completion_turns", "1"))
    if cut < 1:
        raise UnfitError("stale_turns", "the record has no turn left before its completion")
    turns = _turns(messages, extras, OPENAI)
    return {"prompt": turns[:cut], "completion": turns[cut:]} | _tools(extras)


def _text(messages: Sequence[Message], extras: Extras) -> Item:
    expect(messages, ["user"], "a text", "one turn of")
    return {"text": messages[0]["content"]}


def _questions(messages: Sequence[Message], extras: Extras) -> Item:
    if not messages or messages[-1]["role"] != "user":
        raise UnfitError("wrong_turns", "questions end with the user's turn, without an answer")
    if "turns" not in extras and all(message["role"] == "user" for message in messages):
        return {"turns": [message["content"] for message in messages]}
    return {"prompt": _turns(messages, extras, OPENAI)}


# -- chats -----------------------------------------------------------------------------------------------------------


def _messages(messages: Sequence[Message], extras: Extras) -> Item:
    return {"messages": _turns(messages, extras, OPENAI)} | _tools(extras)


def _sharegpt(messages: Sequence[Message], extras: Extras) -> Item:
    check_order(list(messages), "conversations")
    return {"conversations": _turns(messages, extras, SHAREGPT)} | _tools(extras)


def _segments(messages: Sequence[Message], extras: Extras) -> Item:
    if other := [message["role"] for message in messages if message["role"] not in ("user", "assistant")]:
        raise UnfitError("wrong_turns", f"segments hold turns of user and assistant; the record has one of {other[0]}")
    kept = _others(extras)
    segments = []
    for number, message in enumerate(messages):
        segment = {"label": message["role"] == "assistant", "text": message["content"]}
        segments.append(_with_others(segment, kept.get(str(number), {})))
    return {"segments": segments}


def _turns(messages: Sequence[Message], extras: Extras, style: Style) -> list[Item]:
    """The turns in a style, each with its other keys."""
    names = {role: name for name, role in style.usual.items()}
    kept = _others(extras)
    turns = []
    for number, message in enumerate(messages):
        role, others = message["role"], kept.get(str(number), {})
        alias = others.get("role")
        name = alias if alias and style.roles.get(alias.lower()) == role else names[role]
        calls = [key for key in CALLS if others.get(key) is True] if style is OPENAI else []
        turn = {style.role_key: name, style.content_key: message["content"]}
        if calls:
            turn |= _calls(message["content"], calls, "content" in others, f"turn {number + 1}")
        turns.append(_with_others(turn, others))
    return turns


def _calls(content: str, keys: list[str], is_null: bool, place: str) -> Item:
    """Text and calls of a turn whose last lines are the calls `keys`; raises `UnfitError` if they no longer are.

    To keep a damaged call as text would teach a model to write calls as prose.
    """
    lines = content.rsplit("\n", len(keys))
    text = lines.pop(0) if len(lines) > len(keys) else ""
    if len(lines) < len(keys) or (is_null and text):
        raise UnfitError("broken_call", f"{place} no longer holds its calls of tools as its last lines")
    try:
        calls = {key: json.loads(line) for key, line in zip(keys, lines, strict=True)}
    except ValueError:
        raise UnfitError("broken_call", f"a call of a tool in {place} is no longer JSON") from None
    return {"content": None if is_null else text, **calls}


def _with_others(turn: Item, others: Mapping[str, Any]) -> Item:
    # The marks (`role`, `content` and the calls) say how a turn is written; they are no columns of it.
    skipped = ("role", "content", *CALLS)
    return turn | {key: other for key, other in others.items() if key not in turn and key not in skipped}


def _others(extras: Extras) -> dict[str, dict[str, Any]]:
    """The other keys of the turns, by the turn's number."""
    kept = _extra(extras, "turns") if "turns" in extras else {}
    if not isinstance(kept, dict) or not all(isinstance(others, dict) for others in kept.values()):
        raise UnfitError("broken_extras", "the extra 'turns' is no JSON object of objects")
    return kept


def _tools(extras: Extras) -> Item:
    if "tools" not in extras:
        return {}
    tools = extras["tools"] if extras.get("tools_form") == "text" else _extra(extras, "tools")
    return {extras.get("tools_key", "tools"): tools}


def _extra(extras: Extras, name: str) -> Any:
    """The value of an extra that is JSON; raises `UnfitError` if it no longer is."""
    try:
        return json.loads(extras[name])
    except (ValueError, RecursionError):
        raise UnfitError("broken_extras", f"the extra '{name}' is no longer JSON") from None


_WRITERS: dict[str, Callable[[Sequence[Message], Extras], Item]] = {
    "alpaca": _alpaca,
    "sharegpt": _sharegpt,
    "messages": _messages,
    "prompt-completion": _prompt_completion,
    "segments": _segments,
    "text": _text,
    "labelled": _text,
    "pair": writing_tasks.pair,
    "qa": writing_tasks.qa,
    "multiple-choice": writing_tasks.multiple_choice,
    "token-labels": writing_tasks.token_labels,
    "translation": writing_tasks.translation,
    "questions": _questions,
}
