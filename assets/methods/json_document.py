"""JSON documents: arrays of rows, and objects that hold such arrays, read row by row and mended where damaged.

What an element of an array means as a row is known to `json_rows`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from assets.methods import rows
from assets.methods.json_rows import element_row
from assets.methods.json_window import LOOK_BACK, FaultError, Window
from assets.methods.rows import Item, Reject, Row, decode, not_text

# Lists that are part of a record: a lone object that holds one of these is itself a row, not a wrapper around rows.
_TURNS = ("messages", "conversations", "segments", "turns", "prompt", "completion", "history", "tools", "functions")
_PARTS = ("instances", "paragraphs", "qas", "questions", "answers", "choices", "options", "tokens", "tags", "ner_tags")
_INNER_LISTS = frozenset((*_TURNS, *_PARTS))
# Names that say no more than that there are rows; any other name is worth a column.
_PLAIN_NAMES = frozenset({"data", "examples", "items", "records", "rows"})
_OPENING = re.compile(r'\{\s*("(?:[^"\\\n]|\\.)*")')
_LIST_OF_ROWS = re.compile(r'\[\s*([{["])')
_SKIPPED = ("not_json", "too_long")  # reasons of a reject behind which no comma need follow
_OWN_TRIES = 100  # damaged items in a row, from the first on, of which each is asked how the others may begin


def json_document(
    chunks: Iterable[bytes],
    encoding: str = "utf-8",
    header: Sequence[str] | None = None,
    max_chars: int = rows.MAX_ITEM_CHARS,
) -> Iterator[Row]:
    """A JSON array of objects, or one object that holds lists of rows, such as `{"train": […], "test": […]}`.

    Row by row, each with the line it starts at. The rows of a list in an object bear its name in a column `key`, unless
    it says no more than "data" does. They are objects; or, where the object begins with such a list or `header` is
    stated, lists (whose columns are those of `header`, else "0", "1", …) or texts (column `text`). What else the
    object holds is passed over. An object that holds no such list is one item.
    After a fault reading goes on at the next place that looks like the start of an item: an object at the indentation
    of those before or, where they share lines, with their first key. (Inner objects with that same first key then
    cannot be told from items.) Memory: a window of text, at most some times `max_chars`.
    """
    return document_rows(decode(chunks, encoding), encoding, header, max_chars)


def document_rows(texts: Iterator[str], encoding: str, header: Sequence[str] | None, max_chars: int) -> Iterator[Row]:
    """As `json_document`, of a text that is decoded already."""
    return _Document(texts, encoding, header, max_chars).rows()


class _Document:
    """Reads one JSON document and mends what it can; see `json_document`."""

    def __init__(self, texts: Iterator[str], encoding: str, header: Sequence[str] | None, max_chars: int) -> None:
        self._window = Window(texts, max_chars)
        self._encoding, self._header = encoding, header
        self._is_of_lists = header is not None
        self._starts = "{[" if header is not None else "{"  # how the rows of the present list may begin
        self._key: str | None = None  # the name of the present list
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
            if is_open or window.peek() not in (*self._starts.rstrip('"'), ",", "]"):
                yield self._resume(window.line, "text behind the end of the document")
            is_open = False
            yield from self._array(is_open)

    def _object(self) -> Iterator[Row]:
        """One object, read key by key so that the lists in it stream; the rest beside a list is passed over."""
        window = self._window
        line, value, text, is_wrapper = window.line, dict[str, Any](), "", False
        try:
            window.take("{")
            while not window.take("}"):
                is_first = not text and not is_wrapper
                if not is_first:
                    self._expect(",")
                key, key_text = self._name()
                if self._starts_rows(key, is_first):
                    is_wrapper = True
                    window.take("[")
                    self._key = None if key in _PLAIN_NAMES else key
                    yield from self._array(is_open=True)
                else:
                    value[key], value_text = window.value()
                    text += key_text + value_text
        except FaultError as fault:
            if is_wrapper and window.peek() in self._starts:  # a bracket too many ended the list before its time
                yield Reject(window.line, "not_json", str(fault), "")
            else:
                yield self._fault(line, fault)
            return
        if not is_wrapper:
            yield not_text(line, text, self._encoding) or Item(line, value)

    def _name(self) -> tuple[str, str]:
        if self._window.peek() != '"':
            raise FaultError(f"expected a key in double quotes at line {self._window.line}")
        key, text = self._window.value()
        self._expect(":")
        self._window.peek()
        return key, text

    def _expect(self, char: str) -> None:
        if not self._window.take(char):
            raise FaultError(f"expected '{char}' at line {self._window.line}")

    def _starts_rows(self, key: str, is_first: bool) -> bool:
        window = self._window
        if key in _INNER_LISTS:
            return False
        window.look_ahead(LOOK_BACK)
        found = _LIST_OF_ROWS.match(window.text, window.at)
        if found is None or (found[1] != "{" and not (is_first or self._is_of_lists)):
            return False
        self._is_of_lists = self._is_of_lists or found[1] != "{"
        self._starts = "{" if found[1] == "{" else "{" + found[1]
        return True

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
            if before == "item" and is_open and char in self._starts:
                yield Reject(window.line, "not_json", "a comma is missing before this item", char)
            item = self._item()
            before = "fault" if isinstance(item, Reject) and item.reason in _SKIPPED else "item"
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
            return self._fault(line, fault, indent)
        if not isinstance(value, dict) and window.peek() not in (",", "]", ""):
            return self._resume(line, "expected an object", indent)
        if len(self._openings) < 32 and (opening := self._opening(text, 0, indent)):
            self._openings[opening] = None
        if not text.isascii() and (bad := not_text(line, text, self._encoding)):
            return bad
        return element_row(line, value, text, self._starts, self._header, self._key)

    def _opening(self, text: str, at: int, indent: str | None) -> str | None:
        """A pattern of how the item at `at` begins: on a line of its own by the indentation, else by its first key.

        Of lists and texts that share lines only the end of them all is certain.
        """
        char = text[at : at + 1] if text[at : at + 1] in self._starts else "{"
        if indent is not None:
            return rf"(?<=\n{re.escape(indent)}){re.escape(char)}"
        if char != "{":
            return r"\]\s*[,}]"
        found = _OPENING.match(text, at)
        return r"\{\s*" + re.escape(found[1]) if found else None

    def _fault(self, line: int, fault: FaultError, indent: str | None = None) -> Reject:
        """The reject of a fault, behind which reading goes on."""
        if fault.text is None:
            return self._resume(line, str(fault), indent, fault.bound)
        return _reject(line, str(fault), fault.text, fault.bound)

    def _resume(self, line: int, detail: str, indent: str | None = None, bound: int | None = None) -> Reject:
        """Skip to the next start of an item; the reject that tells of it."""
        window = self._window
        starts = list(self._openings)
        if not starts:
            # The very first item is damaged: others may begin as it does, or it may not even begin well itself.
            window.look_ahead(64 * 1024)
            own = self._opening(window.text, window.at, indent) if self._tries < _OWN_TRIES else None
            self._tries += 1
            starts = [own] if own and re.compile(own).search(window.text, window.at + 1) else [r'\{\s*"']
        text = window.skip_to(re.compile("|".join(starts)))
        self._fell_off = not window.peek()
        where = "the end" if self._fell_off else f"line {window.line}"
        return _reject(line, f"{detail}; skipped to {where}", text.rstrip(), bound)


def _reject(line: int, detail: str, text: str, bound: int | None) -> Reject:
    if bound is None:
        return Reject(line, "not_json", detail, text)
    return Reject(line, "too_long", f"{detail} (raw_data.max_item_chars)", text, f"over {bound}", str(bound))
