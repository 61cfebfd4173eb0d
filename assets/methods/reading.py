"""Containers: bytes become items (one mapping of columns each) and rejects. What a column means is known to formats.

Everything streams: a reader holds one window of text, or the longest item, never the file. A fault costs the item it
stands in and nothing else; it becomes a `Reject` with its line. Only what makes the whole file useless is raised.

Tolerant by choice, as Python's own JSON parser: NaN and Infinity are numbers; of two equal keys the last one counts.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

# Longer than any training example; it bounds the memory that an unclosed quote or bracket can cost.
MAX_ITEM_CHARS = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a file: its columns, and the line (or row of a table) it starts at, counted from 1."""

    line: int
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reject:
    """What could not be read: where it starts, a short countable reason, one sentence, and the text itself."""

    line: int
    reason: str
    detail: str
    text: str


Row = Item | Reject


class UnreadableError(ValueError):
    """The whole input is of no use; says why in one sentence."""


# -- text ------------------------------------------------------------------------------------------------------------

# A byte that is no text in the stated encoding becomes one of these lone surrogates, as with `surrogateescape`, which
# however gives up on bytes under 128 (gb18030 and utf-16 can meet those). No decoder yields them otherwise.
_KEEP_BYTES = "pickwise.keep-bytes"
_KEPT_BYTE = re.compile("[\udc00-\udcff]")


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_KEEP_BYTES, _keep_bytes)


