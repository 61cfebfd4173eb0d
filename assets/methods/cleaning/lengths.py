"""The steps that judge how long texts are: bounds of one's own, and no text at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge, MinLen

from assets.methods.cleaning.steps import Columns, Faults, Measuring, Said, plural
from assets.methods.conversations import Conversations, Rows

CountTokens = Callable[[pa.StringArray], Rows]  # (k,) texts → (k,) tokens of each

WORDS = "words"


@dataclass(frozen=True)
class Length(Measuring):
    """Drops records shorter than `min` (`too_short`) or longer than `max` (`too_long`); a bound itself is allowed.

    - `unit`: `characters` (Unicode code points) or `tokens`.
    - `of`: the whole `conversation` (the sum of its turns), every single `turn` (`min` looks at the shortest, `max` at
      the longest), the `prompt` (all turns but the answer) or the `answer` (null without one).
    - `tokenizer`: for tokens: `words` (words, and single characters of scripts without spaces), or the name of a model
      whose own tokens are counted; the caller hands its counting function over as `count_tokens`.

    Cost: one pass over the texts; for tokens that of the tokenizer. Conversations are bounded in the default list.
    """

    name: ClassVar[str] = "length"
    unit: Literal["characters", "tokens"] = "characters"
    of: Literal["conversation", "turn", "prompt", "answer"] = "conversation"
    min: Annotated[int, Ge(0)] | None = None
    max: Annotated[int, Ge(0)] | None = None
    tokenizer: Annotated[str, MinLen(1)] = WORDS
    count_tokens: CountTokens | None = field(default=None, metadata={"injected": True}, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ValueError("expected bounds, as in {length: {min: 3}}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"expected min ({self.min}) to be at most max ({self.max})")
        if self.tokenizer != WORDS and self.unit != "tokens":
            raise ValueError("expected unit: tokens beside tokenizer")

    def statistics(self) -> dict[str, pa.DataType]:
        counted = self.unit if self.unit == "characters" else f"{self.tokenizer}_tokens"
        if self.of == "turn":
            return {f"shortest_turn_{counted}": pa.int64(), f"longest_turn_{counted}": pa.int64()}
        return {f"{self.of}_{counted}": pa.int64()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        sizes = self._sizes(batch)
        names = list(self.statistics())
        if self.of == "turn":
            filled = np.flatnonzero(np.diff(batch.offsets))
            starts = batch.offsets[filled]
            extremes = [kind.reduceat(sizes, starts) if len(starts) else sizes for kind in (np.minimum, np.maximum)]
            return {name: _spread(found, filled, len(batch)) for name, found in zip(names, extremes, strict=True)}
        return {names[0]: lengths(batch, self.of, sizes)}

    def judge(self, columns: Columns) -> Faults:
        shortest, longest = (columns[name] for name in (list(self.statistics()) * 2)[:2])
        what = self.of if self.of != "turn" else "turn of the conversation"
        unit = self.unit.removesuffix("s")

        def short(size: int) -> Said:
            bound = f"at least {plural(self.min or 0, unit)}"
            return "too_short", f"the {what} has {plural(size, unit)}; expected {bound}", str(size), bound

        def long(size: int) -> Said:
            bound = f"at most {plural(self.max or 0, unit)}"
            return "too_long", f"the {what} has {plural(size, unit)}; expected {bound}", str(size), bound

        found = []
        if self.min is not None:
            found.append(Faults.where(pc.less(shortest, self.min), shortest, short))
        if self.max is not None:
            found.append(Faults.where(pc.greater(longest, self.max), longest, long))
        return Faults.joined(*found)

    def _sizes(self, batch: Conversations) -> Rows:
        """(m,) the length of each turn."""
        if self.unit == "characters":
            return batch.characters
        if self.tokenizer == WORDS:
            return np.diff(batch.tokens.offsets).astype(np.int64)
        if self.count_tokens is None:
            raise ValueError(f"no function counts the tokens of {self.tokenizer}")
        return np.asarray(self.count_tokens(batch.contents), dtype=np.int64)


@dataclass(frozen=True)
class EmptyPrompt(Measuring):
    """Drops records in which nobody but the assistant says anything (`empty_prompt`).

    Statistic: `asked_characters`, the characters of all turns but the assistant's. In the default list.
    """

    name: ClassVar[str] = "empty_prompt"

    def statistics(self) -> dict[str, pa.DataType]:
        return {"asked_characters": pa.int64()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        return {"asked_characters": pa.array(batch.per_record(np.where(batch.is_assistant, 0, batch.characters)))}

    def judge(self, columns: Columns) -> Faults:
        asked = columns["asked_characters"]
        return Faults.where(
            pc.equal(asked, 0), asked, lambda _: ("empty_prompt", "nothing is asked or told", "", "some text")
        )


@dataclass(frozen=True)
class EmptyAnswer(Measuring):
    """Drops records whose answer is empty (`empty_answer`). A record that ends with a user's turn has no answer.

    Statistic: `answer_characters`. In the default list.
    """

    name: ClassVar[str] = "empty_answer"

    def statistics(self) -> dict[str, pa.DataType]:
        return {"answer_characters": pa.int64()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        return {"answer_characters": lengths(batch, "answer", batch.characters)}

    def judge(self, columns: Columns) -> Faults:
        size = columns["answer_characters"]
        return Faults.where(pc.equal(size, 0), size, lambda _: ("empty_answer", "the answer is empty", "", "some text"))


def lengths(batch: Conversations, part: str, sizes: Rows) -> pa.Array:
    """(n,) the length of that part of each record (see `part_of`), from the `sizes` (m,) of all turns."""
    turns = batch.answer_turns
    answer = np.where(turns >= 0, sizes[np.maximum(turns, 0)], 0) if len(sizes) else np.zeros(len(batch), np.int64)
    if part == "answer":
        return pa.array(answer, pa.int64(), mask=turns < 0)
    total = batch.per_record(sizes)
    if part == "conversation":
        return pa.array(total, pa.int64())
    return pa.array(total - answer, pa.int64(), mask=np.diff(batch.offsets) == (turns >= 0))


def _spread(values: npt.NDArray[np.int64], rows: Rows, count: int) -> pa.Array:
    """(count,) `values` in the given rows, null elsewhere."""
    result, missing = np.zeros(count, np.int64), np.ones(count, dtype=bool)
    result[rows], missing[rows] = values, False
    return pa.array(result, mask=missing)
