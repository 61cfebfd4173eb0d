"""Which tokens are a response's, and which tokens a cut leaves."""

import numpy as np
import pytest

from assets.methods.language.tokens import Tokens, inside

TEXT = "[A] yes  no[B]"  # the response lies at 4 … 11


def tokens(*places: tuple[int, int] | None) -> Tokens:
    pairs = np.array([place or (0, 0) for place in places], np.int32)
    special = np.array([place is None for place in places])
    return Tokens(np.arange(len(places), dtype=np.int32), pairs[:, 0], pairs[:, 1], special)


@pytest.mark.parametrize(
    ("place", "is_inside"),
    [
        ((4, 7), True),
        ((3, 7), True),  # " yes": the space before a word is often part of its token
        ((2, 7), False),  # "] yes": holds a character of something else
        ((3, 4), False),  # the space alone
        ((9, 9), True),  # spaces that the tokenizer trimmed off: their place is their end
        ((4, 4), False),
        ((11, 11), True),
        ((9, 11), True),
        ((9, 12), False),
        ((11, 14), False),
        ((0, 14), False),
        (None, False),
    ],
)
def test_a_token_belongs_to_the_response_it_lies_in(place: tuple[int, int] | None, is_inside: bool) -> None:
    assert inside(tokens(place), TEXT, 4, 11).tolist() == [is_inside]


def test_a_cut_keeps_the_special_tokens_at_the_end() -> None:
    whole = tokens(None, (0, 1), (1, 2), (2, 3), None)
    assert whole.cut(5) is whole
    assert whole.cut(4).ids.tolist() == [0, 1, 2, 4]
    assert whole.cut(1).ids.tolist() == [4]
    assert tokens((0, 1), (1, 2), (2, 3)).cut(2).ids.tolist() == [0, 1]
