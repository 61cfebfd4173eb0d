"""A row is dropped only for a kept row; none that could be dropped stays."""

from hypothesis import given
from hypothesis import strategies as st

from assets.methods.dedup import ExactDuplicates


@given(st.lists(st.binary(min_size=1, max_size=2)), st.integers(1, 5))
def test_one_row_of_each_key_is_kept_however_the_rows_arrive(keys: list[bytes], batch: int) -> None:
    seen = ExactDuplicates()
    ids = [f"id{i}" for i in range(len(keys))]
    found = [
        kept
        for start in range(0, len(keys), batch)
        for kept in seen.kept_ids(keys[start : start + batch], ids[start : start + batch])
    ]
    expected = [f"id{keys.index(key)}" if keys.index(key) != i else None for i, key in enumerate(keys)]
    assert found == expected


def test_a_row_that_repeats_another_row_with_the_same_id_is_found() -> None:
    seen = ExactDuplicates()
    same = "same id"
    assert seen.kept_ids([b"k", b"k"], [same, same]) == [None, same]
