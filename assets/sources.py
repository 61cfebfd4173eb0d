"""Sources: what `params.yaml` names (files, the demo, hub data sets) is read as records and rejects, in chunks.

Here is the order of things, and which settings go with which kind of source. How files are found and opened is known to
`files`, the demo to `library`, data sets to `hub`, bytes to items to `methods/reading`, items to records to `chunks`.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa

from assets import files, hub, library, tables
from assets.chunks import Batch, Chunk, StatedColumns, attributes_of, columns_of, convert
from assets.errors import SettingsError, SourceError
from assets.files import File
from assets.methods import reading
from assets.methods.rows import Item, Reject, Row, UnreadableError
from assets.methods.separated import separated
from assets.params import Source
from assets.progress import Advance

# A chunk is full when it has so many rows, or so many characters: memory is bounded for long rows, too.
CHUNK_ROWS = 10_000
CHUNK_CHARS = 64 * 2**20

_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def read(sources: Sequence[Source], root: Path, advance: Advance | None = None) -> Iterator[Chunk]:
    """All rows of `sources`, in their order; the files of a glob are sorted. Paths are relative to `root`.

    `advance` is told the bytes that were read, of the `size`. An item that cannot become a record is a reject with its
    file, line and reason. `limit` counts the rows of each file from the top, good and bad ones; what is behind them is
    not looked at. Files of the same name in different folders share a source name unless `name` tells them apart.
    Raises `SourceError`, which names the file, for one that is missing, empty or damaged, for an ending that is not
    known, for a file of which nothing can be read, for a stated column that no row has, and for a file that two
    sources (or two names of one glob) stand for, unless their `columns` or `format` differ. Raises `SettingsError` for
    a setting that a source cannot follow, such as `header` for JSON.
    Memory: one chunk and what `methods.reading` holds.
    """
    # Every source is looked up before the first is read: a misspelt name shows at once.
    batch = Batch()
    for source, found in _found(sources, root):
        stated = StatedColumns(source)
        parts = _parts(source, found)
        for part in parts:
            yield from _read_part(part, source, stated, batch, advance or (lambda done: None))
        stated.check(parts[0].shown if len(parts) == 1 else files.printable(source.path or ""))
    if batch.rows:
        yield batch.take()


def size(sources: Sequence[Source], root: Path) -> int | None:
    """The bytes that reading `sources` will advance by; None if one is on the hub. Raises as `read` does."""
    found = _found(sources, root)
    if any(source.hub for source in sources):
        return None
    demo = sum(path.stat().st_size for _, path in library.modules()) if any(source.demo for source in sources) else 0
    return demo + sum(file.size for _, of_source in found for file in of_source)


def fingerprint(sources: Sequence[Source], root: Path, known: MutableMapping[str, str] | None = None) -> str:
    """A hash (32 hex digits) that changes when the content or the settings of `sources` change.

    `known` remembers the hashes of files by name, size and time of change, so that unchanged files are not read again.
    Of a hub data set the commit that its revision stands for counts, asked of the hub unless `revision` is a commit.
    Raises as `read` does. Cost: one read of every file that is not known.
    """
    whole = hashlib.blake2b(digest_size=16)
    for source, found in _found(sources, root):
        settings = json.dumps(source.model_dump(mode="json"), sort_keys=True)
        whole.update(f"{settings}\n".encode())
        if source.demo:
            whole.update(f"python {'.'.join(map(str, sys.version_info))}\n".encode())
            digests = [(shown, files.digest(path, shown)) for shown, path in library.modules()]
        elif source.hub:
            digests = [(source.hub, hub.commit(source))]
        else:
            digests = [(file.shown, files.known_digest(file, known)) for file in found]
        for shown, digest in digests:
            whole.update(f"{shown}\n{digest}\n".encode())
    return whole.hexdigest()


# -- what there is to read -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """What is read in one go: a file, the demo, or a hub data set. Rows come with the file they are shown under."""

    shown: str
    source: str
    rows: Callable[[Advance], Iterator[tuple[str, Row]]]


def _found(sources: Sequence[Source], root: Path) -> list[tuple[Source, list[File]]]:
    """Each source with its files (none for the demo and the hub), all of them looked up and fit for their settings."""
    everything: list[tuple[Source, list[File]]] = []
    seen: dict[tuple[str, ...], str] = {}
    for number, source in enumerate(sources):
        _check_settings(source, f"raw_data.sources[{number}]")
        found = files.find(source.path, root) if source.path is not None else []
        for file in found:
            _check_file(file, source)
        places = [(file.shown, os.path.realpath(file.path)) for file in found]
        for shown, place in places or [(_shown(source), f"{_shown(source)}@{source.revision}")]:
            key = (place, source.format, str(source.columns))
            if key in seen:
                raise SourceError(
                    f"{shown}: would be read twice, also as {seen[key]}; name it once (or state other `columns`)"
                )
            seen[key] = shown
        everything.append((source, found))
    return everything


def _check_settings(source: Source, where: str) -> None:
    """Raise `SettingsError` for what no source, or none of this kind, can follow."""
    if source.name is not None and (not source.name.strip() or not source.name.isprintable()):
        raise SettingsError(f"{where}.name: expected printable text, not {tables.escape(ascii(source.name))}")
    if source.path is not None and not source.path.strip():
        raise SettingsError(f"{where}.path: expected the name of a file or a pattern, not a blank")
    header = source.header
    if header is not None and (not header or len(set(header)) < len(header)):
        raise SettingsError(f"{where}.header: expected the names of the columns, each once")
    if source.path is None:
        for setting, is_stated in (("header", header is not None), ("encoding", not _is_utf_8(source))):
            if is_stated:
                raise SettingsError(f"{where}.{setting}: is for files only; leave it out for {_shown(source)}")
    if source.hub is None:
        for setting in ("subset", "split", "revision"):
            if getattr(source, setting) != Source.model_fields[setting].default:
                raise SettingsError(f"{where}.{setting}: is for hub data sets only; leave it out")


def _check_file(file: File, source: Source) -> None:
    """Raise the error of a setting that does not go with the file's ending."""
    if file.ending == ".txt" and source.format != "labelled":
        raise SourceError(f"{file.shown}: a .txt file is read only with `format: labelled`, as one 'LABEL text' a line")
    if source.header is not None and file.ending not in _DELIMITERS:
        raise SettingsError(f"{file.shown}: `header` is for CSV and TSV files only; leave it out for this one")
    if file.ending == ".parquet" and not _is_utf_8(source):
        raise SettingsError(f"{file.shown}: `encoding` is for text files only; leave it out for this one")


