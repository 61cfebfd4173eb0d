"""Conversations as the texts a model is given, and where in them the responses lie.

With a chat template, everything that it adds (names of roles, ends of turns, system texts of its own) is no response.
Plain: the contents joined by one line end. A conversation without an assistant's turn is one text that is its own
response, and no template is put around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.tables import escape

Conversation = Sequence[Mapping[str, str]]

# A text that no template changes, nor any conversation holds: private-use characters around a number.
_MARK = "\ue0a5{}\ue0a6"


class UnscorableError(Exception):
    """Why a conversation cannot be scored; never seen outside of `language`."""


@dataclass(frozen=True)
class Rendered:
    """`text`, and each response as (position among the messages, start, end) in characters of it.

    `instructed`: whether anything stands before the response of the same place in `spans`. `bare`: the text is to get
    the tokenizer's own special tokens; else the template wrote them.
    """

    text: str
    spans: tuple[tuple[int, int, int], ...]
    instructed: tuple[bool, ...]
    bare: bool


def render(conversation: Conversation, tokenizer: Any, chat: bool) -> Rendered:
    """The text of a conversation. Raises `UnscorableError` where the template refuses it or changes a response."""
    responses = [number for number, message in enumerate(conversation) if message["role"] == "assistant"]
    contents = [message["content"] for message in conversation]
    if not responses:
        text = "\n".join(contents)
        return Rendered(text, ((0, 0, len(text)),), (False,), True)
    instructed = tuple(any(contents[:number]) for number in responses)
    if chat:
        text, spans = _through_template(conversation, responses, tokenizer)
        return Rendered(text, spans, instructed, False)
    starts = [0]
    for content in contents:
        starts.append(starts[-1] + len(content) + 1)
    places = tuple((number, starts[number], starts[number] + len(contents[number])) for number in responses)
    return Rendered("\n".join(contents), places, instructed, True)


def source_of(conversation: Conversation, number: int, tokenizer: Any, chat: bool) -> str:
    """All that stands before the message `number`, as a template or line ends join it."""
    before = conversation[:number]
    return apply(before, tokenizer, prompt=True) if chat else "\n".join(message["content"] for message in before)


def apply(conversation: Conversation, tokenizer: Any, prompt: bool = False) -> str:
    """The template's text. Raises `UnscorableError` with what the template says."""
    from jinja2 import TemplateError

    messages = [{"role": message["role"], "content": message["content"]} for message in conversation]
    try:
        text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt)
    except (TemplateError, TypeError, ValueError, LookupError, AttributeError) as error:
        said = escape(" ".join(str(error).split()))
        raise UnscorableError(f"the chat template refuses the conversation: {said or type(error).__name__}") from None
    return text


def _through_template(
    conversation: Conversation, responses: Sequence[int], tokenizer: Any
) -> tuple[str, tuple[tuple[int, int, int], ...]]:
    """The rendered text and the responses in it.

    A response is found by its surroundings, not by its own words, which the template or the user may have used too:
    the conversation is rendered once more with a mark in place of each response. What stands around the marks must
    stand around the responses. Two renderings, however many turns.
    """
    marked = [dict(message) for message in conversation]
    for number in responses:
        marked[number]["content"] = _MARK.format(number)
    text, pattern = apply(conversation, tokenizer), apply(marked, tokenizer)
    pieces: list[str] = []
    for number in responses:
        piece, found, pattern = pattern.partition(_MARK.format(number))
        if not found or _MARK.format(number) in pattern:
            raise _changed(number)
        pieces.append(piece)
    pieces.append(pattern)
    spans, at = [], 0
    for place, number in enumerate(responses):
        if not text.startswith(pieces[place], at):
            raise _changed(number)
        at += len(pieces[place])
        content, last = conversation[number]["content"], place == len(responses) - 1
        for shown in dict.fromkeys((content, content.strip(), content.lstrip(), content.rstrip())):
            end = at + len(shown)
            fits = text[end:] == pieces[place + 1] if last else text.startswith(pieces[place + 1], end)
            if fits and text.startswith(shown, at):
                break
        else:
            raise _changed(number)
        spans.append((number, at, end))
        at = end
    return text, tuple(spans)


def _changed(number: int) -> UnscorableError:
    return UnscorableError(f"the chat template does not show message {number + 1} (assistant) as it stands")
