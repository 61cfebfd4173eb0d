"""Formats: the columns of one item become records, each with what its turns cannot hold, or the reason why they cannot.

How an item was stored (JSON, CSV, ...) is known to `reading`; which columns are looked at is decided here and in the
modules of the formats; how a record becomes an item again, in `writing`.

`extras` of a record are texts, JSON where there is structure, and no part of its id: `fields` (the named parts of the
last user turn, see `prompts`), `turns` (what a turn has besides role and content, see `turns`), `tools` (definitions
of tools), and those that a format's own function names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assets.methods import answer_formats, instruction_formats, task_formats, turns
from assets.methods.columns import LABEL_NAMES, Columns, Item, attributes_of, label_of
from assets.methods.detection import detect
from assets.methods.turns import Message, Read
from assets.methods.values import Unfit, UnfitError, check_characters, listed

__all__ = ["FORMATS", "Message", "ParsedRecord", "detect", "to_records", "unknown"]

_READERS: dict[str, Callable[[Item, Columns], Read]] = {
    "alpaca": instruction_formats.alpaca,
    "sharegpt": turns.sharegpt,
    "messages": turns.messages,
    "prompt-completion": instruction_formats.prompt_completion,
    "segments": turns.segments,
    "text": instruction_formats.text,
    "labelled": instruction_formats.text,
    "pair": task_formats.pair,
    "qa": answer_formats.qa,
    "multiple-choice": answer_formats.multiple_choice,
    "token-labels": task_formats.token_labels,
    "translation": task_formats.translation,
    "questions": instruction_formats.questions,
}
FORMATS: tuple[str, ...] = tuple(_READERS)

# Formats in which one item may hold several records.
_PARTS = {"alpaca": instruction_formats.alpaca_parts, "qa": answer_formats.qa_parts}
# Where a class goes by any of its usual names; elsewhere only by `label`.
_CLASSIFIED = {"labelled", "pair"}
_LABEL = ("label",)


@dataclass(frozen=True, slots=True)
class ParsedRecord:
    """One record: its turns, its class if it has one, the columns that are kept beside it, and its format's extras."""

    messages: list[Message]
    label: str | None
    attributes: dict[str, str]
    extras: dict[str, str]


def to_records(
    value: Mapping[str, Any],
    format: str,
    columns: Mapping[str, str],
    attributes: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
) -> list[ParsedRecord | Unfit]:
    """The records that `value` holds in `format`, and for each part of it that is none, the reason why.

    Nearly every item is one record; a SQuAD article is one for each question, a task of self-instruct one for each
    instance. A part that is unfit costs only itself. `columns` are those stated (see `columns`); `tags` are
    LLaMA-Factory's, the keys and roles of the turns of a chat.

    The label: the stated column; else, for labelled texts and pairs, the first of LABEL_NAMES and, for the others, a
    key `label` with a single value, unless it is the answer to a question with choices. Numbers and truth values
    become texts (`3`, also for 3.0; `true`), see `values.as_scalar`; null, NaN and blank are no label.
    A stated column must be there, except `input`, `system`, `history` and `tools`. A missing or null attribute is left
    out. Cost: linear in the text; about 5 microseconds for a row of Alpaca.
    """
    split = _PARTS.get(format)
    if split is not None and (parts := split(value, columns)) is not None:
        return [
            part if isinstance(part, Unfit) else _to_record(part, format, columns, attributes, tags) for part in parts
        ]
    return [_to_record(value, format, columns, attributes, tags)]


def unknown(value: Mapping[str, Any]) -> Unfit:
    """What is said of an item for which `detect` finds no format."""
    hint = "state `columns` or `format`, or `header` where a table has no header line"
    return Unfit("unknown_format", f"no known format has the columns {listed(value)}; {hint}")


def _to_record(
    value: Item, format: str, columns: Columns, attributes: Sequence[str], tags: Mapping[str, str] | None
) -> ParsedRecord | Unfit:
    try:
        if tags and format in ("sharegpt", "messages"):
            messages, extras = (turns.sharegpt if format == "sharegpt" else turns.messages)(value, columns, tags)
        else:
            messages, extras = _READERS[format](value, columns)
        if format == "multiple-choice" and answer_formats.answer_column(value, columns) == "label":
            label = label_of(value, columns, _LABEL) if "label" in columns else None
        else:
            label = label_of(value, columns, LABEL_NAMES if format in _CLASSIFIED else _LABEL)
        kept = attributes_of(value, attributes) if attributes else {}
        texts = [message["content"] for message in messages]
        if label:
            texts.append(label)
        if kept or extras:
            texts += [*kept, *kept.values(), *extras.values()]
        check_characters("".join(texts))
    except UnfitError as error:
        return error.unfit
    return ParsedRecord(messages, label, kept, extras)
