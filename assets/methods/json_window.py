"""A sliding window on a long JSON text: one value after the other, in bounded memory, and ways past damage."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from assets.methods import rows
from assets.methods.rows import Waste

# Far more than any training example, and far less than what Python's own parser stops at, which depends on the caller.
MAX_NESTING = 200
LOOK_BACK = 1000  # characters kept before the present place, for the indentation

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
# Brackets and strings; group 1 is "" where a string does not end.
_TOKEN = re.compile(r'[\[\]{}]|"[^"\\]*(?:\\.[^"\\]*)*("?)', re.DOTALL)
# These many brackets, and none behind them is an item of its own: so many stood around what was nested too deeply.
_INSIDE = re.compile(rf"(?:[^\[{{]*[\[{{]){{{MAX_NESTING}}}")


class FaultError(Exception):
    """A place where JSON ends to be JSON; says what was wrong, and at which line.

    `text`: of a value that is known to end, and that was passed over; None where its end is not known. `bound`: of
    characters, if that was missed.
    """

    def __init__(self, detail: str, text: str | None = None, bound: int | None = None) -> None:
        super().__init__(detail)
        self.text, self.bound = text, bound


def beyond(error: Exception) -> str:
    """What Python's parser means by an error that is none of JSON itself."""
    return "nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"


def check_nesting(value: Any, text: str) -> None:
    """Raise `RecursionError` beyond MAX_NESTING, so that it does not depend on how deep the caller already is."""
    if text.count("[") + text.count("{") <= MAX_NESTING:  # nearly all texts, at the cost of two scans
        return
    level = [value]
    for _ in range(MAX_NESTING):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise RecursionError


class Window:
    """A sliding window on a long text: what is left to read, and the line it stands on."""

    def __init__(self, texts: Iterator[str], max_chars: int = rows.MAX_ITEM_CHARS) -> None:
        self._texts, self._max_chars = texts, max_chars
        self.text, self.at, self.line = "", 0, 1
        self._read, self._waste = 0, Waste()
        self._may_close = True

    def fill(self) -> bool:
        """Read on, at least as much as is unread, so that trying again costs linear time in all. False = no more."""
        kept = self.text[max(0, self.at - LOOK_BACK) :]
        parts, unread = [kept], len(self.text) - self.at
        wanted = unread
        for text in self._texts:
            parts.append(text)
            self._read += len(text)
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
        """Go on to `to`, counting lines."""
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def peek(self) -> str:
        """The next character that is not white space, or "" at the end; moves there."""
        while True:
            char = self.text[self.at : self.at + 1]
            if char and char not in " \t\r\n":  # asked first: most often there is nothing to pass over
                return char
            if space := _SPACE.match(self.text, self.at):
                self.move(space.end())
            if self.at == len(self.text) and not self.fill():
                return ""

    def take(self, char: str) -> bool:
        """Whether `char` comes next; if so it is passed over."""
        if self.peek() != char:
            return False
        self.at += 1
        return True

    def indent(self) -> str | None:
        """The white space before the present place, if nothing else stands before it on its line."""
        before = self.text[max(0, self.at - LOOK_BACK) : self.at].rpartition("\n")
        return before[2] if before[1] and not before[2].strip() else None

    def value(self) -> tuple[Any, str]:
        """The JSON value that starts here, and its text; moves behind it. Raises `FaultError`."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
                text = self.text[self.at : end]
                check_nesting(value, text)
            except json.JSONDecodeError as error:
                # Near the window's end, or in a text without an end, the rest may only not have been read yet.
                may_be_cut = error.msg.startswith("Unterminated") or error.pos + 16 > len(self.text)
                unread = len(self.text) - self.at
                if may_be_cut and unread <= self._max_chars and self.fill():
                    continue
                self._waste.add(unread if may_be_cut else error.pos - self.at, self._read, self.line)
                if may_be_cut and unread > self._max_chars:
                    raise self._endless() from None
                line = self.line + self.text.count("\n", self.at, error.pos)
                fault = error.msg.removesuffix(" at")
                raise FaultError(f"{fault} at line {line}") from None
            except (ValueError, RecursionError) as error:
                raise FaultError(beyond(error), self._skip_value(isinstance(error, RecursionError))) from None
            if end == len(self.text) and not isinstance(value, (dict, list, str)) and self.fill():
                continue  # a number may go on
            self.move(end)
            if len(text) > self._max_chars:
                raise self._endless(text[:1000])
            return value, text

    def _endless(self, text: str | None = None) -> FaultError:
        return FaultError(f"no end within {self._max_chars:,} characters", text, self._max_chars)

    def _skip_value(self, is_deep: bool) -> str | None:
        """Move behind the value that starts here, going by its brackets alone; its text, or None if they never close.

        Where they do not, what `is_deep` is left by the brackets that surely stand around it.
        """
        depth, searched = 0, 0
        while self._may_close and self.text[self.at] in "[{":
            for found in _TOKEN.finditer(self.text, self.at + searched):
                if found[1] == "":
                    break  # the string may end in text not read yet
                depth += found[0] in ("[", "{")
                depth -= found[0] in ("]", "}")
                searched = found.end() - self.at
                if depth == 0:
                    text = self.text[self.at : self.at + searched]
                    self.move(self.at + searched)
                    return text
            # Searched in vain once: not again, which could be for every one of thousands of brackets.
            self._may_close = len(self.text) - self.at <= self._max_chars and self.fill()
        if is_deep and (inside := _INSIDE.match(self.text, self.at)):
            self.move(inside.end())
        return None

    def skip_to(self, pattern: re.Pattern[str]) -> str:
        """Move to the next match of `pattern` behind this place, or to the end; the beginning of what is skipped."""
        skipped, start = "", self.at + 1
        while not (found := pattern.search(self.text, start)):
            to = max(self.at, len(self.text) - LOOK_BACK)  # a match may begin here and end in text not read yet
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
