"""The steps that find an answer that is none: a placeholder, or the question again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import MinLen

from assets.methods.cleaning import extras
from assets.methods.cleaning.steps import Columns, Faults, Measuring
from assets.methods.cleaning.transforms import trimmed
from assets.methods.cleaning.utf8 import digest, mask
from assets.methods.conversations import Conversations, Rows
from assets.tables import escape

PLACEHOLDERS = ("<nooutput>", "<no output>", "<noinput>", "no output", "n/a", "none")


@dataclass(frozen=True)
class PlaceholderAnswer(Measuring):
    """Drops records whose answer only says that there is none (`placeholder_answer`).

    Such an answer is one of `placeholders`, or opens with one of them in angle brackets: "<nooutput> This cannot be
    done in text" is as much of a placeholder as "<nooutput>" alone; only an opening "<noinput>" is not, since an
    answer often follows it. Case, and full stops at the end, do not matter.

    Statistic: the placeholder that was found, or an empty text. In the default list.
    """

    name: ClassVar[str] = "placeholder_answer"
    placeholders: Annotated[tuple[Annotated[str, MinLen(1)], ...], MinLen(1)] = PLACEHOLDERS

    @property
    def _column(self) -> str:
        return f"placeholder_{digest(self.placeholders)}"

    def statistics(self) -> dict[str, pa.DataType]:
        return {self._column: pa.string()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: the length of each answer; a look at those that are short or begin with an angle bracket."""
        bare = pc.utf8_rtrim(trimmed(batch.answers), ".")
        longest = max(len(known.casefold()) for known in self.placeholders)
        opens = mask(pc.starts_with(bare, "<")) if any(known.startswith("<") for known in self.placeholders) else False
        # Folding case never makes a text shorter, so a longer one cannot equal a placeholder.
        candidates = mask(pc.less_equal(pc.utf8_length(bare), longest + 1)) | opens
        rows = np.flatnonzero(candidates)
        found = [found_placeholder(text, self.placeholders) for text in batch.answers.take(pa.array(rows)).to_pylist()]
        return {self._column: among(batch.answers, rows, found)}

    def judge(self, columns: Columns) -> Faults:
        found = columns[self._column]
        return Faults.where(
            pc.not_equal(found, ""),
            found,
            lambda known: (
                "placeholder_answer",
                f"the answer says that there is none: {escape(known)}",
                escape(known),
                "an answer",
            ),
        )


def found_placeholder(answer: str, placeholders: Sequence[str]) -> str:
    """The first placeholder that `answer` is, or opens with; an empty text if none."""
    text = answer.strip().casefold().rstrip(".")
    for placeholder in placeholders:
        known = placeholder.casefold()
        if text == known or (known.startswith("<") and "output" in known and text.startswith(known.rstrip(">"))):
            return placeholder
    return ""


@dataclass(frozen=True)
class AnswerEqualsPrompt(Measuring):
    """Drops records whose answer repeats what was asked, but for white space at the ends (`answer_equals_prompt`).

    `of` says what counts: `prompt`, the whole last user turn; or `any`, also one of the named parts that it was put
    together from, such as Alpaca's input. An input given back may be right ("sort these" where they are sorted,
    "correct this" where nothing is wrong), so that `any` is for those who want no such rows.

    Statistic: `answer_equals`: `prompt`, the name of the part, or an empty text. In the default list, for `prompt`.
    """

    name: ClassVar[str] = "answer_equals_prompt"
    of: Literal["prompt", "any"] = "prompt"

    def statistics(self) -> dict[str, pa.DataType]:
        return {"answer_equals": pa.string()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: one comparison of each answer, and a loop over those with named parts that are no longer than all."""
        answers, questions = trimmed(batch.answers), trimmed(batch.questions)
        whole = mask(pc.and_(pc.equal(answers, questions), pc.not_equal(answers, "")))
        rows, fields = extras.lookup(batch.extras, "fields")
        sizes, room = pc.binary_length(answers), pc.binary_length(questions)
        fits = (mask(pc.less_equal(sizes, room)) & mask(pc.greater(sizes, 0)) & ~whole)[rows]
        rows, fields = rows[fits], fields.filter(pa.array(fits))
        wanted = answers.take(pa.array(rows)).to_pylist()
        texts = batch.questions.take(pa.array(rows)).to_pylist()  # not stripped: the ranges count from its beginning
        named = map(_equal_part, wanted, texts, fields.to_pylist())
        found = dict(zip(rows.tolist(), named, strict=True)) | dict.fromkeys(np.flatnonzero(whole).tolist(), "prompt")
        places = np.array(sorted(found), np.int64)
        return {"answer_equals": among(answers, places, [found[row] for row in places.tolist()])}

    def judge(self, columns: Columns) -> Faults:
        found = columns["answer_equals"]
        fault = pc.equal(found, "prompt") if self.of == "prompt" else pc.not_equal(found, "")
        return Faults.where(
            fault,
            found,
            lambda part: (
                "answer_equals_prompt",
                "the answer is what was asked, word for word"
                if part == "prompt"
                else f"the answer is the {escape(part)}, word for word",
                escape(part),
                "an answer of its own",
            ),
        )


def _equal_part(answer: str, question: str, fields: str) -> str:
    for name, (start, end) in json.loads(fields).items():
        if end - start >= len(answer) and question[start:end].strip() == answer:
            return str(name)
    return ""


def among(answers: pa.StringArray, rows: Rows, found: Sequence[str]) -> pa.Array:
    """(n,) what was found in the given rows (ascending), an empty text in the others, null where there is no answer."""
    chosen = np.zeros(len(answers), dtype=bool)
    chosen[rows] = True
    empty = pc.if_else(pc.is_valid(answers), pa.scalar(""), pa.scalar(None, pa.string()))
    return pc.replace_with_mask(empty, pa.array(chosen), pa.array(found, pa.string()))
