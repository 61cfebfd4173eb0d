"""Token lines: a sentence is what stands between blank lines, and a bad line costs its sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.rows import Item, Reject, Row
from assets.methods.token_lines import token_lines


def read(text: str, **more: Any) -> list[Row]:
    return list(token_lines([text.encode()], **more))


def sentences(text: str, **more: Any) -> list[tuple[int, list[str], list[str]]]:
    found = read(text, **more)
    assert all(isinstance(row, Item) for row in found)
    return [(row.line, row.value["tokens"], row.value["tags"]) for row in found if isinstance(row, Item)]


words = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=5).filter(lambda w: w[0] not in "#-")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.tuples(words, words, words), min_size=1, max_size=5), max_size=5),
    st.sampled_from(["\t", " ", "   "]),
    st.sampled_from(["\n", "\r\n", "\n \t\n\n"]),
    st.integers(1, 9),
)
def test_what_was_written_is_read_back(text: list[Any], separator: str, between: str, size: int) -> None:
    written = between.join("".join(separator.join(token) + "\n" for token in sentence) for sentence in text).encode()
    found = list(token_lines((written[i : i + size] for i in range(0, len(written), size)), tag_column=1))
    assert [row.value for row in found if isinstance(row, Item)] == [
        {"tokens": [token for token, _, _ in sentence], "tags": [tag for _, tag, _ in sentence]} for sentence in text
    ]


def test_columns_of_conll_2003_and_its_document_marks() -> None:
    text = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\n# NN I-NP O\n. . O O\n\n-DOCSTART- -X- -X- O\n\n# NN B-NP O\n"
    assert sentences(text) == [(3, ["EU", "#", "."], ["B-ORG", "O", "O"]), (9, ["#"], ["O"])]
    assert sentences(text, tag_column=1)[0][2] == ["NNP", "NN", "."]
    assert sentences(text, token_column=1, tag_column=-2)[0][1:] == (["NNP", "NN", "."], ["B-NP", "I-NP", "O"])


def test_comments_and_hash_signs_that_are_tokens() -> None:
    assert sentences("#\tO\n#tag\tB-x\n") == [(1, ["#", "#tag"], ["O", "B-x"])]
    assert sentences("# id 5239d808\tdomain=en\na _ _ O\n# _ _ B-X\n") == [(2, ["a", "#"], ["O", "B-X"])]
    assert sentences("# sent_id = 1\n# text = a b\na\tO\nb\tO\n\n# newdoc\n\nc\tO\n") == [
        (3, ["a", "b"], ["O", "O"]),
        (8, ["c"], ["O"]),
    ]


def test_conllu() -> None:
    text = "# text = don't\n1-2\tdon't\t_\t_\n1\tdo\tdo\tAUX\n2\tn't\tnot\tPART\n2.1\tgone\tgo\tVERB\n\n"
    found = sentences(text, token_column=1, tag_column=3, is_conllu=True)
    assert found == [(3, ["do", "n't"], ["AUX", "PART"])]


@pytest.mark.parametrize("bad", ["lonely", "\tO", "a\t", "lonely\t"])
def test_a_line_of_too_few_columns_costs_its_sentence(bad: str) -> None:
    first, reject, last = read(f"a\tO\n\nb\tO\n{bad}\nc\tO\n\nd\tO\n")
    assert isinstance(first, Item)
    assert isinstance(reject, Reject)
    assert isinstance(last, Item)
    assert (reject.line, reject.reason) == (3, "wrong_field_count")
    assert "line 4 has" in reject.detail
    assert reject.text.startswith("b\tO\n")


def test_bytes_that_are_no_text_and_sentences_without_an_end() -> None:
    _, reject, _ = token_lines([b"a\tO\n\nb\tO\ncaf\xe9\tO\n\nc\tO\n"])
    assert isinstance(reject, Reject)
    assert (reject.line, reject.reason) == (4, "not_text")
    [reject] = token_lines([b"word\tO\n" * 1000], max_chars=1000)
    assert isinstance(reject, Reject)
    assert (reject.line, reject.reason, reject.threshold) == (1, "too_long", "1000")


def test_a_byte_order_mark_alone_on_a_line_is_no_token() -> None:
    assert sentences("\ufeffa\tO\n\ufeff\nb\ufeff\tO\n") == [(1, ["a"], ["O"]), (3, ["b\ufeff"], ["O"])]
