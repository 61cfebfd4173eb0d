"""Damaged answers, made of the pool's own: what a scorer without labels learns to tell from the real ones.

Each kind is one way in which answers of a pool go wrong. Damaged answers are about as long as real ones, so that a
model of them does not take short for bad.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

SWAPPED, CUT, SCRAMBLED, COMMON = KINDS = ("swapped", "cut", "scrambled", "common")
_SHARES = (0.2, 0.8)  # of a text that a cut leaves, at least and at most
_LONGER = 0.01  # share of the answers that must be longer for one of them to be cut to the length of another
_COMMON = 4  # an answer, or a beginning, that so many rows have is common
_BEGINNING = 48  # characters of an answer that are looked at for common beginnings
_PIECES = re.compile(r"\S+\s*|\s+")
_TRIES = 3


@dataclass(frozen=True)
class Damaged:
    """`texts`: the damaged answers of one kind; `prompts`: (m,) the row whose prompt each is an answer to.

    A damaged answer and its prompt come from one fold, so that nothing is known of either from other rows than of a
    real pair.
    """

    texts: list[str]
    prompts: Rows


def damaged(kind: str, answers: Sequence[str], folds: Rows, most: int, seed: int) -> Damaged:
    """At most `most` damaged answers of `kind`, spread over the `folds` (n,) as the rows are.

    What damage leaves as it was is left out: the only word cannot be out of order. Cost: linear in the texts made.
    """
    random = np.random.default_rng([seed, KINDS.index(kind)])
    make: dict[str, Callable[[Sequence[str], Rows, int, np.random.Generator], list[tuple[str, int]]]] = {
        SWAPPED: _swapped,
        CUT: _cut,
        SCRAMBLED: _scrambled,
        COMMON: _common,
    }
    made: list[tuple[str, int]] = []
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        wanted = max(1, round(most * len(rows) / len(folds)))
        made += make[kind](answers, rows, wanted, random)
    return Damaged([text for text, _ in made], np.array([row for _, row in made], np.int64))


def _swapped(answers: Sequence[str], rows: Rows, wanted: int, random: np.random.Generator) -> list[tuple[str, int]]:
    """The answer of another row."""
    asked = random.permutation(rows)[:wanted]
    others = np.roll(asked, 1)
    pairs = zip(asked.tolist(), others.tolist(), strict=True)
    return [(answers[other], row) for row, other in pairs if answers[other] != answers[row]]


def _cut(answers: Sequence[str], rows: Rows, wanted: int, random: np.random.Generator) -> list[tuple[str, int]]:
    """The beginning of an answer, cut between two words or within one.

    It is as long as some answer is, and made of one that is longer, so that cut answers are as long as answers are.
    Where few are longer, the answer itself is cut.
    """
    texts = [answers[row].rstrip() for row in rows.tolist()]
    lengths = np.array([len(text) for text in texts])
    order = np.argsort(lengths, kind="stable")
    drawn = random.integers(0, len(texts), wanted)
    targets = lengths[drawn]
    first = np.searchsorted(lengths[order], targets / _SHARES[1])
    last = np.searchsorted(lengths[order], targets / _SHARES[0], side="right")
    few = last - first < _LONGER * len(order)
    chosen = np.where(few, drawn, order[np.where(few, 0, random.integers(first, np.maximum(last, first + 1)))])
    targets = np.where(few, np.round(targets * random.uniform(*_SHARES, wanted)).astype(np.int64), targets)
    made = []
    for place, target, within in zip(chosen.tolist(), targets.tolist(), random.random(wanted) < 0.5, strict=True):
        text = texts[place]
        kept = text[: max(1, min(target, round(_SHARES[1] * len(text))))]
        if not within and " " in kept.strip():
            kept = kept[: kept.rindex(" ")]
        kept = kept.rstrip()
        if kept and kept != text:
            made.append((kept, int(rows[place])))
    return made


def _scrambled(answers: Sequence[str], rows: Rows, wanted: int, random: np.random.Generator) -> list[tuple[str, int]]:
    """The words of an answer in another order; characters, where it is written without spaces."""
    made = []
    for row in random.permutation(rows)[:wanted].tolist():
        text = answers[row].strip()
        pieces: Sequence[str] = [piece.strip() for piece in _PIECES.findall(text)]
        joint = " "
        if len(text) > 16 * len(pieces):
            pieces, joint = text, ""
        for _ in range(_TRIES):
            shuffled = joint.join([pieces[place] for place in random.permutation(len(pieces)).tolist()])
            if shuffled != joint.join(pieces):
                made.append((shuffled, row))
                break
    return made


def _common(answers: Sequence[str], rows: Rows, wanted: int, random: np.random.Generator) -> list[tuple[str, int]]:
    """An answer of another row that many rows share, or share the beginning of; none where no row has such a one."""
    wholes = Counter(answers[row].strip() for row in rows.tolist())
    begins = Counter(answers[row].strip()[:_BEGINNING] for row in rows.tolist())
    shared = [
        row
        for row in rows.tolist()
        if wholes[answers[row].strip()] >= _COMMON
        or (len(answers[row].strip()) > _BEGINNING and begins[answers[row].strip()[:_BEGINNING]] >= _COMMON)
    ]
    if not shared:
        return []
    givers = random.choice(shared, wanted)
    asked = random.choice(rows, wanted)
    pairs = zip(asked.tolist(), givers.tolist(), strict=True)
    return [(answers[giver], row) for row, giver in pairs if answers[giver] != answers[row]]