def decode(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Text of `chunks` without a byte order mark; a byte that is no text in `encoding` is kept as a lone surrogate."""
    decoder = codecs.getincrementaldecoder(encoding)(errors=_KEEP_BYTES)
    is_start = True
    for chunk in chunks:
        text = decoder.decode(chunk)
        if text:
            yield text.removeprefix("\ufeff") if is_start else text
            is_start = False
    yield decoder.decode(b"", final=True)


def _not_text(line: int, text: str, encoding: str) -> Reject | None:
    if text.isascii() or not (found := _KEPT_BYTE.search(text)):
        return None
    detail = (
        f"byte 0x{ord(found[0]) - 0xDC00:02x} at character {found.start() + 1} is not {encoding}; "
        "state the `encoding` of the file, such as latin-1 or gb18030"
    )
    return Reject(line, "not_text", detail, _KEPT_BYTE.sub(lambda m: f"\\x{ord(m[0]) - 0xDC00:02x}", text))


def _lines(texts: Iterable[str], ending: str = r"\n") -> Iterator[str]:
    """Lines with their endings. Only real line ends count: a JSON string may hold U+2028, which `splitlines` splits."""
    # Of a line beyond the limit only so much is kept that its reader sees that it is too long.
    pattern = re.compile(ending)
    rest = ""
    for text in texts:
        rest += text
        start = 0
        for found in pattern.finditer(rest):
            if found.end() == len(rest) and found[0] == "\r":
                break  # its "\n" may be in the next piece of text
            yield rest[start : min(found.end(), start + MAX_ITEM_CHARS + 1)]
            start = found.end()
        rest = rest[start : start + MAX_ITEM_CHARS + 1]
    if rest:
        yield rest


def _too_long(line: int, text: str) -> Reject | None:
    if len(text) <= MAX_ITEM_CHARS:
        return None
    return Reject(line, "too_long", f"longer than {MAX_ITEM_CHARS:,} characters", text[:1000])


# -- JSON ------------------------------------------------------------------------------------------------------------

_DECODER = json.JSONDecoder()
# A lone object that holds one of these lists is itself a record, not a wrapper around records.
_TURN_LISTS = frozenset({"messages", "conversations", "prompt", "completion", "history"})


def json_lines(chunks: Iterable[bytes], encoding: str = "utf-8") -> Iterator[Row]:
    """JSON Lines: one object a line; blank lines are passed over. Memory: one line."""
    return _json_lines(_lines(decode(chunks, encoding)), encoding)


def json_document(chunks: Iterable[bytes], encoding: str = "utf-8") -> Iterator[Row]:
    """A JSON array of objects, or one object that holds exactly one list of objects, such as `{"data": [...]}`.

    Item by item, each with the line it starts at. After a fault reading goes on at the next place that looks like the
    start of an item: an object at the indentation of those before or, where they share lines, with their first key.
    (Inner objects with that same first key then cannot be told from items.) An object that holds no list of objects is
    one item. Raises `UnreadableError` for an object that holds two lists. Memory: a window of text.
    """
    return _Document(decode(chunks, encoding), encoding).rows()


def json_items(chunks: Iterable[bytes], encoding: str = "utf-8", lines: bool = False) -> Iterator[Row]:
    """JSON of either kind, as the first two lines tell: one object a line, or a document.

    `lines`: one object a line is expected, so that in doubt it is that; an only line is an item, never a wrapper.
    """
    texts = decode(chunks, encoding)
    head: list[str] = []
    for text in texts:
        head.append(text)
        begin = "".join(head).lstrip()
        # The first two lines decide, as soon as both are there; a huge first line is that of a document.
        if begin.startswith("[") or begin.count("\n") > 1 or len(begin) > MAX_ITEM_CHARS:
            break
    beginning = "".join(head)
    rest = itertools.chain([beginning], texts)
    if _holds_lines(beginning, lines):
        yield from _json_lines(_lines(rest), encoding)
    else:
        yield from _Document(rest, encoding).rows()


def _holds_lines(beginning: str, only_line: bool) -> bool:
    begin = beginning.lstrip()
    if begin.startswith("["):
        return False
    first, _, others = begin[: MAX_ITEM_CHARS + 1].partition("\n")
    second = others.lstrip().partition("\n")[0]
    is_cut = first.rstrip().endswith(("[", "{", ",", ":"))
    if only_line:
        return not is_cut or _is_object(second)
    return bool(second) if _is_object(first) else _is_object(second) and not is_cut


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _json_lines(lines: Iterable[str], encoding: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if line and not line.isspace():
            yield _too_long(number, line) or _not_text(number, line, encoding) or _json_line(number, line)


def _json_line(number: int, line: str) -> Row:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return Reject(number, "not_json", f"{error.msg} at character {error.pos + 1}", line.rstrip())
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        return Reject(number, "not_json", _beyond(error), line.rstrip())
    return _object_or_reject(number, value, line.rstrip())


def _beyond(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"


def _object_or_reject(line: int, value: Any, text: str) -> Row:
    if isinstance(value, dict):
        return Item(line, value)
    kind = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
    return Reject(line, "not_an_object", f"expected an object with named columns, not {kind}", text)


class _FaultError(Exception):
    """A place where JSON ends to be JSON; says what was wrong, and at which line."""


_SPACE = re.compile(r"[ \t\r\n]*")
_OPENING = re.compile(r'\{\s*("(?:[^"\\\n]|\\.)*")')
_LIST_OF_OBJECTS = re.compile(r"\[\s*\{")
_LOOK_BACK = 1000  # characters kept before the present place, for the indentation


class _Window:
    """A sliding window on a long text: what is left to read, and the line it stands on."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self.text, self.at, self.line = "", 0, 1

    def fill(self) -> bool:
        """Read on, at least as much as is unread, so that trying again costs linear time in all. False = no more."""
        kept = self.text[max(0, self.at - _LOOK_BACK) :]
        parts, unread = [kept], len(self.text) - self.at
        wanted = unread
        for text in self._texts:
            parts.append(text)
            wanted -= len(text)
            if text and wanted <= 0:
                break
        self.text, self.at = "".join(parts), len(kept) - unread
        return len(self.text) > len(kept)

    def look_ahead(self, count: int) -> None:
        """Have at least `count` characters to read, or all there are."""
        while len(self.text) - self.at < count and self.fill():
            pass

    def move(self, to: int) -> None:
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def peek(self) -> str:
        """The next character that is not white space, or "" at the end; moves there."""
        while True:
            if space := _SPACE.match(self.text, self.at):
                self.move(space.end())
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.fill():
                return ""

    def take(self, char: str) -> bool:
        """Whether `char` comes next; if so it is passed over."""
        if self.peek() != char:
            return False
        self.move(self.at + 1)
        return True

    def indent(self) -> str | None:
        """The white space before the present place, if nothing else stands before it on its line."""
        before = self.text[max(0, self.at - _LOOK_BACK) : self.at].rpartition("\n")
        return before[2] if before[1] and not before[2].strip() else None

    def value(self) -> tuple[Any, str]:
        """The JSON value that starts here, and its text; moves behind it. Raises `_FaultError`."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                # Near the window's end, or in a text without an end, the rest may only not have been read yet.
                may_be_cut = error.msg.startswith("Unterminated") or error.pos + 16 > len(self.text)
                if may_be_cut and len(self.text) - self.at <= MAX_ITEM_CHARS and self.fill():
                    continue
                line = self.line + self.text.count("\n", self.at, error.pos)
                raise _FaultError(f"{error.msg} at line {line}") from None
            except (ValueError, RecursionError) as error:
                raise _FaultError(_beyond(error)) from None
            if end == len(self.text) and not isinstance(value, (dict, list, str)) and self.fill():
                continue  # a number may go on
            text = self.text[self.at : end]
            self.move(end)
            return value, text

    def skip_to(self, pattern: re.Pattern[str]) -> str:
        """Move to the next match of `pattern` behind this place, or to the end; the beginning of what is skipped."""
        skipped, start = "", self.at + 1
        while not (found := pattern.search(self.text, start)):
            to = max(self.at, len(self.text) - _LOOK_BACK)  # a match may begin here and end in text not read yet
            skipped += self.text[self.at : to][: 1000 - len(skipped)]
            searched = max(start - to, 0)
            self.move(to)
            if not self.fill():
                break
            start = self.at + searched
        to = found.start() if found else len(self.text)
        skipped += self.text[self.at : to][: 1000 - len(skipped)]
        self.move(to)
        return skipped


class _Document:
    """Reads one JSON document and mends what it can; see `json_document`."""

    def __init__(self, texts: Iterator[str], encoding: str) -> None:
        self._window = _Window(texts)
        self._encoding = encoding
        self._openings: dict[str, None] = {}  # patterns of how the items met so far begin
        self._fell_off = False  # skipping a damaged item led to the end, so the closing bracket may be skipped too

    def rows(self) -> Iterator[Row]:
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
        except _FaultError as fault:
            yield self._resume(line, str(fault))
            return
        if wrapped is None:
            yield _not_text(line, text, self._encoding) or Item(line, value)

    def _key(self) -> tuple[str, str]:
        if self._window.peek() != '"':
            raise _FaultError(f"expected a key in double quotes at line {self._window.line}")
        key, text = self._window.value()
        self._expect(":")
        self._window.peek()
        return key, text

    def _expect(self, char: str) -> None:
        if not self._window.take(char):
            raise _FaultError(f"expected '{char}' at line {self._window.line}")

    def _list_of_objects_starts(self) -> bool:
        window = self._window
        window.look_ahead(_LOOK_BACK)
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
        except _FaultError as fault:
            return self._resume(line, str(fault), indent)
        if not isinstance(value, dict) and window.peek() not in (",", "]", ""):
            return self._resume(line, "expected an object", indent)
        if len(self._openings) < 32 and (opening := _opening(text, 0, indent)):
            self._openings[opening] = None
        return _not_text(line, text, self._encoding) or _object_or_reject(line, value, text)

    def _resume(self, line: int, detail: str, indent: str | None = None) -> Reject:
        """Skip to the next start of an item; the reject that tells of it."""
        window = self._window
        starts = list(self._openings)
        if not starts:
            # The very first item is damaged: others may begin as it does, or it may not even begin well itself.
            window.look_ahead(64 * 1024)
            own = _opening(window.text, window.at, indent)
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


# -- tables ----------------------------------------------------------------------------------------------------------


class _CsvLines:
    """The lines of the present row, so that a row that cannot be right can be read again from its second line."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._again = lines, deque[str]()
        self.taken: list[str] = []
        self.line = 1  # of the row's start
        self._size = 0

    def __iter__(self) -> _CsvLines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        self._size += len(line)
        if self._size > MAX_ITEM_CHARS:
            raise csv.Error("a quote is not closed, or the row is too long")
        return line

    def done(self, lines: int | None = None) -> None:
        """The row is read: all of its lines, or only the first `lines` of them."""
        used = len(self.taken) if lines is None else lines
        self._again.extendleft(reversed(self.taken[used:]))
        self.line += used
        self.taken, self._size = [], 0


def separated(
    chunks: Iterable[bytes], delimiter: str = ",", header: Sequence[str] | None = None, encoding: str = "utf-8"
) -> Iterator[Row]:
    """CSV or TSV: quotes, and delimiters and line ends inside them; blank lines are passed over.

    `header` names the columns of a file that has no header line. A row with a field too many or too few is rejected,
    and so is a quote that does not close properly, at the cost of its first line alone. Tab-separated files often hold
    quotes that mean nothing: where quoting fails, a line with the right number of tabs is taken as it stands; so is
    one of several lines in "one" row that each have all fields.
    Raises `UnreadableError` for a header that cannot be one. Memory: one row.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ITEM_CHARS))
    lines = _CsvLines(_lines(decode(chunks, encoding), r"\r\n|\n|\r"))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    names = list(header) if header else None
    is_stated = bool(header)
    while (row := _next_row(reader, lines, delimiter, len(names) if names else None)) is not None:
        line, fields, fault, text = row
        bad = _not_text(line, text, encoding)
        if names is None:
            names = _header(fields, fault or (bad.detail if bad else ""))
        elif bad or fault:
            yield bad or Reject(line, "not_csv", fault, text)
        elif len(fields) != len(names):
            detail = f"{len(fields)} fields where the header has {len(names)}"
            yield Reject(line, "wrong_field_count", detail, text)
        elif is_stated and fields == names:
            yield Reject(line, "header_line", "the file has a header line; `header` need not be stated", text)
        else:
            yield Item(line, dict(zip(names, fields, strict=True)))


def _header(fields: list[str], fault: str) -> list[str]:
    if fault:
        raise UnreadableError(f"the header line cannot be read: {fault}")
    if twice := sorted({name for name in fields if fields.count(name) > 1}):
        raise UnreadableError(f"the header names the column '{twice[0]}' twice; state `header` if the file has none")
    return fields


def _next_row(
    reader: Iterator[list[str]], lines: _CsvLines, delimiter: str, width: int | None
) -> tuple[int, list[str], str, str] | None:
    """The next row that is not blank: its line, fields, what is wrong with its quotes, and its text."""
    while True:
        fault, fields = "", []
        try:
            fields = next(reader)
        except StopIteration:
            return None
        except csv.Error as error:
            fault = str(error)
        line, text = lines.line, "".join(lines.taken)
        if delimiter == "\t" and width and (fault or len(lines.taken) > 1):
            plain = [taken.rstrip("\r\n").split("\t") for taken in lines.taken]
            if len(plain[0]) == width and (fault or all(len(cells) == width for cells in plain)):
                lines.done(1)
                return line, plain[0], "", text.partition("\n")[0]
        if fault:
            text = lines.taken[0]
            lines.done(1)
            return line, [], fault, text.rstrip("\r\n")
        lines.done()
        if fields:
            return line, fields, "", text.rstrip("\r\n")


def label_lines(chunks: Iterable[bytes], encoding: str = "utf-8") -> Iterator[Row]:
    """`LABEL text`, one a line. With `COARSE:fine text` (as TREC) `label` is COARSE and `label_fine` COARSE:fine."""
    for number, line in enumerate(_lines(decode(chunks, encoding)), 1):
        text = line.strip(" \t\r\n")
        if text:
            yield _too_long(number, line) or _not_text(number, text, encoding) or _labelled(number, text)


def _labelled(number: int, line: str) -> Row:
    label, *others = re.split(r"[ \t]+", line, maxsplit=1)
    if not others:
        return Reject(number, "missing_field", "no text behind the label", line)
    coarse, _, fine = label.partition(":")
    if coarse and fine and ":" not in fine:
        return Item(number, {"label": coarse, "label_fine": label, "text": others[0]})
    return Item(number, {"label": label, "text": others[0]})


def parquet(file: str | BinaryIO | pa.NativeFile, rows: int = 1000) -> Iterator[Row]:
    """The rows of a Parquet file; `line` is a row's number. Memory: a row group. Raises `UnreadableError`."""
    try:
        with pq.ParquetFile(file) as table:
            names = table.schema_arrow.names
            if len(set(names)) < len(names):
                raise UnreadableError("two columns bear the same name")
            start = 1
            for batch in table.iter_batches(batch_size=rows):
                yield from arrow_rows(batch, start)
                start += batch.num_rows
    except pa.ArrowException as error:
        raise UnreadableError(f"damaged or not Parquet: {str(error).splitlines()[0]}") from None


def arrow_rows(batch: pa.RecordBatch | pa.Table, start: int) -> Iterator[Row]:
    """The rows of a batch as items numbered from `start`; a row that has no value in Python is rejected alone."""
    try:
        values = batch.to_pylist()
    except (ValueError, OverflowError) as error:  # text that is not UTF-8, a date beyond Python's
        if batch.num_rows > 1:
            for i in range(batch.num_rows):
                yield from arrow_rows(batch.slice(i, 1), start + i)
        else:
            reason = "not_text" if isinstance(error, UnicodeDecodeError) else "wrong_type"
            yield Reject(start, reason, str(error), "")
        return
    for i, value in enumerate(values):
        yield Item(start + i, value)
