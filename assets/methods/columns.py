"""Named columns of an item: which column a usual name stands for, its value, and what is said where it is missing.

`columns` maps a usual name to the name that the data uses; it holds stated names only. A stated column must be there,
unless the function that reads it says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assets.methods.values import UnfitError, as_scalar, as_text, kind_of, listed, shown

Item = Mapping[str, Any]
Columns = Mapping[str, str]

LABEL_NAMES = ("label", "category", "class", "intent", "target", "label_text")
TEXT_NAMES = ("text", "sentence", "question", "utterance", "content", "query")


def need(value: Item, columns: Columns, name: str, usual: str | None = None) -> Any:
    """The column that `name` stands for: the stated one, else `usual`, else `name`. `UnfitError` if it is missing."""
    key = columns.get(name, usual or name)
    if key not in value:
        hint = "" if name in columns else f"; state `columns.{name}` if another column holds it"
        raise UnfitError("missing_field", f"no {shown(key)} among {listed(value)}{hint}")
    return value[key]


def text_of(value: Item, columns: Columns, name: str, usual: str | None = None) -> str:
    """The text in the column that `name` stands for; `UnfitError` if it is missing or no text."""
    text = value.get(columns.get(name, usual or name))
    if isinstance(text, str):
        return text
    return as_text(need(value, columns, name, usual), shown(columns.get(name, usual or name)))


def optional_text(value: Item, columns: Columns, name: str, usual: str | None = None) -> str:
    """As `text_of`, but the empty text where the column is missing or null."""
    text = value.get(columns.get(name, usual or name))
    if text is None:
        return ""
    return text if isinstance(text, str) else text_of(value, columns, name, usual)


def list_of(value: Item, columns: Columns, name: str, usual: str | None = None) -> list[Any]:
    """The list in the column that `name` stands for; `UnfitError` if it is missing or no list."""
    found = need(value, columns, name, usual)
    if not isinstance(found, list):
        key = shown(columns.get(name, usual or name))
        raise UnfitError("wrong_type", f"{key} must be a list, not {kind_of(found)}")
    return found


def first_of(names: Sequence[str], value: Item) -> str | None:
    """The first of `names` that is a column of `value`."""
    for name in names:  # several times faster than a generator, on the path of every row
        if name in value:
            return name
    return None


def label_of(value: Item, columns: Columns, names: Sequence[str]) -> str | None:
    """The class of an item as text: the stated column, else the first of `names` that is there.

    Where only the plain `label` is looked for, a list or an object under that name is something else, and no class.
    Null, NaN and blank are no class. `UnfitError` for what is no single value, see `values.as_scalar`.
    """
    if "label" in columns:
        label = need(value, columns, "label")
    elif len(names) == 1:
        label = value.get(names[0])
        if label is None or isinstance(label, (list, dict)):
            return None
    else:
        name = first_of(names, value)
        label = None if name is None else value[name]
    if isinstance(label, (list, dict, bytes)):
        raise UnfitError("wrong_type", f"the label must be a single value, not {kind_of(label)}")
    text = as_scalar(label)
    return text if text and not text.isspace() else None


def attributes_of(value: Item, names: Sequence[str]) -> dict[str, str]:
    """The columns `names` as texts; those that are missing or null are left out."""
    return {name: text for name in names if (text := as_scalar(value.get(name))) is not None}
