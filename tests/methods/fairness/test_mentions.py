"""Word lists: what their form may be, and which words of a text they find."""

from pathlib import Path

import pytest

import assets.methods.fairness as fairness
from assets.errors import DataError
from assets.methods.fairness.mentions import WordList, find_mentions, neutral, read_words

SHIPPED = sorted((Path(fairness.__file__).parent / "words").glob("*.tsv"))

LIST = """\
# who
he\the\tsubject
he\thim\tobject
she\tshe\tsubject
she\ther\tobject
she\told lady
he\t他\t他/她
she\t她\t他/她
-\t其他
-\tit's him
"""


def shipped(name: str) -> WordList:
    (path,) = (path for path in SHIPPED if path.stem == name)
    return read_words(name, path.read_text(encoding="utf-8"), path.name)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("He said so.", ["he"]),
        ("HE'S here; 'she' is not", ["he", "she"]),
        ("the other sheet is cheap", []),  # whole words only
        ("an old  lady, the Old-Lady", ["she", "she"]),
        ("an old lad", []),
        ("他说她来了", ["he", "she"]),
        ("其他的", []),  # "other" mentions nobody
        ("其他人和他", ["he"]),
        ("CEO说he和她", ["he", "she"]),
        ("It's him again", []),
        ("", []),
        ("\x1b[31mhe\x1b[0m <b>her</b>", ["she"]),  # "31mhe" is one word
    ],
)
def test_finds_words_and_phrases(text: str, found: list[str]) -> None:
    words = read_words("who", LIST)
    assert [words.groups[hit.group] for hit in words.hits(text)] == found


def test_rows_are_marked_with_all_groups_they_mention() -> None:
    found = find_mentions(["he and she", None, "her", "nobody"], read_words("who", LIST))
    assert found.groups == ("he", "she")
    assert found.members.tolist() == [[True, True], [False, False], [False, True], [False, False]]
    assert found.single().tolist() == [-1, -1, 1, -1]
    assert found.some().tolist() == [True, False, True, False]


def test_counterparts_read_the_same_when_neutral() -> None:
    words = read_words("who", LIST)
    assert neutral("He saw him.", words) == neutral("she saw her.", words) != neutral("He saw them.", words)
    assert neutral("他来了", words) == neutral("她来了", words)
    assert neutral("an old lady", words) == ""  # has no counterpart


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("he", "who.tsv line 1: expected group, word"),
        ("# x\n\nhe\thim\ta\tb", "line 3: expected group, word"),
        ("he\t!!", "line 1: '!!' has no letters"),
        ("he\tsam\nshe\tSam", "line 2: 'sam' is listed twice"),
        ("# nothing", "no groups"),
        ("-\tnobody", "no groups"),
    ],
)
def test_says_which_line_is_wrong(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_words("who", text)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_lists_are_well_formed(path: Path) -> None:
    """Each has two groups or more, English and Chinese words, and a slot is shared by different groups."""
    words = shipped(path.stem)
    assert len(words.groups) >= 2
    assert any(term.isascii() for term in words.terms)
    assert any(term > "\u3400" for term in words.terms)
    sides: dict[str, set[int]] = {}
    for group, slot in words.terms.values():
        if slot:
            sides.setdefault(slot, set()).add(group)
    assert all(len(groups) >= 2 for groups in sides.values()), sides


def test_shipped_lists_cover_what_they_are_for() -> None:
    assert {path.stem for path in SHIPPED} == {"gender", "religion", "ethnicity", "disability", "age", "occupations"}
    texts = {
        "gender": "他 and his mother", "religion": "a Muslim and a 基督徒", "ethnicity": "a black man and Asians",
        "disability": "a deaf person and the able-bodied", "age": "an old man and a 年轻人",
        "occupations": "nurses, a CEO",
    }  # fmt: skip
    for name, text in texts.items():
        assert find_mentions([text], shipped(name)).members.sum() == 2, name
    assert not shipped("gender").hits("其他 吉他")


def test_occupations_name_the_groups_of_gender() -> None:
    assert set(shipped("occupations").groups) == set(shipped("gender").groups)
