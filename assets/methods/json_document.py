"""JSON: one value, and whole documents, that is arrays of objects read item by item and mended where they are damaged.

Tolerant by choice, as Python's own parser: NaN and Infinity are numbers; of two equal keys the last one counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from assets.methods.json_window import LOOK_BACK, FaultError, Window, beyond, check_nesting
from assets.methods.rows import Item, Reject, Row, UnreadableError, decode, not_text

# A lone object that holds one of these lists is itself a record, not a wrapper around records.
_TURN_LISTS = frozenset({"messages", "conversations", "prompt", "completion", "history"})
_OPENING = re.compile(r'\{\s*("(?:[^"\\\n]|\\.)*")')
_LIST_OF_OBJECTS = re.compile(r"\[\s*\{")
_OWN_TRIES = 100  # damaged items in a row, from the first on, of which each is asked how the others may begin


def json_document(chunks: Iterable[bytes], encoding: str = "utf-8") -> Iterator[Row]:
    """A JSON array of objects, or one object that holds exactly one list of objects, such as `{"data": [...]}`.

    Item by item, each with the line it starts at. After a fault reading goes on at the next place that looks like the
    start of an item: an object at the indentation of those before or, where they share lines, with their first key.
    (Inner objects with that same first key then cannot be told from items.) An object that holds no list of objects is
    one item. Raises `UnreadableError` for an object that holds two lists. Memory: a window of text.
    """
    return document_rows(decode(chunks, encoding), encoding)


def document_rows(texts: Iterator[str], encoding: str) -> Iterator[Row]:
    """As `json_document`, of a text that is decoded already."""
    return _Document(texts, encoding).rows()


def json_line(number: int, line: str) -> Row:
    """The object that stands on one line, or why there is none."""
    try:
        value = json.loads(line)
        check_nesting(value, line)
    except json.JSONDecodeError as error:
        return Reject(number, "not_json", f"{error.msg} at character {error.pos + 1}", line.rstrip())
    except (ValueError, RecursionError) as error:
        return Reject(number, "not_json", beyond(error), line.rstrip())
    return _object_or_reject(number, value, line.rstrip())


def is_object(line: str) -> bool:
    """Whether `line` holds a JSON object and nothing else."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _object_or_reject(line: int, value: Any, text: str) -> Row:
    if isinstance(value, dict):
        return Item(line, value)
    kind = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
    return Reject(line, "not_an_object", f"expected an object with named columns, not {kind}", text)


