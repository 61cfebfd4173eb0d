"""The source files of the running Python's standard library, of which the demo is made."""

from __future__ import annotations

import importlib.util
import os
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from assets.errors import SourceError
from assets.methods import demo
from assets.methods.rows import Reject, Row, UnreadableError
from assets.progress import Advance

# Test suites, packages that are not the library's own, and programs of their own.
_NOT_DEMO = {"test", "tests", "idle_test", "site-packages", "dist-packages", "idlelib", "lib2to3", "turtledemo"}


def modules() -> list[tuple[str, Path]]:
    """The modules of the running Python's standard library, as they are shown and where they are, sorted."""
    top = Path(sysconfig.get_path("stdlib"))
    found = []
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if name not in _NOT_DEMO]
        paths = [Path(folder, name) for name in names if name.endswith(".py")]
        found += [(f"stdlib/{path.relative_to(top).as_posix()}", path) for path in paths]
    if not found:
        raise SourceError("demo: this Python has no source files of its standard library; state another source")
    return sorted(found)


def rows(limit: int | None, advance: Advance) -> Iterator[tuple[str, Row]]:
    """Items of all modules, at most `limit` of each, with the file they are shown under.

    `advance` is told the bytes that were read. Cost: one parse of every module, seconds in all.
    """
    for shown, path in modules():
        module = shown.removeprefix("stdlib/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        try:
            source = path.read_bytes()
            items: Sequence[Row] = demo.docstrings(importlib.util.decode_source(source), module)
        except OSError as error:
            raise UnreadableError(f"{shown} cannot be read: {error.strerror}") from None
        except (SyntaxError, ValueError, RecursionError) as error:  # not Python, not text, nested too deeply
            items = [Reject(getattr(error, "lineno", None) or 1, "not_python", str(error), "")]
        for item in items[:limit]:
            yield shown, item
        advance(len(source))
