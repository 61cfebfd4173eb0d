"""Containers: bytes become items (one mapping of columns each) and rejects. What a column means is known to formats.

JSON of either kind, lines of text and Parquet; the other containers have modules of their own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from assets.methods import rows
from assets.methods.json_document import document_rows
from assets.methods.json_rows import is_list, is_object, json_line
from assets.methods.rows import ANY_LINE_END, Item, Reject, Row, UnreadableError, decode, not_text, too_long


def json_lines(
    chunks: Iterable[bytes],
    encoding: str = "utf-8",
    header: Sequence[str] | None = None,
    max_chars: int = rows.MAX_ITEM_CHARS,
) -> Iterator[Row]:
    """JSON Lines: one object (or, with `header`, list) a line; blank lines are passed over. Memory: one line."""
    return _json_lines(decode(chunks, encoding), encoding, header, max_chars)


def json_items(
    chunks: Iterable[bytes],
    encoding: str = "utf-8",
    lines: bool = False,
    header: Sequence[str] | None = None,
    max_chars: int = rows.MAX_ITEM_CHARS,
) -> Iterator[Row]:
    """JSON of either kind, as the first two lines tell: one object a line, or a document.

    `lines`: one object a line is expected, so that in doubt it is that; an only line is an item, never a wrapper.
    """
    texts = decode(chunks, encoding)
    head: list[str] = []
    size = 0
    for text in texts:
        head.append(text)
        size += len(text)
        begin = "".join(head).lstrip()
        # The first two lines decide, as soon as both are there; a huge first line is that of a document.
        is_array = begin.startswith("[") and header is None and not lines
        if is_array or begin.count("\n") > 1 or size > max_chars:
            break
    beginning = "".join(head)
    rest = itertools.chain([beginning], texts)
    read = _json_lines if _holds_lines(beginning, lines, header is not None, max_chars) else document_rows
    yield from read(rest, encoding, header, max_chars)


def _holds_lines(beginning: str, only_line: bool, takes_lists: bool, max_chars: int) -> bool:
    begin = beginning.lstrip()
    first, _, others = begin[: max_chars + 1].partition("\n")
    second = others.lstrip().partition("\n")[0]
    if begin.startswith("["):
        # Nothing follows a document that ends on its first line.
        return bool(second) and (only_line or takes_lists) and is_list(first)
    is_cut = first.rstrip().endswith(("[", "{", ",", ":"))
    if only_line:
        is_open = first.rstrip() == "{" and not second.startswith(('"', "}"))
        return not is_cut or is_open or is_object(second)
    return bool(second) if is_object(first) else is_object(second) and not is_cut


def _json_lines(texts: Iterable[str], encoding: str, header: Sequence[str] | None, max_chars: int) -> Iterator[Row]:
    for number, line in enumerate(rows.lines(texts, max_chars=max_chars), 1):
        if len(line) > max_chars and (bad := too_long(number, line, max_chars)):
            yield bad
        elif line and not line.isspace():
            bad = None if line.isascii() else not_text(number, line, encoding)
            yield bad or json_line(number, line, header)


def text_lines(chunks: Iterable[bytes], encoding: str = "utf-8", max_chars: int = rows.MAX_ITEM_CHARS) -> Iterator[Row]:
    """Plain text: each line, without its end, is the column `text` of an item; blank lines are passed over."""
    for number, line in enumerate(rows.lines(decode(chunks, encoding), ANY_LINE_END, max_chars), 1):
        text = line.rstrip("\r\n")
        if text and not text.isspace():
            yield too_long(number, line, max_chars) or not_text(number, text, encoding) or Item(number, {"text": text})


def label_lines(
    chunks: Iterable[bytes], encoding: str = "utf-8", max_chars: int = rows.MAX_ITEM_CHARS
) -> Iterator[Row]:
    """`LABEL text`, one a line. With `COARSE:fine text` (as TREC) `label` is COARSE and `label_fine` COARSE:fine."""
    for number, line in enumerate(rows.lines(decode(chunks, encoding), ANY_LINE_END, max_chars), 1):
        text = line.strip(" \t\r\n")
        if bad := too_long(number, line, max_chars):
            yield bad
        elif text:
            yield not_text(number, text, encoding) or _labelled(number, text)


def _labelled(number: int, line: str) -> Row:
    label, *others = re.split(r"[ \t]+", line, maxsplit=1)
    if not others:
        return Reject(number, "missing_field", "no text behind the label", line)
    coarse, _, fine = label.partition(":")
    if coarse and fine and ":" not in fine:
        return Item(number, {"label": coarse, "label_fine": label, "text": others[0]})
    return Item(number, {"label": label, "text": others[0]})


def parquet(file: str | BinaryIO | pa.NativeFile, size: int = 1000) -> Iterator[Row]:
    """The rows of a Parquet file, `size` at a time; `line` is a row's number. Memory: a row group.

    Raises `UnreadableError`. Damage is noticed where the file has checksums or does not add up, which is not always.
    """
    try:
        with pq.ParquetFile(file, page_checksum_verification=True) as table:
            names = table.schema_arrow.names
            if len(set(names)) < len(names):
                raise UnreadableError("two columns bear the same name")
            start = 1
            for batch in table.iter_batches(batch_size=size):
                yield from arrow_rows(batch, start)
                start += batch.num_rows
    except (pa.ArrowException, UnicodeDecodeError) as error:  # the latter: names of columns that are no text
        raise UnreadableError(f"damaged or not Parquet: {_first_line(error)}") from None


def arrow_rows(batch: pa.RecordBatch | pa.Table, start: int) -> Iterator[Row]:
    """The rows of a batch as items numbered from `start`; a row that has no value in Python is rejected alone."""
    try:
        values = batch.to_pylist()
    # Text that is not UTF-8, a date beyond Python's, a time zone that nobody knows.
    except (ValueError, OverflowError, LookupError, NotImplementedError) as error:
        if batch.num_rows > 1:
            for i in range(batch.num_rows):
                yield from arrow_rows(batch.slice(i, 1), start + i)
        else:
            reason = "not_text" if isinstance(error, UnicodeDecodeError) else "wrong_type"
            yield Reject(start, reason, f"{type(error).__name__}: {_first_line(error)}", "")
        return
    for i, value in enumerate(values):
        yield Item(start + i, value)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
