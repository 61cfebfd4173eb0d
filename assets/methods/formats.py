"""Formats: the columns of one item become one record (messages, label, attributes), or the reason why they cannot.

How an item was stored (JSON, CSV, ...) is known to `reading`; which columns are looked at is decided here.
`columns` maps a usual name to the name that the data uses; it holds stated names only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from assets.methods.values import (
    Unfit,
    UnfitError,
    as_scalar,
    as_text,
    canonical,
    check_characters,
    kind_of,
    listed,
    shown,
)

Message = dict[str, str]

LABEL_NAMES = ("label", "category", "class", "intent", "target", "label_text")
TEXT_NAMES = ("text", "sentence", "question", "utterance", "content", "query")

# OpenAI's roles; `developer` is the later name of system, `function` the earlier one of tool.
_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
# ShareGPT's speakers: what a function is asked (`function_call`, `function`) is said by the assistant.
_SPEAKERS = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "function_call": "assistant",
    "function": "assistant",
    "observation": "tool",
    "tool": "tool",
}


@dataclass(frozen=True, slots=True)
class ParsedRecord:
    """One record: its turns, its class if it has one, and the columns that are kept beside it."""

    messages: list[Message]
    label: str | None
    attributes: dict[str, str]


def detect(value: Mapping[str, Any], columns: Mapping[str, str]) -> str | None:
    """The format of an item, seen by its keys; None if no format fits.

    A stated column decides first: `text` means labelled, `messages` chat, `prompt` or `completion` a pair,
    `instruction`, `input` or `output` alpaca. Then the first format all of whose keys are there, in this order:
    messages, sharegpt, alpaca, prompt-completion, labelled (a text and a label column). Then, so that the missing key
    is named later on, a lone `instruction`, `prompt` or `completion`. Cost: a look-up, once a set of keys is known.
    """
    name = _detect(tuple(value), tuple(sorted(columns.items())))
    if name == "messages" and "messages" in columns:
        # One setting names the list of turns in either chat format; the turns tell which it is.
        turns = value.get(columns["messages"])
        is_sharegpt = isinstance(turns, list) and turns and isinstance(turns[0], dict) and "from" in turns[0]
        return "sharegpt" if is_sharegpt else "messages"
    return name


@lru_cache(maxsize=4096)
def _detect(keys: tuple[str, ...], columns: tuple[tuple[str, str], ...]) -> str | None:
    stated = dict(columns)
    for name, hints in (
        ("messages", {"messages"}),
        ("labelled", {"text"}),
        ("alpaca", {"instruction", "input", "output"}),
        ("prompt-completion", {"prompt", "completion"}),
    ):
        if hints & stated.keys():
            return name
    has_label = "label" in stated or any(name in keys for name in LABEL_NAMES)
    choices = {
        "messages": "messages" in keys,
        "sharegpt": "conversations" in keys,
        "alpaca": "instruction" in keys and "output" in keys,
        "prompt-completion": "prompt" in keys and "completion" in keys,
        "labelled": has_label and any(name in keys for name in TEXT_NAMES),
    }
    if fits := [name for name, fit in choices.items() if fit]:
        return fits[0]
    if "instruction" in keys:
        return "alpaca"
    return "prompt-completion" if "prompt" in keys or "completion" in keys else None


def to_record(
    value: Mapping[str, Any], format: str, columns: Mapping[str, str], attributes: Sequence[str] = ()
) -> ParsedRecord | Unfit:
    """The record that `value` holds in `format`, or why it holds none.

    - alpaca: instruction and input, joined by a line end, are the user's turn, output the assistant's; `system` and
      `history` (pairs of question and answer) come before. An empty output is kept: dropping it is for cleaning.
    - messages, sharegpt: see `_turns`; a `system` column becomes the first turn where there is none.
    - prompt-completion: two texts, or two lists of turns.
    - labelled: the text is one user turn.

    The label: the stated column; else, for labelled text, the first of LABEL_NAMES and, for the others, a key `label`
    with a single value. Numbers and truth values become texts (`3`, also for 3.0; `true`), see `values.as_scalar`;
    null, NaN and blank are no label.
    A stated column must be there, except `input` and `system`. A missing or null attribute is left out.
    """
    try:
        messages = _READERS[format](value, columns)
        label = _label(value, format, columns)
        kept = {name: text for name in attributes if (text := as_scalar(value.get(name))) is not None}
        texts = [message["content"] for message in messages]
        check_characters("".join([*texts, label or "", *kept, *kept.values()]))
    except UnfitError as error:
        return error.unfit
    return ParsedRecord(messages, label, kept)


def unknown(value: Mapping[str, Any]) -> Unfit:
    """What is said of an item for which `detect` finds no format."""
    hint = "state `columns` or `format`, or `header` where a table has no header line"
    return Unfit("unknown_format", f"no known format has the columns {listed(value)}; {hint}")


# -- formats ---------------------------------------------------------------------------------------------------------


def _alpaca(value: Mapping[str, Any], columns: Mapping[str, str]) -> list[Message]:
    asked = [_text(value, columns, "instruction"), _text(value, columns, "input", optional=True)]
    answer = _text(value, columns, "output")
    messages = _system(value, columns)
    history = value.get("history") or []  # null, or blank in a CSV file: none
    if not isinstance(history, list):
        raise UnfitError("wrong_type", f"'history' must be a list of pairs of texts, not {kind_of(history)}")
    for pair in history:
        if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(t, str) for t in pair)):
            raise UnfitError("wrong_type", "'history' must be a list of pairs of texts")
        messages += [_message("user", pair[0]), _message("assistant", pair[1])]
    question = "\n".join(text for text in asked if text)
    return [*messages, _message("user", question), _message("assistant", answer)]


def _messages(value: Mapping[str, Any], columns: Mapping[str, str]) -> list[Message]:
    return _with_system(value, columns, _turns(_need(value, columns, "messages"), "messages"))


def _sharegpt(value: Mapping[str, Any], columns: Mapping[str, str]) -> list[Message]:
    turns = _need(value, columns, "messages", "conversations")
    return _with_system(value, columns, _turns(turns, "conversations"))


def _prompt_completion(value: Mapping[str, Any], columns: Mapping[str, str]) -> list[Message]:
    messages: list[Message] = []
    for name, role in (("prompt", "user"), ("completion", "assistant")):
        part = _need(value, columns, name)
        is_turns = isinstance(part, list)
        messages += _turns(part, name) if is_turns else [_message(role, as_text(part, f"'{name}'"))]
    return _with_system(value, columns, messages)


def _labelled(value: Mapping[str, Any], columns: Mapping[str, str]) -> list[Message]:
    if "text" in columns:
        return [_message("user", _text(value, columns, "text"))]
    for name in TEXT_NAMES:
        if name in value:
            return [_message("user", as_text(value[name], f"'{name}'"))]
    raise UnfitError("missing_field", f"no text column among {listed(value)}; state `columns.text`")


_READERS = {
    "alpaca": _alpaca,
    "messages": _messages,
    "sharegpt": _sharegpt,
    "prompt-completion": _prompt_completion,
    "labelled": _labelled,
}


def _turns(turns: Any, name: str) -> list[Message]:
    """A list of `{role, content}` (OpenAI) or `{from, value}` (ShareGPT) as messages.

    Content may be a list of text parts, which are joined by line ends. Calls of tools are kept as canonical JSON:
    they are the content where it is null, else they follow it on a line of their own. Other keys of a turn (`name`,
    `weight`, ...) are not kept.
    """
    if not isinstance(turns, list):
        raise UnfitError("wrong_type", f"'{name}' must be a list of turns, not {kind_of(turns)}")
    if not turns:
        raise UnfitError("empty_messages", f"'{name}' holds no turn")
    return [_turn(turn, f"turn {i} of '{name}'") for i, turn in enumerate(turns, 1)]


def _turn(turn: Any, place: str) -> Message:
    if not isinstance(turn, dict):
        raise UnfitError("wrong_type", f"{place} must have columns, not be {kind_of(turn)}")
    role_key, content_key, roles = ("from", "value", _SPEAKERS) if "from" in turn else ("role", "content", _ROLES)
    if role_key not in turn:
        raise UnfitError("missing_field", f"{place} has no 'role' (or 'from')")
    role = roles.get(turn[role_key].lower()) if isinstance(turn[role_key], str) else None
    if role is None:
        raise UnfitError("bad_role", f"{place} has the role {shown(turn[role_key])}; known: {', '.join(roles)}")
    calls = [canonical(turn[key]) for key in ("tool_calls", "function_call") if turn.get(key)]
    content = turn.get(content_key)
    if content is None and calls:
        return _message(role, "\n".join(calls))
    if content_key not in turn:
        raise UnfitError("missing_field", f"{place} has no '{content_key}'")
    parts = [_part(part) for part in content] if isinstance(content, list) else [content]
    text = "\n".join(as_text(part, f"'{content_key}' of {place}") for part in parts)
    return _message(role, "\n".join([text, *calls] if text else calls))


def _part(part: Any) -> Any:
    return part["text"] if isinstance(part, dict) and part.get("type") == "text" and "text" in part else part


def _with_system(value: Mapping[str, Any], columns: Mapping[str, str], messages: list[Message]) -> list[Message]:
    return messages if messages[0]["role"] == "system" else [*_system(value, columns), *messages]


def _system(value: Mapping[str, Any], columns: Mapping[str, str]) -> list[Message]:
    text = _text(value, columns, "system", optional=True)
    return [_message("system", text)] if text else []


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


# -- columns ---------------------------------------------------------------------------------------------------------


def _need(value: Mapping[str, Any], columns: Mapping[str, str], name: str, usual: str | None = None) -> Any:
    key = columns.get(name, usual or name)
    if key not in value:
        hint = "" if name in columns else f"; state `columns.{name}` if another column holds it"
        raise UnfitError("missing_field", f"no '{key}' among {listed(value)}{hint}")
    return value[key]


def _text(value: Mapping[str, Any], columns: Mapping[str, str], name: str, optional: bool = False) -> str:
    key = columns.get(name, name)
    if optional and value.get(key) is None:
        return ""
    return as_text(_need(value, columns, name), f"'{key}'")


def _label(value: Mapping[str, Any], format: str, columns: Mapping[str, str]) -> str | None:
    if "label" in columns:
        label = _need(value, columns, "label")
    elif format == "labelled":
        label = next((value[name] for name in LABEL_NAMES if name in value), None)
    else:
        label = value.get("label")
        if isinstance(label, (list, dict)):
            return None
    if isinstance(label, (list, dict, bytes)):
        raise UnfitError("wrong_type", f"the label must be a single value, not {kind_of(label)}")
    text = as_scalar(label)
    return text if text and not text.isspace() else None