def _is_utf_8(source: Source) -> bool:
    return codecs.lookup(source.encoding).name == "utf-8"


def _shown(source: Source) -> str:
    return hub.shown(source) if source.hub else "demo" if source.demo else files.printable(source.path or "")


def _parts(source: Source, found: list[File]) -> list[_Part]:
    if source.demo:
        return [_Part("demo", source.name or "demo", lambda advance: library.rows(source.limit, advance))]
    if source.hub:
        shown = hub.shown(source)
        name = source.name or files.printable(source.hub)
        return [_Part(shown, name, lambda advance: ((shown, row) for row in hub.rows(source)))]
    return [_file_part(file, source) for file in found]


def _file_part(file: File, source: Source) -> _Part:
    def rows(advance: Advance) -> Iterator[tuple[str, Row]]:
        return ((file.shown, row) for row in islice(_file_rows(file, source, advance), source.limit))

    return _Part(file.shown, source.name or file.name, rows)


def _file_rows(file: File, source: Source, advance: Advance) -> Iterator[Row]:
    if file.ending == ".parquet":
        return _parquet_rows(file, advance)
    pieces = files.pieces(file, advance)
    if file.ending in _DELIMITERS:
        return separated(pieces, _DELIMITERS[file.ending], source.header, source.encoding)
    if file.ending in (".label", ".txt"):
        return reading.label_lines(pieces, source.encoding)
    return reading.json_items(pieces, source.encoding, lines=file.ending != ".json")


def _parquet_rows(file: File, advance: Advance) -> Iterator[Row]:
    try:
        if file.compression:  # its footer is at the end, so it has to be unpacked whole
            yield from reading.parquet(pa.BufferReader(b"".join(files.pieces(file, advance))))
        else:
            with file.path.open("rb") as raw:
                yield from reading.parquet(raw)
            advance(file.size)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from None


def _read_part(part: _Part, source: Source, stated: StatedColumns, batch: Batch, advance: Advance) -> Iterator[Chunk]:
    columns, attributes = columns_of(source), attributes_of(source)
    here = StatedColumns(source)
    count, line = 0, 0
    first: Reject | None = None
    try:
        for file, row in part.rows(advance):
            line = row.line
            if isinstance(row, Item):
                here.see(row.value)
                result = convert(row, source.format, columns, attributes)
            else:
                result = row
            if isinstance(result, Reject):
                first = first or result
                batch.add_reject(part.source, file, result)
            else:
                count += 1
                batch.add_record(part.source, file, line, *result)
            if batch.rows >= CHUNK_ROWS or batch.chars >= CHUNK_CHARS:
                yield batch.take()
    except (UnreadableError, UnicodeError) as error:
        place = f", after line {line}" if line else ""
        raise SourceError(f"{part.shown}: {tables.escape(str(error), 400)}{place}") from None
    stated.join(here)
    if not count and first is None:
        raise SourceError(f"{part.shown}: holds no rows")
    if not count and first is not None:
        here.check(part.shown)
        detail = tables.escape(first.detail, 400)
        raise SourceError(f"{part.shown}: nothing in it can be read; line {first.line}: {first.reason}: {detail}")
