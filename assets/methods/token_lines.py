"""Token lines (CoNLL): one token a line with its columns, a blank line after each sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from assets.methods import rows
from assets.methods.rows import ANY_LINE_END, Item, Reject, Row, decode, not_text, too_long

_COMMENT = re.compile(r"#\s*id\b")
_NOT_A_WORD = re.compile(r"\d+[-.]\d+")  # CoNLL-U numbers what is written as one word, and words that are not written


def token_lines(
    chunks: Iterable[bytes],
    encoding: str = "utf-8",
    token_column: int = 0,
    tag_column: int = -1,
    max_chars: int = rows.MAX_ITEM_CHARS,
    is_conllu: bool = False,
) -> Iterator[Row]:
    """One item a sentence: `tokens` and `tags`, two lists of texts of one length; `line` is that of its first token.

    Columns are counted from 0, from the end if negative. They are parted by tabs if the first token's line holds one,
    else by white space. Lines of white space end a sentence; `-DOCSTART-` lines and comments are passed over. A comment
    begins with `#` before the first token and has other columns than the tokens have, or begins with `# id`. A line
    numbered as a range or fraction is no token if `is_conllu`. A sentence with a line of too few columns is rejected
    as a whole, named by that line. Memory: one sentence.
    """
    shape: tuple[str | None, int] | None = None  # how columns are parted, and how many there are
    for sentence in _sentences(decode(chunks, encoding), max_chars):
        first, text = sentence[0][0], "\n".join(line for _, line in sentence)
        bad = too_long(first, text, max_chars)
        bad = bad or next((bad for number, line in sentence if (bad := not_text(number, line, encoding))), None)
        shape = _shape(sentence) or shape
        if row := bad or _sentence(sentence, text, shape, (token_column, tag_column), is_conllu):
            yield row


def _sentences(texts: Iterable[str], max_chars: int) -> Iterator[list[tuple[int, str]]]:
    """The lines of each sentence with their numbers; of a sentence beyond `max_chars` only so much."""
    sentence: list[tuple[int, str]] = []
    size = 0
    for number, ended in enumerate(rows.lines(texts, ANY_LINE_END, max_chars), 1):
        line = ended.rstrip("\r\n")
        if line and not line.isspace():
            if size <= max_chars + 1 and not line.startswith("-DOCSTART-"):
                sentence.append((number, line))
                size += len(line) + 1
        elif sentence:
            yield sentence
            sentence, size = [], 0
    if sentence:
        yield sentence


def _shape(sentence: list[tuple[int, str]]) -> tuple[str | None, int] | None:
    """How the columns of a sentence are parted, and their number; None if it may hold comments only."""
    sample = next((line for _, line in sentence if not line.startswith("#")), "")
    sample = sample or next((line for _, line in sentence if "\t" in line), "")
    separator = "\t" if "\t" in sample else None
    return (separator, len(sample.split(separator))) if sample else None


def _sentence(
    sentence: list[tuple[int, str]],
    text: str,
    shape: tuple[str | None, int] | None,
    columns: tuple[int, int],
    is_conllu: bool,
) -> Row | None:
    separator, width = shape or (None, 0)
    tokens: list[str] = []
    tags: list[str] = []
    start = sentence[0][0]
    for number, line in sentence:
        cells = line.split(separator)
        if not tokens and line.startswith("#") and (len(cells) != width or _COMMENT.match(line)):
            continue
        if is_conllu and _NOT_A_WORD.fullmatch(cells[0]):
            continue
        if not tokens:
            start = number
        try:
            token, tag = (cells[column] for column in columns)
        except IndexError:
            token = tag = ""
        if len(cells) < 2 or not token or not tag:
            places = f"{columns[0]} (token) and {columns[1]} (tag)"
            detail = f"line {number} has {len(cells)} columns; expected a token and its tag in the columns {places}"
            return Reject(start, "wrong_field_count", detail, text)
        tokens.append(token)
        tags.append(tag)
    return Item(start, {"tokens": tokens, "tags": tags}) if tokens else None
