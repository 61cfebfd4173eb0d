"""Which container a file is, by its ending and the settings of its source, and the rows in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from assets import files
from assets.errors import SettingsError, SourceError
from assets.files import File
from assets.methods import reading
from assets.methods.parallel import parallel_lines
from assets.methods.rows import Row, UnreadableError
from assets.methods.separated import separated
from assets.methods.token_lines import token_lines
from assets.progress import Advance
from assets.source_params import Source

DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON = (".json", ".jsonl", ".ndjson")
_TOKEN_LINES = (".conll", ".conllu")
# Formats that make a text of lines of any ending, and what the lines then are.
_LINES = {"text": "text", "questions": "text", "labelled": "label", "token-labels": "token"}


def takes_any_ending(source: Source) -> bool:
    """Whether the settings tell what the lines of a file are, so that its ending need not."""
    return source.target_path is not None or source.format in _LINES


def check(file: File, source: Source) -> None:
    """Raise the error of a setting that does not go with the file's ending."""
    is_utf_8 = source.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    if file.ending == ".txt" and not takes_any_ending(source):
        raise SourceError(
            f"{file.shown}: a .txt file is read only with `format: labelled` (as one 'LABEL text' a line), `format: "
            "text` (as one text a line), `format: token-labels` (as CoNLL has it) or a `target_path`"
        )
    if source.header is not None and (file.ending not in (*DELIMITERS, *_JSON) or source.target_path):
        raise SettingsError(f"{file.shown}: `header` is for CSV, TSV and JSON files only; leave it out for this one")
    if file.ending == ".parquet" and not is_utf_8:
        raise SettingsError(f"{file.shown}: `encoding` is for text files only; leave it out for this one")
    if _is_token_lines(file, source):
        for name, column in (("tokens", source.columns.tokens), ("tags", source.columns.tags)):
            if column is not None and not column.removeprefix("-").isdecimal():
                raise SettingsError(
                    f"{file.shown}: columns.{name}: expected the number of a column, such as '0', or '-1' for the last"
                )


def format_of(file: File, source: Source) -> str:
    """The format of the records, where the container tells it, else that of the settings."""
    if source.format == "auto" and source.target_path is not None:
        return "translation"
    return "token-labels" if _is_token_lines(file, source) else source.format


def columns_of(file: File, source: Source, columns: dict[str, str]) -> dict[str, str]:
    """The stated columns without those that only the container needs."""
    if not _is_token_lines(file, source):
        return columns
    return {name: column for name, column in columns.items() if name not in ("tokens", "tags")}


def rows(file: File, target: File | None, source: Source, max_chars: int, advance: Advance) -> Iterator[Row]:
    """The rows of a file (or of a pair of files), each with its line. Raises `UnreadableError`."""
    if file.ending == ".parquet":
        return _parquet_rows(file, advance)
    pieces, encoding = files.pieces(file, advance), source.encoding
    if target is not None:
        return parallel_lines(pieces, files.pieces(target, advance), encoding, max_chars)
    if file.ending in DELIMITERS:
        return separated(pieces, DELIMITERS[file.ending], source.header, encoding, max_chars)
    if _is_token_lines(file, source):
        is_conllu = file.ending == ".conllu"
        token = int(source.columns.tokens or is_conllu)  # as CoNLL-U has it: number, form, lemma, UPOS, …
        tag = int(source.columns.tags or (3 if is_conllu else -1))
        return token_lines(pieces, encoding, token, tag, max_chars, is_conllu)
    if file.ending in (".label", ".txt"):
        is_text = file.ending == ".txt" and _LINES[source.format] == "text"
        return (reading.text_lines if is_text else reading.label_lines)(pieces, encoding, max_chars)
    return reading.json_items(pieces, encoding, file.ending != ".json", source.header, max_chars)


def _is_token_lines(file: File, source: Source) -> bool:
    return file.ending in _TOKEN_LINES or (file.ending == ".txt" and source.format == "token-labels")


def _parquet_rows(file: File, advance: Advance) -> Iterator[Row]:
    try:
        if file.compression or not _is_seekable(file):
            # Its footer is at the end, so that it has to be there whole.
            with tempfile.TemporaryFile() as whole:
                for piece in files.pieces(file, advance):
                    whole.write(piece)
                whole.seek(0)
                yield from reading.parquet(cast(BinaryIO, whole))
        else:
            with file.open() as raw:
                yield from reading.parquet(raw)
            advance(file.size or 0)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from None


def _is_seekable(file: File) -> bool:
    with file.open() as raw:
        return raw.seekable()
