"""The steps that judge how an answer begins and ends: with a refusal, or in the middle of a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge, MinLen

from assets.methods.cleaning.answers import among
from assets.methods.cleaning.steps import Columns, Faults, Measuring, Said
from assets.methods.cleaning.transforms import trimmed
from assets.methods.cleaning.utf8 import digest, mask
from assets.methods.conversations import Conversations
from assets.tables import escape

REFUSALS = (
    "as an ai language model", "as a language model", "as an ai assistant", "as an artificial intelligence",
    "i cannot fulfill", "i can't fulfill", "i cannot fulfil", "i can't fulfil", "i am unable to fulfill",
    "i cannot assist with", "i can't assist with", "i cannot help with that", "i can't help with that",
    "i'm sorry, but i can", "i am sorry, but i can", "i apologize, but i can", "i cannot comply", "i can't comply",
    "作为一个人工智能语言模型", "作为人工智能语言模型", "作为一个ai语言模型", "作为ai语言模型", "作为一个语言模型",
    "作为一个人工智能", "作为一名人工智能", "我无法满足", "我不能满足", "很抱歉,我无法", "很抱歉,我不能",
    "对不起,我无法", "对不起,我不能", "抱歉,我无法", "抱歉,我不能",
)  # fmt: skip


_CONJUNCTIONS = (
    "and|or|but|because|that|which|who|with|of|to|the|a|an|in|for|as|if|while|when|by|from"
    "|und|oder|aber|weil|dass|der|die|das|et|ou|mais|que|de|pero|porque"
)
ENDINGS = {
    "comma": r"[^\n]{30}[,\x{ff0c}\x{3001}\x{060c}]\z",
    "bracket": r"[(\[{\x{ff08}\x{3010}\x{300c}\x{300a}]\z",
    "conjunction": rf"[^\n]{{30}}[\pL,;] (?:{_CONJUNCTIONS})\z",
    # A letter or digit right at the end of a line that holds a finished sentence before; hashtags and cells end so.
    "letter": r"(?:[.!?…]\s|[\x{3002}\x{ff01}\x{ff1f}])[^\n.!?#|\x{3002}\x{ff01}\x{ff1f}]{10,}[\pL\pN]\z",
}
_LIST_ITEM = r"(?:\A|\n)\s*(?:\pN+\s?[.):]|\pL[.)]|[-*+•–|#>])[^\n]*\z"
Ending = Literal["comma", "bracket", "conjunction", "code", "letter"]


@dataclass(frozen=True)
class TruncatedAnswer(Measuring):
    """Drops records whose answer stops in mid sentence (`truncated_answer`), if it has at least `min_chars` characters.

    `endings` names what is taken for that: `comma` , an opening `bracket`, a `conjunction` (or
    article or preposition), a fence of `code` that is not closed, and `letter`: a last sentence without a full stop
    on a line that has finished ones. Lists, titles and the end of a letter (Sincerely,) are left alone.

    Statistics: `answer_ends_in_…`, whether each of these is so; `answer_characters`. Token labels have none. Not in
    the default list: answers that were made for a stop word may well end with a comma.
    """

    name: ClassVar[str] = "truncated_answer"
    min_chars: Annotated[int, Ge(0)] = 100
    endings: Annotated[tuple[Ending, ...], MinLen(1)] = ("comma", "bracket", "conjunction", "code", "letter")

    def statistics(self) -> dict[str, pa.DataType]:
        return {f"answer_ends_in_{ending}": pa.bool_() for ending in self.endings} | {"answer_characters": pa.int64()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: the last 400 characters of each answer, and one search for code fences."""
        answers = pc.if_else(pa.array(batch.is_prose), trimmed(batch.answers), pa.scalar(None, pa.string()))
        tails = pc.utf8_slice_codeunits(answers, -400)
        columns = {
            f"answer_ends_in_{ending}": pc.match_substring_regex(tails, ENDINGS[ending])
            for ending in self.endings
            if ending != "code"
        }
        if "letter" in self.endings:
            in_list = pc.match_substring_regex(tails, _LIST_ITEM)
            columns["answer_ends_in_letter"] = pc.and_not(columns["answer_ends_in_letter"], in_list)
        if "code" in self.endings:
            columns["answer_ends_in_code"] = pc.equal(pc.bit_wise_and(pc.count_substring(answers, "```"), 1), 1)
        return columns | {"answer_characters": pc.cast(pc.utf8_length(batch.answers), pa.int64())}

    def judge(self, columns: Columns) -> Faults:
        long_enough = pc.greater_equal(columns["answer_characters"], self.min_chars)
        words = {
            "comma": "ends with a comma",
            "bracket": "ends with an opening bracket",
            "conjunction": "ends with a word that calls for more",
            "code": "has a block of code that is not closed",
            "letter": "stops in the middle of its last sentence",
        }
        parts = []
        for ending in self.endings:
            fault = pc.and_(columns[f"answer_ends_in_{ending}"], long_enough)
            said = ("truncated_answer", f"the answer {words[ending]}", ending, "a finished sentence")
            parts.append(Faults.where(fault, columns["answer_characters"], partial(_always, said)))
        return Faults.joined(*parts)


def _always(said: Said, _: object) -> Said:
    return said


@dataclass(frozen=True)
class Refusal(Measuring):
    """Drops records whose answer declines instead of answering (`refusal`).

    A refusal is an answer with one of `phrases` within its first `within` characters, whatever their case; curly
    apostrophes count as straight ones, and full-width commas as plain ones. The default phrases are English and
    Chinese.

    Statistic: the phrase that was found, or an empty text. Not in the default list: some train for refusals.
    """

    name: ClassVar[str] = "refusal"
    phrases: Annotated[tuple[Annotated[str, MinLen(1)], ...], MinLen(1)] = REFUSALS
    within: Annotated[int, Ge(1)] = 200

    @property
    def _column(self) -> str:
        return f"refusal_{digest([str(self.within), *self.phrases])}"

    def statistics(self) -> dict[str, pa.DataType]:
        return {self._column: pa.string()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: one search of the first `within` characters of each answer for all phrases at once."""
        starts = pc.utf8_lower(pc.utf8_slice_codeunits(batch.answers, 0, self.within))
        for written, plain in (("\u2019", "'"), ("\uff0c", ",")):
            starts = pc.replace_substring(starts, written, plain)
        known = [_plain(phrase) for phrase in self.phrases]
        pattern = "|".join(re.escape(phrase) for phrase in known)
        rows = np.flatnonzero(mask(pc.match_substring_regex(starts, pattern)))
        texts = starts.take(pa.array(rows)).to_pylist()
        found = [
            next(shown for phrase, shown in zip(known, self.phrases, strict=True) if phrase in text) for text in texts
        ]
        return {self._column: among(batch.answers, rows, found)}

    def judge(self, columns: Columns) -> Faults:
        found = columns[self._column]
        return Faults.where(
            pc.not_equal(found, ""),
            found,
            lambda phrase: (
                "refusal",
                f"the answer declines: {escape(phrase)}",
                escape(phrase),
                f"no such phrase in the first {self.within} characters",
            ),
        )


def _plain(phrase: str) -> str:
    return phrase.lower().replace("\u2019", "'").replace("\uff0c", ",")
