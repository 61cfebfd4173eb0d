"""The steps that judge by the characters of a text: shares of a script, of symbols and of digits, and bare URLs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge, Le

from assets.methods.cleaning import characters
from assets.methods.cleaning.steps import Columns, Faults, Measuring, Part, Said, part_of
from assets.methods.cleaning.utf8 import edit, mask
from assets.methods.conversations import Conversations

Share = Annotated[float, Ge(0), Le(1)]


def share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> pa.Array:
    """(n,) part / whole, null where the whole is nothing."""
    missing = whole == 0
    return pa.array(part / np.maximum(whole, 1), pa.float64(), mask=missing)


def too_high(column: pa.Array, bound: float, reason: str, what: str) -> Faults:
    """A fault for every share over the bound; `what` follows the share in the sentence."""

    def say(value: float) -> Said:
        return reason, f"{value:.1%} of {what}; expected at most {bound:.1%}", f"{value:.4f}", f"at most {bound:g}"

    return Faults.where(pc.greater(column, bound), column, say)


def too_low(column: pa.Array, bound: float, reason: str, what: str) -> Faults:
    """A fault for every share under the bound; `what` follows the share in the sentence."""

    def say(value: float) -> Said:
        return reason, f"{value:.1%} of {what}; expected at least {bound:.1%}", f"{value:.4f}", f"at least {bound:g}"

    return Faults.where(pc.less(column, bound), column, say)


@dataclass(frozen=True)
class ScriptShare(Measuring):
    """Drops texts in which too few (`too_little_script`) or too many (`too_much_script`) letters belong to a script.

    Statistic: letters of the script / all letters of the text, 0 to 1; null without a letter. Japanese mixes Han,
    Hiragana and Katakana, so ask for each by itself. May be listed several times. Not in the default list.
    """

    name: ClassVar[str] = "script"
    script: characters.Script
    min: Share | None = None
    max: Share | None = None
    of: Part = "conversation"

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ValueError("expected min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"expected min ({self.min:g}) to be at most max ({self.max:g})")

    @property
    def _column(self) -> str:
        return f"{self.script.lower()}_share_{self.of}"

    def statistics(self) -> dict[str, pa.DataType]:
        return {self._column: pa.float64()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: one pass over the bytes."""
        counts = characters.count(part_of(batch, self.of))
        place = characters.SCRIPT + characters.SCRIPTS.index(self.script)
        return {self._column: share(counts[:, place], counts[:, characters.LETTER :].sum(axis=1))}

    def judge(self, columns: Columns) -> Faults:
        column, what = columns[self._column], f"the letters of the {self.of} are {self.script}"
        found = []
        if self.min is not None:
            found.append(too_low(column, self.min, "too_little_script", what))
        if self.max is not None:
            found.append(too_high(column, self.max, "too_much_script", what))
        return Faults.joined(*found)


@dataclass(frozen=True)
class Symbols(Measuring):
    """Drops texts with too large a share of symbols and punctuation (`too_many_symbols`).

    Statistic: characters of the Unicode categories P and S / characters that are no white space, 0 to 1; null for a
    text of white space. Prose has about .03, code .15 to .3. Not in the default list.
    """

    name: ClassVar[str] = "symbols"
    max: Share = 0.5
    of: Part = "conversation"

    @property
    def _column(self) -> str:
        return f"symbol_share_{self.of}"

    def statistics(self) -> dict[str, pa.DataType]:
        return {self._column: pa.float64()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: one pass over the bytes."""
        return {self._column: _share_of(characters.SYMBOL, batch, self.of)}

    def judge(self, columns: Columns) -> Faults:
        return too_high(columns[self._column], self.max, "too_many_symbols", f"the {self.of} is symbols")


@dataclass(frozen=True)
class Digits(Measuring):
    """Drops texts with too large a share of digits (`too_many_digits`).

    Statistic: characters of the Unicode category N / characters that are no white space, 0 to 1; null for a text of
    white space. The answer to a sum is all digits. Not in the default list.
    """

    name: ClassVar[str] = "digits"
    max: Share = 0.5
    of: Part = "conversation"

    @property
    def _column(self) -> str:
        return f"digit_share_{self.of}"

    def statistics(self) -> dict[str, pa.DataType]:
        return {self._column: pa.float64()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: one pass over the bytes."""
        return {self._column: _share_of(characters.DIGIT, batch, self.of)}

    def judge(self, columns: Columns) -> Faults:
        return too_high(columns[self._column], self.max, "too_many_digits", f"the {self.of} is digits")


def _share_of(kind: int, batch: Conversations, part: Part) -> pa.Array:
    counts = characters.count(part_of(batch, part))
    return share(counts[:, kind], counts.sum(axis=1) - counts[:, characters.SPACE])


_URL = r"(?i)(?:https?://|ftp://|www\.)[^\s<>\"]+"


@dataclass(frozen=True)
class UrlOnly(Measuring):
    """Drops texts that are nothing but URLs, marks such as bullets aside (`url_only`).

    Statistic: whether the text has a URL, and not one letter or digit beside its URLs. Not in the default list.
    """

    name: ClassVar[str] = "url_only"
    of: Part = "answer"

    @property
    def _column(self) -> str:
        return f"url_only_{self.of}"

    def statistics(self) -> dict[str, pa.DataType]:
        return {self._column: pa.bool_()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: one search for URLs."""
        texts = part_of(batch, self.of)
        has_url = mask(pc.match_substring_regex(texts, _URL))
        beside = edit(texts, has_url, lambda some: pc.replace_substring_regex(some, _URL, ""))
        has_more = mask(pc.match_substring_regex(beside, r"[\pL\pN]"))
        return {self._column: pa.array(has_url & ~has_more, mask=~mask(pc.is_valid(texts)))}

    def judge(self, columns: Columns) -> Faults:
        column = columns[self._column]
        said = ("url_only", f"the {self.of} is nothing but URLs", "", "some text beside")
        return Faults.where(column, column, lambda _: said)
