"""Parallel text: two files whose lines translate each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from assets.methods import rows
from assets.methods.rows import Item, Row, UnreadableError, decode, not_text, too_long


def parallel_lines(
    sources: Iterable[bytes],
    targets: Iterable[bytes],
    encoding: str = "utf-8",
    max_chars: int = rows.MAX_ITEM_CHARS,
) -> Iterator[Row]:
    """One item a pair of lines, with the columns `source` and `target`; lines blank on both sides are passed over.

    Only a line feed ends a line: either side may hold other line ends, which must not shift the pairs. A fault on
    either side costs the pair. Raises `UnreadableError` at the end if one side has more lines. Memory: two lines.
    """
    ours, theirs = (rows.lines(decode(side, encoding), max_chars=max_chars) for side in (sources, targets))
    for number, (ours_ended, theirs_ended) in enumerate(zip_longest(ours, theirs), 1):
        if ours_ended is None or theirs_ended is None:
            longer = number + sum(1 for _ in (ours if theirs_ended is None else theirs))
            counts = (longer, number - 1) if theirs_ended is None else (number - 1, longer)
            raise UnreadableError(f"{counts[0]:,} lines against {counts[1]:,}; the lines of both must pair up")
        source, target = ours_ended.rstrip("\r\n"), theirs_ended.rstrip("\r\n")
        bad = too_long(number, source, max_chars) or too_long(number, target, max_chars)
        bad = bad or not_text(number, source, encoding) or not_text(number, target, encoding)
        if bad:
            yield bad
        elif source.strip() or target.strip():
            yield Item(number, {"source": source, "target": target})
