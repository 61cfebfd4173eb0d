"""Which of several duplicates stays: the order in which they are visited, best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.errors import DataError
from assets.methods.conversations import Conversations
from assets.methods.dedup.greedy import Rows

DEFAULT = ("label", "length", "source")


@dataclass(frozen=True)
class Merits:
    """What n rows are ranked by.

    `labels`: null = none. `lengths`: characters, see `lengths`. `sources`: the number of each row's source, lower =
    earlier. `attributes`: by name, (n,) float64, higher = better, NaN = not known.
    `groups`: (n,) which rows are exact duplicates of each other, for dedup that does not mind labels: then the rows of
    a group may bear different ones, and the one that most of them bear comes first.
    """

    labels: pa.StringArray
    lengths: Rows
    sources: Rows
    attributes: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    groups: Rows | None = None


def best_first(merits: Merits, rank_by: Sequence[str] = DEFAULT) -> Rows:
    """All rows, best first: by the first of `rank_by`, where that is equal by the next, at last by their own order.

    `label`: rows with a label come before rows without; with groups, the more rows of its group bear a row's label,
    the earlier it comes. `length`: longer first. `source`: earlier sources first. Anything else is an attribute:
    higher first, unknown values last. Raises `DataError` for a name that is none of these.
    Cost: O(n log n) for each name.
    """
    unknown = [name for name in rank_by if name not in DEFAULT and name not in merits.attributes]
    if unknown:
        choices = ", ".join([*DEFAULT, *sorted(merits.attributes)])
        raise DataError(f"rank_by: there is no {unknown[0]!r} to rank by; expected one of {choices}")
    keys = [_key(merits, name) for name in rank_by]
    # lexsort takes the last key first, and is stable: rows that are equal in all keep their order.
    return np.lexsort([np.zeros(len(merits.labels)), *reversed(keys)]).astype(np.int64)


def _key(merits: Merits, name: str) -> npt.NDArray[np.float64] | Rows:
    """Lower = better. A name that is built in is not looked up among the attributes."""
    if name == "label":
        return -_votes(merits.labels, merits.groups)
    if name == "length":
        return -merits.lengths
    if name == "source":
        return merits.sources
    return -np.asarray(merits.attributes[name], dtype=np.float64)  # NaN sorts last, whatever its sign


def _votes(labels: pa.StringArray, groups: Rows | None) -> Rows:
    """How many rows of its group bear the label of each row: 0 for no label, 1 for any label without groups."""
    encoded = labels.dictionary_encode()
    has_label = np.asarray(labels.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    if groups is None:
        return has_label.astype(np.int64)
    codes = np.asarray(encoded.indices.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int64)
    _, group = np.unique(groups, return_inverse=True)
    _, which, counts = np.unique(
        group * max(len(encoded.dictionary), 1) + codes, return_inverse=True, return_counts=True
    )
    if not has_label.all():  # rows without a label must not be counted for the first one
        counts = np.bincount(which[has_label], minlength=len(counts))
    return np.where(has_label, counts[which], 0).astype(np.int64)


def lengths(conversations: Conversations) -> Rows:
    """(n,) characters of each record's answer, or of the whole record where there is none; longer = ranked higher."""
    whole = conversations.per_record(conversations.characters)
    if not len(conversations.characters):
        return whole
    answers = conversations.answer_turns
    return np.where(answers >= 0, conversations.characters[np.maximum(answers, 0)], whole)
