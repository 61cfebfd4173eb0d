"""CSV and TSV: quoted fields, fields of several lines, and rows whose quotes or number of fields are wrong."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from assets.methods import rows
from assets.methods.rows import ANY_LINE_END, Item, Reject, Row, UnreadableError, Waste, decode, not_text, too_long


def separated(
    chunks: Iterable[bytes],
    delimiter: str = ",",
    header: Sequence[str] | None = None,
    encoding: str = "utf-8",
    max_chars: int = rows.MAX_ITEM_CHARS,
) -> Iterator[Row]:
    """CSV or TSV: quotes, and delimiters and line ends inside them; blank lines are passed over.

    `header` names the columns of a file that has no header line. A row with a field too many or too few is rejected,
    and so is a quote that does not close properly, at the cost of its first line alone, and a row that is the header
    (again), as joined files have it. Tab-separated files often hold quotes that mean nothing, as GLUE's: a line with
    the right number of tabs is taken as it stands where quoting fails, where each of the lines of "one" row has all
    fields, and where quotes are needed by nothing in them nor stand around every field of the file's first row.
    Raises `UnreadableError` for a header that cannot be one. Memory: one row.
    """
    csv.field_size_limit(max(csv.field_size_limit(), max_chars))
    lines = _RowLines(rows.lines(decode(chunks, encoding), ANY_LINE_END, max_chars), max_chars)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    names = _header(list(header), "") if header else None
    while (row := _next_row(reader, lines, delimiter, len(names) if names else None)) is not None:
        line, fields, fault, text = row
        bad = not_text(line, text, encoding)
        if names is None:
            names = _header(fields, fault or (bad.detail if bad else ""))
        elif bad or fault:
            yield bad or too_long(line, text, max_chars) or Reject(line, "not_csv", fault, text)
        elif len(fields) != len(names):
            detail = f"{len(fields)} fields where the header has {len(names)}"
            yield Reject(line, "wrong_field_count", detail, text)
        elif fields == names:
            detail = "the file has a header line; `header` need not be stated" if header else "the header line again"
            yield Reject(line, "header_line", detail, text)
        else:
            yield Item(line, dict(zip(names, fields, strict=True)))


def _header(fields: list[str], fault: str) -> list[str]:
    if fault:
        raise UnreadableError(f"the header line cannot be read: {fault}")
    if twice := sorted({name for name in fields if fields.count(name) > 1}):
        named = f"names the column '{twice[0]}' twice" if twice[0] else "has two columns without a name"
        raise UnreadableError(f"the header {named}; state `header` if the file has none")
    return fields


class _RowLines:
    """The lines of the present row, so that a row that cannot be right can be read again from its second line."""

    def __init__(self, lines: Iterator[str], max_chars: int) -> None:
        self._lines, self._again, self._max_chars = lines, deque[str](), max_chars
        self.taken: list[str] = []
        self.line = 1  # of the row's start
        self.is_quoted: bool | None = None  # whether every field of the first row is
        self._size = 0
        self._read, self._waste = 0, Waste()

    @property
    def is_cut(self) -> bool:
        """Whether the first line alone is too long, so that only its beginning is here."""
        return len(self.taken[0]) > self._max_chars

    def __iter__(self) -> _RowLines:
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.popleft()
        else:
            line = next(self._lines)
            self._read += len(line)
        self.taken.append(line)
        self._size += len(line)
        if self._size > self._max_chars:
            raise csv.Error("a quote is not closed, or the row is too long")
        return line

    def done(self, lines: int | None = None) -> None:
        """The row is read: all of its lines, or only the first `lines` of them."""
        used = len(self.taken) if lines is None else lines
        if used < len(self.taken):
            self._again.extendleft(reversed(self.taken[used:]))
            self._waste.add(self._size, self._read, self.line)
        self.line += used
        self.taken, self._size = [], 0


def _next_row(
    reader: Iterator[list[str]], lines: _RowLines, delimiter: str, width: int | None
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
        if delimiter == "\t" and ('"' in text or lines.is_quoted is None):
            plain = [taken.rstrip("\r\n").split("\t") for taken in lines.taken]
            if lines.is_quoted is None:
                lines.is_quoted = all(cell.startswith('"') for cell in plain[0])
            is_vain = not lines.is_quoted and len(plain) == 1 and '""' not in text
            is_several = len(plain) > 1 and all(len(cells) == width for cells in plain)
            if len(plain[0]) == width and (fault or is_vain or is_several) and not lines.is_cut:
                lines.done(1)
                return line, plain[0], "", text.partition("\n")[0]
        if fault:
            text = lines.taken[0]
            lines.done(1)
            return line, [], fault, text.rstrip("\r\n")
        lines.done()
        if fields:
            return line, fields, "", text.rstrip("\r\n")
