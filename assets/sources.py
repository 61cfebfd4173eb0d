"""Sources: what `params.yaml` names (files, the demo, hub data sets) is read as records and rejects, in chunks.

Here is the order of things. Which files a source means is known to `files` and `remote`, which container a file is to
`containers`, the demo to `library`, data sets to `hub` and `dataset_info`, items to records to `chunks`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from assets import containers, files, hub, library, source_checks, tables
from assets.chunks import Batch, Chunk, Reader
from assets.errors import SourceError
from assets.files import File
from assets.methods.rows import MAX_ITEM_CHARS, Item, Reject, Row, UnreadableError
from assets.progress import Advance
from assets.source_checks import Found
from assets.source_params import Source
from assets.stated_columns import StatedColumns, attributes_of, columns_of


def read(
    sources: Sequence[Source], root: Path, advance: Advance | None = None, max_item_chars: int = MAX_ITEM_CHARS
) -> Iterator[Chunk]:
    """All rows of `sources`, in their order; the files of a glob are sorted. Paths are relative to `root`.

    `advance` is told the bytes that were read, of the `size`. An item that cannot become a record is a reject with its
    file, line and reason; one that its source's `filter` does not let pass is one, too. `item` numbers the rows of each
    file from 1, records and rejects alike. `limit` counts these rows; what is behind them is not looked at. Files of
    the same name in different folders share a source name unless `name` tells them apart.
    Raises `SourceError`, which names the file, for one that is missing, empty or damaged, for an ending that is not
    known, for a file of which nothing can be read, for a stated column that no row has, and for a file that two
    sources (or two names of one glob) stand for, unless their `columns`, `format` or `filter` differ. Raises
    `SettingsError` for a setting that a source cannot follow, such as `header` for Parquet.
    Memory: one chunk and what `methods.reading` holds.
    """
    # Every source is looked up before the first is read: a misspelt name shows at once.
    batch = Batch()
    for found in source_checks.look_up(sources, root):
        parts = _parts(found, max_item_chars)
        stated = StatedColumns(found.source, parts[0].reader.columns)
        for part in parts:
            yield from _read_part(part, found.source, stated, batch, advance or (lambda done: None))
        stated.check(parts[0].shown if len(parts) == 1 else files.printable(found.source.path or ""))
    if batch.rows:
        yield batch.take()


def size(sources: Sequence[Source], root: Path) -> int | None:
    """The bytes that reading `sources` will advance by; None if nobody can say. Raises as `read` does."""
    everything = source_checks.look_up(sources, root)
    sizes = [file.size for found in everything for file in (*found.files, *found.targets)]
    if any(found.source.hub for found in everything) or None in sizes:
        return None
    has_demo = any(found.source.demo for found in everything)
    demo = sum(path.stat().st_size for _, path in library.modules()) if has_demo else 0
    return demo + sum(known for known in sizes if known is not None)


def fingerprint(sources: Sequence[Source], root: Path, known: MutableMapping[str, str] | None = None) -> str:
    """A hash (32 hex digits) that changes when the content or the settings of `sources` change.

    `known` remembers the hashes of files by name, size and time of change, so that unchanged files are not read again.
    Of a remote file the checksum or time of change counts that its server gives. Of a hub data set the commit that its
    revision stands for counts, asked of the hub unless `revision` is a commit.
    Raises as `read` does. Cost: one read of every file that is not known.
    """
    whole = hashlib.blake2b(digest_size=16)
    for found in source_checks.look_up(sources, root):
        source = found.source
        settings = json.dumps(source.model_dump(mode="json"), sort_keys=True)
        whole.update(f"{settings}\n".encode())
        if source.demo:
            whole.update(f"python {'.'.join(map(str, sys.version_info))}\n".encode())
            digests = [(shown, files.digest(partial(path.open, "rb"), shown)) for shown, path in library.modules()]
        elif source.hub:
            digests = [(source.hub, hub.commit(source))]
        else:
            digests = [(file.shown, file.digest(known)) for file in (*found.files, *found.targets)]
        for shown, digest in digests:
            whole.update(f"{shown}\n{digest}\n".encode())
    return whole.hexdigest()


@dataclass(frozen=True)
class _Part:
    """What is read in one go: a file, the demo, or a hub data set. Rows come with the file they are shown under."""

    shown: str
    source: str
    reader: Reader
    rows: Callable[[Advance], Iterator[tuple[str, Row]]]


def _parts(found: Found, max_chars: int) -> list[_Part]:
    source = found.source
    if source.demo:
        reader = _reader(source, source.format, columns_of(source), max_chars)
        return [_Part("demo", source.name or "demo", reader, lambda advance: library.rows(source.limit, advance))]
    if source.hub:
        shown = hub.shown(source)
        reader = _reader(source, source.format, columns_of(source), max_chars)
        name = source.name or files.printable(source.hub)
        return [_Part(shown, name, reader, lambda advance: ((shown, row) for row in hub.rows(source)))]
    targets = found.targets or (None,) * len(found.files)
    return [_file_part(file, target, source, max_chars) for file, target in zip(found.files, targets, strict=True)]


def _file_part(file: File, target: File | None, source: Source, max_chars: int) -> _Part:
    def rows(advance: Advance) -> Iterator[tuple[str, Row]]:
        found = containers.rows(file, target, source, max_chars, advance)
        return ((file.shown, row) for row in islice(found, source.limit))

    columns = containers.columns_of(file, source, columns_of(source))
    reader = _reader(source, containers.format_of(file, source), columns, max_chars)
    return _Part(
        file.shown if target is None else f"{file.shown} and {target.shown}", source.name or file.name, reader, rows
    )


def _reader(source: Source, format: str, columns: dict[str, str], max_chars: int) -> Reader:
    tags = {name: tag for name, tag in source.tags.model_dump().items() if tag is not None}
    conditions = tuple(rule.condition(column) for column, rule in source.filter.items())
    paths = StatedColumns(source, columns).paths
    return Reader(format, columns, attributes_of(source), tags or None, conditions, paths, max_chars)


def _read_part(part: _Part, source: Source, stated: StatedColumns, batch: Batch, advance: Advance) -> Iterator[Chunk]:
    here = StatedColumns(source, part.reader.columns)
    count, line, item, present = 0, 0, 0, ""
    first: Reject | None = None
    try:
        for file, row in part.rows(advance):
            line = row.line
            if file != present:
                present, item = file, 0
            if isinstance(row, Item):
                format, results = part.reader.records(row)
                here.see(row.value)
            else:
                format, results = "", [row]
            for result in results:
                item += 1
                if source.limit is not None and item > source.limit:
                    break
                origin = (part.source, file, line, item)
                if isinstance(result, Reject):
                    first = first or result
                    batch.add_reject(origin, result)
                else:
                    count += 1
                    batch.add_record(origin, source.weight, format, result)
                if batch.is_full:
                    yield batch.take()
    except (UnreadableError, UnicodeError) as error:
        place = f", after line {line}" if line else ""
        raise SourceError(f"{part.shown}: {tables.escape(str(error), 400)}{place}") from None
    stated.join(here)
    if not count:
        if first is None:
            raise SourceError(f"{part.shown}: holds no rows")
        here.check(part.shown)
        detail = tables.escape(first.detail, 400)
        raise SourceError(f"{part.shown}: nothing in it can be read; line {first.line}: {first.reason}: {detail}")
