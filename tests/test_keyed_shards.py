"""Which rows are wanted, whatever the shards hold: twice, never, or of others."""

from collections.abc import Iterable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assets.keyed_shards import Wanted, text_keys

KEYS = st.lists(st.sampled_from("abcdef"), max_size=8)


@given(KEYS, st.lists(KEYS, max_size=4))
def test_each_key_is_found_once_and_the_rest_is_missing(asked: list[str], shards: Iterable[list[str]]) -> None:
    wanted = Wanted(text_keys(asked))
    known: set[str] = set()
    for shard in shards:
        source, found = wanted.match(text_keys(shard))
        new = [shard[place] for place in source.tolist()]
        assert sorted(new) == sorted((set(shard) & set(asked)) - known)
        assert [asked[row] for row in wanted.first[found].tolist()] == new
        assert wanted.counts[found].tolist() == [asked.count(text) for text in new]
        known |= set(new)
    first = [asked[row] for row in wanted.first[wanted.missing()].tolist()]
    assert first == [text for text in dict.fromkeys(asked) if text not in known]
    np.testing.assert_array_equal(wanted.keys[wanted.inverse], text_keys(asked))
