"""Parallel text: line pairs with line, whatever stands on them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.parallel import parallel_lines
from assets.methods.rows import Item, Reject, UnreadableError

lines = st.lists(
    st.tuples(*[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\ufeff"), max_size=8)] * 2)
)


@settings(deadline=None, max_examples=60)
@given(lines, st.integers(1, 9))
def test_what_was_written_is_read_back(pairs: list[tuple[str, str]], size: int) -> None:
    sides = ["".join(f"{pair[side]}\n" for pair in pairs).encode() for side in (0, 1)]
    found = list(parallel_lines(*([data[i : i + size] for i in range(0, len(data), size)] for data in sides)))
    assert found == [
        Item(number, {"source": source.rstrip("\r"), "target": target.rstrip("\r")})
        for number, (source, target) in enumerate(pairs, 1)
        if source.strip() or target.strip()
    ]


@pytest.mark.parametrize(("ours", "theirs"), [(3, 5), (5, 3), (0, 2)])
def test_different_counts_are_named(ours: int, theirs: int) -> None:
    found = parallel_lines([b"a\n" * ours], [b"b\n" * theirs])
    for _ in range(min(ours, theirs)):
        assert isinstance(next(found), Item)
    with pytest.raises(UnreadableError, match=f"^{ours} lines against {theirs}; the lines of both must pair up"):
        next(found)


def test_a_fault_on_either_side_costs_the_pair() -> None:
    found = list(parallel_lines([b"a\ncaf\xe9\nc\n\n"], [b"1\n2\n" + b"x" * 200 + b"\n4"], max_chars=100))
    assert [(row.line, getattr(row, "reason", "")) for row in found] == [
        (1, ""),
        (2, "not_text"),
        (3, "too_long"),
        (4, ""),
    ]
    assert isinstance(found[1], Reject)
