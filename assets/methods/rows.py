"""What every reader of a container shares: items and rejects, and bytes as text and as lines.

Everything streams, and nothing is dropped unseen: a fault costs the item it stands in and becomes a `Reject` with its
line. Only what makes a whole file useless is raised, as `UnreadableError`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

# Longer than any training example; it bounds the memory that an unclosed quote or bracket can cost. Settings may ask
# for less.
MAX_ITEM_CHARS = 16 * 2**20
# What is read in vain (a quote that never closes, then all of it again) may be this many times what was read, and some.
# Real damage stays far below it; without it a small hostile file could cost hours.
_MAX_WASTE, _FREE_WASTE = 8, 64 * 2**20


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a file: its columns, and the line (or row of a table) it starts at, counted from 1."""

    line: int
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reject:
    """What could not be read: where it starts, a short countable reason, one sentence, and the text itself.

    Where a bound was missed, also what was found, and the bound. `step` is what left it out.
    """

    line: int
    reason: str
    detail: str
    text: str
    value: str | None = None
    threshold: str | None = None
    step: str = "reading"


Row = Item | Reject


class UnreadableError(ValueError):
    """The whole input is of no use; says why in one sentence."""


class Waste:
    """Counts the characters that were read in vain; too many of them, and the file is given up."""

    def __init__(self) -> None:
        self._wasted = 0

    def add(self, chars: int, of: int, line: int) -> None:
        """Count `chars` of the `of` characters read so far. Raises `UnreadableError` at `line` if it is hopeless."""
        self._wasted += chars
        if self._wasted > _FREE_WASTE + _MAX_WASTE * of:
            raise UnreadableError(f"damaged in too many places to be mended, at line {line}")


# A byte that is no text in the stated encoding becomes one of these lone surrogates, as with `surrogateescape`, which
# however gives up on bytes under 128 (gb18030 and utf-16 can meet those). No decoder yields them otherwise.
_KEEP_BYTES = "pickwise.keep-bytes"
_KEPT_BYTE = re.compile("[\udc00-\udcff]")

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WIDE = ("utf-16", "utf-32")  # how the names of Python's encodings with wide characters begin


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_KEEP_BYTES, _keep_bytes)


def decode(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Text of `chunks` without a byte order mark; a byte that is no text in `encoding` is kept as a lone surrogate.

    Raises `UnreadableError` where the first bytes tell of another encoding, or the encoding cannot be read in pieces.
    """
    codec = codecs.lookup(encoding)
    decoder = codecs.getincrementaldecoder(encoding)(errors=_KEEP_BYTES)
    is_start, is_wide = True, codec.name.startswith(_WIDE)
    try:
        for chunk in chunks:
            if is_start and not is_wide:
                _check_width(chunk, encoding)
            text = decoder.decode(chunk)
            if text:
                yield text.removeprefix("\ufeff") if is_start else text
                is_start = False
        yield decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise UnreadableError(f"cannot be read as {encoding} ({error}); state the `encoding` of the file") from None


def _check_width(chunk: bytes, encoding: str) -> None:
    for mark, name in _MARKS.items():
        if chunk.startswith(mark):
            raise UnreadableError(f"begins as {name} does, not {encoding}; state `encoding: {name}`")
    if len(chunk) >= 4 and (zeros := [i for i in range(4) if not chunk[i]]) in ([1, 3], [0, 2]):
        name = "utf-16-le" if zeros == [1, 3] else "utf-16-be"
        raise UnreadableError(f"every other byte is zero, as in {name}; state the `encoding` of the file")


def not_text(line: int, text: str, encoding: str) -> Reject | None:
    """The reject of a text that holds bytes which `decode` could not read, else None."""
    if text.isascii() or not (found := _KEPT_BYTE.search(text)):
        return None
    detail = (
        f"byte 0x{ord(found[0]) - 0xDC00:02x} at character {found.start() + 1} is not {encoding}; "
        "state the `encoding` of the file, such as latin-1 or gb18030"
    )
    return Reject(line, "not_text", detail, _KEPT_BYTE.sub(lambda m: f"\\x{ord(m[0]) - 0xDC00:02x}", text))


def too_long(line: int, text: str, max_chars: int, chars: int | None = None) -> Reject | None:
    """The reject of a text beyond `max_chars`, of which only the beginning is kept, else None.

    `chars`: the length, where it is known to the end; a reader stops counting once a text is too long.
    """
    if len(text) <= max_chars and (chars or 0) <= max_chars:
        return None
    value = f"over {max_chars}" if chars is None else str(chars)
    detail = f"longer than {max_chars:,} characters (raw_data.max_item_chars)"
    return Reject(line, "too_long", detail, text[:1000], value, str(max_chars))


LINE_FEED = re.compile(r"\n")
ANY_LINE_END = re.compile(r"\r\n|\n|\r")


def lines(texts: Iterable[str], ending: re.Pattern[str] = LINE_FEED, max_chars: int = MAX_ITEM_CHARS) -> Iterator[str]:
    """Lines with their endings, LINE_FEED or ANY_LINE_END.

    Only real line ends count: a JSON string may hold U+2028, which `splitlines` splits. A byte order mark at the start
    of a line, as joined files have it, is left out. Of a line beyond `max_chars` only so much is kept that `too_long`
    sees it. Memory: one line and one piece of text.
    """
    parts: list[str] = []
    size, held = 0, ""
    for piece in texts:
        text = held + piece
        held = "\r" if ending is ANY_LINE_END and text.endswith("\r") else ""  # its "\n" may be in the next piece
        text = text[: len(text) - len(held)]
        start = 0
        for found in ending.finditer(text):
            parts.append(text[start : min(found.end(), start + max_chars + 1 - size)])
            yield _joined(parts)
            start, size = found.end(), 0
        if start < len(text) and size <= max_chars:
            parts.append(text[start : start + max_chars + 1 - size])
            size += len(parts[-1])
    if parts or held:
        parts.append(held)
        yield _joined(parts)


def _joined(parts: list[str]) -> str:
    line = parts[0] if len(parts) == 1 else "".join(parts)
    parts.clear()
    return line[1:] if line.startswith("\ufeff") else line