class _Document:
    """Reads one JSON document and mends what it can; see `json_document`."""

    def __init__(self, texts: Iterator[str], encoding: str) -> None:
        self._window = Window(texts)
        self._encoding = encoding
        self._openings: dict[str, None] = {}  # patterns of how the items met so far begin
        self._tries = 0
        self._fell_off = False  # skipping a damaged item led to the end, so the closing bracket may be skipped too

    def rows(self) -> Iterator[Row]:
        """Everything in the document, in its order."""
        window = self._window
        is_open = window.take("[")
        if is_open:
            yield from self._array(is_open)
        elif window.peek() == "{":
            yield from self._object()
        elif window.peek():
            yield self._resume(window.line, "neither an array nor an object starts here")
        while window.peek():
            if is_open or window.peek() not in ("{", ",", "]"):
                yield self._resume(window.line, "text behind the end of the document")
            is_open = False
            yield from self._array(is_open)

    def _object(self) -> Iterator[Row]:
        """One object, read key by key so that a long list in it streams; the rest beside such a list is passed over."""
        window = self._window
        line, value, text, wrapped = window.line, dict[str, Any](), "", None
        try:
            window.take("{")
            while not window.take("}"):
                if text or wrapped is not None:
                    self._expect(",")
                key, key_text = self._key()
                if key not in _TURN_LISTS and self._list_of_objects_starts():
                    if wrapped is not None:
                        raise UnreadableError(f"two lists of objects in one file, '{wrapped}' and '{key}'; keep one")
                    wrapped = key
                    window.take("[")
                    yield from self._array(is_open=True)
                else:
                    value[key], value_text = window.value()
                    text += key_text + value_text
        except FaultError as fault:
            yield self._resume(line, str(fault))
            return
        if wrapped is None:
            yield not_text(line, text, self._encoding) or Item(line, value)

    def _key(self) -> tuple[str, str]:
        if self._window.peek() != '"':
            raise FaultError(f"expected a key in double quotes at line {self._window.line}")
        key, text = self._window.value()
        self._expect(":")
        self._window.peek()
        return key, text

    def _expect(self, char: str) -> None:
        if not self._window.take(char):
            raise FaultError(f"expected '{char}' at line {self._window.line}")

    def _list_of_objects_starts(self) -> bool:
        window = self._window
        window.look_ahead(LOOK_BACK)
        return bool(_LIST_OF_OBJECTS.match(window.text, window.at))

    def _array(self, is_open: bool) -> Iterator[Row]:
        """Items up to and with the closing bracket. `is_open`: its opening bracket was seen."""
        window = self._window
        before, line = "", window.line  # what the present place comes after: nothing, a comma, an item or a fault
        while (char := window.peek()) not in ("", "]"):
            if char == ",":
                if before in ("", ",") and is_open:
                    yield Reject(window.line, "not_json", "a comma with no item before it", ",")
                before, line = ",", window.line
                window.take(",")
                continue
            if char == "{" and before == "item" and is_open:
                yield Reject(window.line, "not_json", "a comma is missing before this item", "{")
            item = self._item()
            before = "fault" if isinstance(item, Reject) and item.reason == "not_json" else "item"
            yield item
        if char == "]" and not is_open:
            yield Reject(window.line, "not_json", "a closing bracket without an opening one", "]")
        elif char == "]" and before == ",":
            yield Reject(window.line, "not_json", f"the comma of line {line} has no item behind it", "]")
        elif not char and is_open and not self._fell_off:
            yield Reject(window.line, "not_json", "the array ends without a closing bracket", "")
        window.take("]")

    def _item(self) -> Row:
        window = self._window
        line, indent = window.line, window.indent()
        try:
            value, text = window.value()
        except FaultError as fault:
            if fault.text is not None:
                return Reject(line, "not_json", str(fault), fault.text)
            return self._resume(line, str(fault), indent)
        if not isinstance(value, dict) and window.peek() not in (",", "]", ""):
            return self._resume(line, "expected an object", indent)
        if len(self._openings) < 32 and (opening := _opening(text, 0, indent)):
            self._openings[opening] = None
        return not_text(line, text, self._encoding) or _object_or_reject(line, value, text)

    def _resume(self, line: int, detail: str, indent: str | None = None) -> Reject:
        """Skip to the next start of an item; the reject that tells of it."""
        window = self._window
        starts = list(self._openings)
        if not starts:
            # The very first item is damaged: others may begin as it does, or it may not even begin well itself.
            window.look_ahead(64 * 1024)
            own = _opening(window.text, window.at, indent) if self._tries < _OWN_TRIES else None
            self._tries += 1
            starts = [own] if own and re.compile(own).search(window.text, window.at + 1) else [r'\{\s*"']
        text = window.skip_to(re.compile("|".join(starts)))
        self._fell_off = not window.peek()
        where = "the end" if self._fell_off else f"line {window.line}"
        return Reject(line, "not_json", f"{detail}; skipped to {where}", text.rstrip())


def _opening(text: str, at: int, indent: str | None) -> str | None:
    """A pattern of how the item at `at` begins: on a line of its own by the indentation, else by its first key."""
    if indent is not None:
        return rf"(?<=\n{re.escape(indent)})\{{"
    found = _OPENING.match(text, at)
    return r"\{\s*" + re.escape(found[1]) if found else None
