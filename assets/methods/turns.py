"""Lists of turns: those of chat formats become messages and, beside them, what `messages` has no place for.

`extras["turns"]` is a JSON object: number of a turn in `messages` (from 0) -> object of the turn's other keys that are
not null (`name`, `tool_call_id`, `weight`, ...), and of four that are marks:

- `role`: the role's name in the data where it is not the usual one (`developer`, `function_call`, `bot`)
- `tool_calls`, `function_call`: true where the last lines of the content are these, as canonical JSON, in this order
- `content`: null where beside its calls the turn had no text, rather than an empty one
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from assets.methods.columns import Columns, Item, need, optional_text
from assets.methods.values import UnfitError, as_json, as_text, canonical, kind_of, shown

Message = dict[str, str]
Kept = dict[int, dict[str, Any]]  # number of a turn -> its other keys
Read = tuple[list[Message], dict[str, str]]  # messages and extras

CALLS = ("tool_calls", "function_call")
_MARKS = {"role", "content", *CALLS}
_TEXT_PARTS = ("text", "input_text", "output_text")


@dataclass(frozen=True)
class Style:
    """How a list of turns names things: its two keys, its roles, and which of their names go without saying."""

    role_key: str
    content_key: str
    roles: Mapping[str, str]
    usual: Mapping[str, str]
    function_tag: str = "function_call"


# OpenAI's roles; `developer` is the later name of system, `function` the earlier one of tool.
OPENAI = Style(
    "role",
    "content",
    {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
    | {"tool": "tool", "function": "tool"},
    {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"},
)
# ShareGPT's speakers: what a function is asked (`function_call`, `function`) is said by the assistant.
SHAREGPT = Style(
    "from",
    "value",
    {
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
    },
    {"system": "system", "human": "user", "gpt": "assistant", "observation": "tool"},
)


def messages(value: Item, columns: Columns, tags: Mapping[str, str] | None = None) -> Read:
    """OpenAI's `messages`: roles in any order; a `system` column comes first where no such turn does."""
    turns, kept = read_turns(need(value, columns, "messages"), columns.get("messages", "messages"), _style(tags, True))
    return with_system(value, columns, turns, kept, tools_of(value, columns))


def sharegpt(value: Item, columns: Columns, tags: Mapping[str, str] | None = None) -> Read:
    """ShareGPT's `conversations`, by LLaMA-Factory's rule: after an optional system turn, the turns at odd places ask
    (human or observation) and those at even places answer (gpt or function_call); else `turn_order`.

    `tags` are LLaMA-Factory's (`role_tag`, `user_tag`, ...). A list of texts, as LIMA has it, is human, gpt, human, ...
    An unanswered last turn is kept: what is missing is for cleaning to say.
    """
    name = columns.get("messages", "conversations")
    found = need(value, columns, "messages", "conversations")
    if isinstance(found, list) and found and all(isinstance(turn, str) for turn in found):
        turns = [{"role": "assistant" if i % 2 else "user", "content": text} for i, text in enumerate(found)]
        kept: Kept = {}
    else:
        turns, kept = read_turns(found, name, _style(tags))
        check_order(turns, name)
    return with_system(value, columns, turns, kept, tools_of(value, columns))


def segments(value: Item, columns: Columns) -> Read:
    """axolotl's `segments` of `{label, text}`: what is trained (label true) is the assistant's, the rest the user's."""
    found, messages, kept = need(value, columns, "messages", "segments"), [], {}
    check_turns(found, "segments")
    for number, segment in enumerate(found):
        place = f"segment {number + 1}"
        if not isinstance(segment, dict):
            raise UnfitError("wrong_type", f"{place} must have columns, not be {kind_of(segment)}")
        is_trained = need(segment, {}, "label")
        if not isinstance(is_trained, bool):
            raise UnfitError("wrong_type", f"'label' of {place} must be true or false, not {kind_of(is_trained)}")
        text = as_text(need(segment, {}, "text"), f"'text' of {place}")
        messages.append({"role": "assistant" if is_trained else "user", "content": text})
        if others := {k: v for k, v in segment.items() if k not in ("label", "text", *_MARKS) and v is not None}:
            kept[number] = others
    return messages, turns_extras(kept)


def read_turns(turns: Any, name: str, stated: Style | None = None) -> tuple[list[Message], Kept]:
    """A list of `{role, content}` (OpenAI) or `{from, value}` (ShareGPT), or in the stated style, as messages.

    Content may be a list of text parts, which are joined by line ends. Calls of tools are kept as canonical JSON:
    they are the content where it is null, else they follow it, each key on a line of its own.
    Raises `UnfitError`, which calls the list `name` and counts its turns from 1. Cost: linear in the text.
    """
    check_turns(turns, name)
    messages: list[Message] = []
    kept: Kept = {}
    for number, turn in enumerate(turns):
        if not isinstance(turn, dict):
            kind = kind_of(turn)
            raise UnfitError("wrong_type", f"turn {number + 1} of '{name}' must have columns, not be {kind}")
        style = stated or (SHAREGPT if "from" in turn else OPENAI)
        speaker, content = turn.get(style.role_key), turn.get(style.content_key)
        role = style.usual.get(speaker) if isinstance(speaker, str) else None
        if role and len(turn) == 2 and isinstance(content, str):  # as nearly always
            messages.append({"role": role, "content": content})
            continue
        message, others = _read_turn(turn, style, f"turn {number + 1} of '{name}'")
        messages.append(message)
        if others:
            kept[number] = others
    return messages, kept


