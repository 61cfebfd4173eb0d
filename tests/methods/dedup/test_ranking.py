"""Which of several duplicates comes first."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets import tables
from assets.errors import DataError
from assets.methods.conversations import Conversations
from assets.methods.dedup.ranking import Merits, best_first, lengths

NAN = float("nan")


def merits(labels: list[str | None], sizes: list[int], sources: list[int] | None = None, **more: object) -> Merits:
    return Merits(
        pa.array(labels, pa.string()), np.array(sizes, np.int64), np.array(sources or [0] * len(labels)), **more
    )


@pytest.mark.parametrize(
    ("made", "rank_by", "order"),
    [
        (merits([None, "a", None, "b"], [9, 1, 8, 2]), ["label"], [1, 3, 0, 2]),
        (merits([None] * 4, [3, 9, 3, 4]), ["length"], [1, 3, 0, 2]),
        (merits([None] * 4, [0] * 4, [2, 1, 2, 0]), ["source"], [3, 1, 0, 2]),
        (merits([None, "a", "a"], [9, 1, 2]), ["label", "length", "source"], [2, 1, 0]),
        (merits([None, "a", "a"], [9, 1, 2]), ["length", "label"], [0, 2, 1]),
        (merits([None] * 4, [0] * 4, attributes={"score": np.array([NAN, 0.5, -1, 2])}), ["score"], [3, 1, 2, 0]),
        (merits(["a"] * 3, [1, 1, 2], attributes={"stars": np.array([NAN, NAN, NAN])}), ["stars"], [0, 1, 2]),
        (merits(["a"] * 3, [1, 2, 3]), [], [0, 1, 2]),
        (merits([], []), ["label", "length", "source"], []),
    ],
)
def test_the_best_comes_first(made: Merits, rank_by: list[str], order: list[int]) -> None:
    assert best_first(made, rank_by).tolist() == order


def test_the_label_that_most_rows_of_a_group_bear_comes_first() -> None:
    labels = ["spam", "ham", "ham", None, "spam", "spam", None]
    made = merits(labels, [9, 1, 2, 9, 1, 2, 3], groups=np.array([7, 7, 7, 7, 3, 3, 3]))
    order = best_first(made).tolist()
    assert order.index(2) < order.index(1) < order.index(0) < order.index(3)  # ham twice, spam once, none
    assert order.index(5) < order.index(4) < order.index(6)


def test_a_group_without_any_label_is_no_fault() -> None:
    made = merits([None, None], [1, 2], groups=np.array([0, 0]))
    assert best_first(made).tolist() == [1, 0]


def test_an_unknown_name_is_refused_with_the_choices() -> None:
    made = merits(["a"], [1], attributes={"stars": np.zeros(1), "clicks": np.zeros(1)})
    with pytest.raises(DataError, match="no 'lenght' to rank by; expected one of label, length, source, clicks, stars"):
        best_first(made, ["lenght"])


@settings(max_examples=80, deadline=None)
@given(data=st.data(), rank_by=st.permutations(["label", "length", "source", "score"]), grouped=st.booleans())
def test_sorting_tuples_gives_the_same(data: st.DataObject, rank_by: list[str], grouped: bool) -> None:
    rows = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from([None, "a", "b"]),
                st.integers(0, 3),
                st.integers(0, 2),
                st.sampled_from([NAN, -1.0, 0.0, 2.0]),
                st.integers(0, 2),
            ),
            max_size=25,
        )
    )
    labels, sizes, sources, scores, groups = (list(column) for column in zip(*rows, strict=True)) if rows else [[]] * 5
    votes = Counter(zip(groups, labels, strict=True))

    def key(row: int) -> tuple[float, ...]:
        label = labels[row]
        keys = {
            "label": 0 if label is None else -votes[groups[row], label] if grouped else -1,
            "length": -sizes[row],
            "source": sources[row],
            "score": float("inf") if np.isnan(scores[row]) else -scores[row],
        }
        return (*(keys[name] for name in rank_by), row)

    made = merits(
        labels, sizes, sources, attributes={"score": np.array(scores, float)},
        groups=np.array(groups, np.int64) if grouped else None,
    )  # fmt: skip
    assert best_first(made, rank_by).tolist() == sorted(range(len(rows)), key=key)


def test_the_length_is_that_of_the_answer_or_else_of_all() -> None:
    turns = [
        [("user", "long question"), ("assistant", "yes")],
        [("user", "text alone")],
        [("user", "é"), ("assistant", "in between"), ("user", "?")],
        [],
    ]
    table = pa.table(
        {
            "messages": pa.array(
                [[{"role": role, "content": content} for role, content in record] for record in turns], tables.MESSAGES
            ),
            "label": pa.array([None] * 4, pa.string()),
            "format": pa.array(["openai"] * 4),
            "extras": pa.array([[]] * 4, tables.ATTRIBUTES),
        }
    )
    assert lengths(Conversations.of(table)).tolist() == [3, 10, 12, 0]
    assert lengths(Conversations.of(table.slice(3))).tolist() == [0]
