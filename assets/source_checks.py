"""Looking sources up: the files of each, and whether its settings go together, before the first row is read."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assets import containers, dataset_info, files, hub, remote, tables
from assets.errors import SettingsError, SourceError
from assets.files import File
from assets.source_params import Source


@dataclass(frozen=True)
class Found:
    """A source with its files (none for the demo and the hub) and, for parallel text, with those of the other side."""

    source: Source
    files: tuple[File, ...] = ()
    targets: tuple[File, ...] = ()


def look_up(sources: Sequence[Source], root: Path) -> list[Found]:
    """Each source with its files, all of them there and fit for their settings; those of a `dataset_info` one by one.

    Raises `SourceError` and `SettingsError`, as `sources.read` says.
    """
    everything: list[Found] = []
    seen: dict[tuple[str, ...], str] = {}
    for number, stated in enumerate(sources):
        where = f"raw_data.sources[{number}]"
        _check_settings(stated, where)
        for source in [stated] if stated.dataset_info is None else dataset_info.expand(stated, root, where):
            found = _find(source, root)
            _check_twice(found, seen)
            everything.append(found)
    return everything


def shown(source: Source) -> str:
    """How a source is called in messages."""
    if source.hub:
        return hub.shown(source)
    return "demo" if source.demo else files.printable(source.path or source.dataset_info or "")


def _find(source: Source, root: Path) -> Found:
    if source.path is None:
        return Found(source)
    found = _files(source.path, source, root)
    targets = _files(source.target_path, source, root) if source.target_path is not None else []
    if source.target_path is not None and len(found) != len(targets):
        raise SourceError(
            f"{shown(source)}: means {len(found):,} files where {files.printable(source.target_path)} "
            f"(target_path) means {len(targets):,}; they must pair up"
        )
    for file in (*found, *targets):
        containers.check(file, source)
    return Found(source, tuple(found), tuple(targets))


def _files(written: str, source: Source, root: Path) -> list[File]:
    any_ending = containers.takes_any_ending(source)
    if remote.is_url(written):
        return remote.find(written, any_ending)
    return files.find(written, root, any_ending)


def _check_twice(found: Found, seen: dict[tuple[str, ...], str]) -> None:
    source = found.source
    places = [(file.shown, file.place) for file in found.files] or [
        (shown(source), f"{shown(source)}@{source.revision}")
    ]
    others = [target.place for target in found.targets] or [""] * len(places)
    for (name, place), other in zip(places, others, strict=True):
        key = (place, other, source.format, str(source.columns), str(source.filter))
        if key in seen:
            raise SourceError(
                f"{name}: would be read twice, also as {seen[key]}; name it once (or state other `columns`)"
            )
        seen[key] = name


def _check_settings(source: Source, where: str) -> None:
    """Raise `SettingsError` for what no source, or none of this kind, can follow."""
    if source.name is not None and (not source.name.strip() or not source.name.isprintable()):
        raise SettingsError(f"{where}.name: expected printable text, not {tables.escape(ascii(source.name))}")
    for setting in ("path", "target_path", "dataset_info"):
        written = getattr(source, setting)
        if written is not None and not written.strip():
            raise SettingsError(f"{where}.{setting}: expected the name of a file or a pattern, not a blank")
    header = source.header
    if header is not None and (not header or len(set(header)) < len(header)):
        raise SettingsError(f"{where}.header: expected the names of the columns, each once")
    if source.target_path is not None and source.format not in ("auto", "translation"):
        raise SettingsError(f"{where}.format: two files of parallel text are of the format translation; leave it out")
    is_utf_8 = codecs.lookup(source.encoding).name == "utf-8"
    for setting, is_stated, is_apt, what in (
        ("header", header is not None, source.path is not None, "files"),
        ("encoding", not is_utf_8, source.path is not None or source.dataset_info is not None, "files"),
        ("target_path", source.target_path is not None, source.path is not None, "files"),
        ("entries", source.entries is not None, source.dataset_info is not None, "dataset_info"),
        *(
            (setting, getattr(source, setting) != Source.model_fields[setting].default, source.hub, "hub data sets")
            for setting in ("subset", "split", "revision")
            if source.dataset_info is None
        ),
    ):
        if is_stated and not is_apt:
            raise SettingsError(f"{where}.{setting}: is for {what} only; leave it out for {shown(source)}")
