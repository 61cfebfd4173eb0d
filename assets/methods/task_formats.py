"""Classic tasks whose answer is no prose: pairs of sentences, tags of tokens, and translation."""

from __future__ import annotations

from typing import Any

from assets.methods.columns import Columns, Item, first_of, list_of, text_of
from assets.methods.turns import Read
from assets.methods.values import UnfitError, as_json, as_scalar, as_text, kind_of, shown

# The two columns of GLUE's and SuperGLUE's pairs: MRPC and RTE, MNLI and CB, QQP, QNLI, BoolQ, and a common other.
PAIR_NAMES = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "passage"),
    ("text1", "text2"),
)
TAG_NAMES = ("tags", "ner_tags", "labels", "pos_tags", "chunk_tags")


def pair(value: Item, columns: Columns) -> Read:
    """Two sentences and, but for test splits, a class: one user turn of two parts, each after its column's name.

    The columns are `first` and `second` where stated, else those of PAIR_NAMES that are there. `fields` is always
    kept, also of an empty part, since it holds the names.
    """
    usual = next((names for names in PAIR_NAMES if names[0] in value and names[1] in value), PAIR_NAMES[0])
    first, second = text_of(value, columns, "first", usual[0]), text_of(value, columns, "second", usual[1])
    names = columns.get("first", usual[0]), columns.get("second", usual[1])
    content, fields = pair_content(names, (first, second))
    return [{"role": "user", "content": content}], {"fields": as_json(fields)}


def pair_content(names: tuple[str, str], texts: tuple[str, str]) -> tuple[str, dict[str, list[int]]]:
    """The text that holds a pair, and the place of each part in it."""
    content = f"{names[0]}: {texts[0]}\n{names[1]}: {texts[1]}"
    start = len(names[0]) + 2
    places = [[start, start + len(texts[0])], [len(content) - len(texts[1]), len(content)]]
    return content, dict(zip(names, places, strict=True))


def token_labels(value: Item, columns: Columns) -> Read:
    """Tokens and their tags (CoNLL): the tokens, joined by spaces, are the user's turn, the tags the assistant's.

    So the tags stay beside the tokens, and are what is trained. Tags that are numbers become texts. `UnfitError` for
    tokens or tags that are empty or hold white space, since they could not be told apart again.
    """
    usual = first_of(TAG_NAMES, value) or TAG_NAMES[0]
    tokens, tags = list_of(value, columns, "tokens"), list_of(value, columns, "tags", usual)
    if len(tokens) != len(tags):
        raise UnfitError("unequal_lengths", f"{len(tokens):,} tokens, but {len(tags):,} tags")
    if not tokens:
        raise UnfitError("empty_messages", "there is no token")
    texts = _words(tokens, "token"), _words([tag if isinstance(tag, str) else _tag(tag) for tag in tags], "tag")
    roles = ("user", "assistant")
    return [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)], {}


def translation(value: Item, columns: Columns) -> Read:
    """A text (the user's turn) and its translation (the assistant's), in the columns `source` and `target`.

    Or, as on the Hugging Face hub, in an object `translation` of language -> text: `columns.source` and
    `columns.target` name its languages; where it has but two, the first is the source. Extra `languages`: the two.
    """
    texts = value.get("translation")
    if not isinstance(texts, dict):
        source, target = text_of(value, columns, "source"), text_of(value, columns, "target")
        return _turns(source, target), {}
    if len(texts) != 2 and not {"source", "target"} <= columns.keys():
        detail = f"{len(texts)} languages; state `columns.source` and `columns.target`"
        raise UnfitError("unclear_languages", detail)
    first, second = columns.get("source"), columns.get("target")
    first = first or next(language for language in texts if language != second)
    second = second or next((language for language in texts if language != first), first)
    if first == second:
        raise UnfitError("unclear_languages", f"the source and the target are the same language, {shown(first)}")
    return _turns(text_of(texts, {}, first), text_of(texts, {}, second)), {"languages": as_json([first, second])}


def _turns(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _tag(tag: Any) -> str:
    if isinstance(tag, (list, dict)):
        raise UnfitError("wrong_type", f"a tag must be text or a number, not {kind_of(tag)}")
    return as_text(as_scalar(tag), "a tag")


def _words(words: list[Any], what: str) -> str:
    text = " ".join(as_text(word, f"a {what}") for word in words)
    if text.split() != words:
        bad = next(word for word in words if word.split() != [word])
        raise UnfitError("white_space", f"the {what} {shown(bad)} is empty or holds white space")
    return text
