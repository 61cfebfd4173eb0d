"""Mentions: which rows' texts name which groups of people, by word lists that users may edit.

What belongs here: reading a word list's text, and finding its words in texts. What the mentions then say about a
selection is `rates`, `twins` and `association`. A list is lines of `group<TAB>word or phrase<TAB>slot`; a slot, which
is optional, is shared by the counterparts of different groups (he and she). `#` opens a comment. The group `-` holds
phrases that mention nobody though a listed word is in them (the "he" character in the Chinese word for "other").

Words count as whole words in any case; words in Chinese characters, wherever they are in the text. Where phrases
overlap, the longest counts. A word list knows neither irony nor context: it counts mentions, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from assets.errors import DataError

NOBODY = "-"

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[^\W_{_HAN}]+")
_SOME_HAN = re.compile(rf"[{_HAN}]")


@dataclass(frozen=True)
class Hit:
    """One mention: from character `start` to `end` of the lower-cased text, the group's number, and the term's slot."""

    start: int
    end: int
    group: int
    term: str
    slot: str


@dataclass(frozen=True)
class WordList:
    """The terms of the groups of one kind, such as gender; made by `read_words`."""

    name: str
    groups: tuple[str, ...]
    terms: dict[str, tuple[int, str]]
    """Term, in lower case and with single spaces: group's number (-1 = nobody) and slot ("" = none)."""
    _phrases: dict[str, tuple[tuple[str, ...], ...]] = field(repr=False, compare=False)
    _han: re.Pattern[str] | None = field(repr=False, compare=False)

    def hits(self, text: str) -> list[Hit]:
        """The mentions in a text, in order. Cost: linear in the text, about 1 microsecond a word."""
        lowered = text.lower()
        found: list[Hit] = []
        phrases, at = self._phrases, 0
        # Most texts mention nobody: places are worked out only for those that hold a phrase's first word.
        words = [] if phrases.keys().isdisjoint(_WORD.findall(lowered)) else list(_WORD.finditer(lowered))
        while at < len(words):
            length = 1
            for phrase in phrases.get(words[at].group(), ()):
                part = words[at : at + len(phrase)]
                if len(part) == len(phrase) and all(a.group() == b for a, b in zip(part, phrase, strict=True)):
                    length = len(phrase)
                    self._add(found, part[0].start(), part[-1].end(), " ".join(phrase))
                    break
            at += length
        if self._han is not None and _SOME_HAN.search(lowered):
            for match in self._han.finditer(lowered):
                self._add(found, match.start(), match.end(), match.group())
            found.sort(key=lambda hit: hit.start)
        return found

    def _add(self, found: list[Hit], start: int, end: int, term: str) -> None:
        group, slot = self.terms[term]
        if group >= 0:
            found.append(Hit(start, end, group, term, slot))


@dataclass(frozen=True)
class Mentions:
    """Who is mentioned in n texts; `members`: (n, g), whether text i mentions group j."""

    name: str
    groups: tuple[str, ...]
    members: npt.NDArray[np.bool_]

    def some(self) -> npt.NDArray[np.bool_]:
        """(n,): whether a text mentions any group."""
        return np.asarray(self.members.any(axis=1), dtype=np.bool_)

    def single(self) -> npt.NDArray[np.int64]:
        """(n,): the number of the only group a text mentions; -1 where it mentions none or several."""
        only = self.members.sum(axis=1) == 1
        return np.where(only, self.members.argmax(axis=1) if len(self.groups) else -1, -1).astype(np.int64)


def read_words(name: str, text: str, origin: str = "") -> WordList:
    """The word list in `text`; `origin` (default: name.tsv) is what errors call the file.

    Raises `DataError`, naming the line, for lines of another form, a term that is listed twice, or no groups.
    """
    origin = origin or f"{name}.tsv"
    groups: list[str] = []
    terms: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("\t")]
        if not 2 <= len(parts) <= 3 or not parts[0] or not parts[1]:
            raise DataError(f"{origin} line {number}: expected group, word and perhaps slot, separated by tabs")
        group, term = parts[0], " ".join(_pieces(parts[1]))
        if not term:
            raise DataError(f"{origin} line {number}: {parts[1]!r} has no letters to look for")
        if term in terms:
            raise DataError(f"{origin} line {number}: {term!r} is listed twice; a word belongs to one group")
        if group != NOBODY and group not in groups:
            groups.append(group)
        terms[term] = (-1 if group == NOBODY else groups.index(group), parts[2] if len(parts) == 3 else "")
    if not groups:
        raise DataError(f"{origin}: no groups; expected lines of group, word and perhaps slot, separated by tabs")
    return _compile(name, tuple(groups), terms)


def find_mentions(texts: Iterable[str | None], words: WordList) -> Mentions:
    """Which groups each text mentions; a null text mentions none. Cost: linear in the text."""
    rows: list[int] = []
    found: list[int] = []
    count = 0
    for row, text in enumerate(texts):
        count = row + 1
        for group in {hit.group for hit in words.hits(text or "")}:
            rows.append(row)
            found.append(group)
    members = np.zeros((count, len(words.groups)), dtype=np.bool_)
    members[rows, found] = True
    return Mentions(words.name, words.groups, members)


def neutral(text: str, words: WordList) -> str:
    """The text in lower case with every term that has a slot replaced by the slot: the same for counterparts.

    A text without such terms comes back as "".
    """
    lowered, parts, last = text.lower(), [], 0
    for hit in words.hits(text):
        if hit.slot:
            parts += [lowered[last : hit.start], f"\0{hit.slot}\0"]
            last = hit.end
    return "".join([*parts, lowered[last:]]) if parts else ""


def _pieces(term: str) -> Sequence[str]:
    lowered = term.lower()
    return [lowered.replace(" ", "")] if _SOME_HAN.search(lowered) else _WORD.findall(lowered)


def _compile(name: str, groups: tuple[str, ...], terms: dict[str, tuple[int, str]]) -> WordList:
    phrases: dict[str, list[tuple[str, ...]]] = {}
    han = [term for term in terms if _SOME_HAN.search(term)]
    for term in terms:
        if not _SOME_HAN.search(term):
            words = tuple(term.split(" "))
            phrases.setdefault(words[0], []).append(words)
    longest = {first: tuple(sorted(rest, key=lambda words: (-len(words), words))) for first, rest in phrases.items()}
    pattern = "|".join(re.escape(term) for term in sorted(han, key=lambda term: (-len(term), term)))
    return WordList(name, groups, terms, longest, re.compile(pattern) if han else None)