def check_turns(turns: Any, name: str) -> None:
    """Refuse (`UnfitError`) what is no list, or an empty one."""
    if not isinstance(turns, list):
        raise UnfitError("wrong_type", f"'{name}' must be a list of turns, not {kind_of(turns)}")
    if not turns:
        raise UnfitError("empty_messages", f"'{name}' holds no turn")


def check_order(messages: list[Message], name: str) -> None:
    """Refuse (`UnfitError`, `turn_order`) turns that do not ask and answer by turns, after an optional system turn."""
    first = 1 if messages and messages[0]["role"] == "system" else 0
    for number in range(first, len(messages)):
        role = messages[number]["role"]
        asks = (number - first) % 2 == 0
        if role == "system" or asks == (role == "assistant"):
            expected = "human or observation" if asks else "gpt or function_call"
            raise UnfitError(
                "turn_order", f"turn {number + 1} of '{name}' is of the role {role}, where {expected} is expected"
            )


def with_system(value: Item, columns: Columns, messages: list[Message], kept: Kept, extras: dict[str, str]) -> Read:
    """The messages, after the text of the column `system` unless they begin with a system turn; and all extras."""
    if messages[0]["role"] != "system" and (text := optional_text(value, columns, "system")):
        messages = [{"role": "system", "content": text}, *messages]
        kept = {number + 1: others for number, others in kept.items()}
    return messages, (turns_extras(kept) | extras if kept else extras)


def turns_extras(kept: Kept) -> dict[str, str]:
    """`kept` as the extra `turns`; none if there is nothing to keep."""
    return {"turns": as_json({str(number): others for number, others in kept.items()})} if kept else {}


def tools_of(value: Item, columns: Columns) -> dict[str, str]:
    """The definitions of tools: `tools` is their JSON, `tools_key` their column if it is `functions`, and `tools_form`
    is `text` where the data holds them as a text, which is then kept as it is. Null and empty: none."""
    for key in (columns["tools"],) if "tools" in columns else ("tools", "functions"):
        if tools := value.get(key):
            extras = {"tools": tools if isinstance(tools, str) else as_json(tools)}
            if key == "functions":
                extras["tools_key"] = key
            if isinstance(tools, str):
                extras["tools_form"] = "text"
            return extras
    return {}


def _read_turn(turn: dict[str, Any], style: Style, place: str) -> tuple[Message, dict[str, Any]]:
    """One turn with whatever it may hold, and its other keys."""
    role_key, content_key = style.role_key, style.content_key
    if role_key not in turn:
        raise UnfitError("missing_field", f"{place} has no '{role_key}'" + (" (or 'from')" if style is OPENAI else ""))
    speaker = turn[role_key]
    role = style.roles.get(speaker.lower()) if isinstance(speaker, str) else None
    if role is None:
        raise UnfitError("bad_role", f"{place} has the role {shown(speaker)}; known: {', '.join(style.roles)}")
    calls = {key: canonical(turn[key]) for key in CALLS if turn.get(key)}
    content = turn.get(content_key)
    if content_key not in turn and not calls:
        raise UnfitError("missing_field", f"{place} has no '{content_key}'")
    skipped = {role_key, content_key, *_MARKS}
    others = {key: other for key, other in turn.items() if key not in skipped and other is not None}
    if speaker not in style.usual:
        others["role"] = "function_call" if speaker.lower() == style.function_tag.lower() else speaker
    if calls:
        others |= dict.fromkeys(calls, True)
    if content is None and calls:
        others["content"] = None
        text = ""
    else:
        text = _content(content, content_key, place)
    return {"role": role, "content": "\n".join([text, *calls.values()] if text else calls.values())}, others


def _content(content: Any, key: str, place: str) -> str:
    if not isinstance(content, list):
        return as_text(content, f"'{key}' of {place}")
    texts = []
    for part in content:
        if isinstance(part, dict):
            kind = part.get("type")
            if kind not in _TEXT_PARTS or "text" not in part:
                raise UnfitError("media_part", f"{place} holds a part of the type {shown(kind)}; only text can be read")
            part = part["text"]
        texts.append(as_text(part, f"'{key}' of {place}"))
    return "\n".join(texts)


def _style(tags: Mapping[str, str] | None, is_openai: bool = False) -> Style | None:
    return _tagged(tuple(sorted(tags.items())), is_openai) if tags else None


@lru_cache(maxsize=64)
def _tagged(tags: tuple[tuple[str, str], ...], is_openai: bool) -> Style:
    """One of the two styles with the names that `tags` states in place of its own."""
    stated, style = dict(tags), OPENAI if is_openai else SHAREGPT
    tag_of = {"user": "user_tag", "assistant": "assistant_tag", "tool": "observation_tag", "system": "system_tag"}
    usual = {stated.get(tag_of[role], name): role for name, role in style.usual.items()}
    function_tag = stated.get("function_tag", "function_call")
    named = {name.lower(): role for name, role in {**usual, function_tag: "assistant"}.items()}
    roles = {**OPENAI.roles, **SHAREGPT.roles, **style.roles, **named}
    keys = stated.get("role_tag", style.role_key), stated.get("content_tag", style.content_key)
    return Style(*keys, roles, usual, function_tag)
