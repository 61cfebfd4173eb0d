"""LLaMA-Factory's `dataset_info.json`: each of its entries as a source, by the rules of that project.

https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md says what an entry may hold. Two of its habits are
not ours: `num_samples` takes rows from the top, not at random, and columns `system` and `history` of alpaca rows are
read although no entry names them.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assets import files, tables
from assets.errors import SettingsError, SourceError
from assets.source_params import Columns, Source, Tags

_COLUMNS = {
    "prompt": "instruction",
    "query": "input",
    "response": "output",
    "history": "history",
    "messages": "messages",
    "system": "system",
    "tools": "tools",
}
_FORMATS = {"alpaca": "alpaca", "sharegpt": "sharegpt", "openai": "messages"}
_PLACES = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name", "file_name")
_KNOWN = (*_PLACES, "formatting", "ranking", "subset", "split", "folder", "num_samples", "columns", "tags")
_PREFERENCES = "holds preferences (pairs of a better and a worse answer), which are no examples to fine-tune on"
_MEDIA = "holds pictures, films or sound, which are not read"
# What an entry says of itself, and a source that names the whole file must not.
_STATED_BY_ENTRIES = ("format", "columns", "tags", "header", "target_path", "subset", "split", "revision")


def expand(source: Source, root: Path, where: str) -> list[Source]:
    """The sources that the stated entries of `source.dataset_info` (default: all) stand for, in the file's order.

    What else `source` states (filter, weight, limit, …) holds for each of them; the name of an entry is the source's
    name unless one is stated. Raises `SourceError`, which names file and entry, for an entry that cannot be read.
    """
    for setting in _STATED_BY_ENTRIES:
        if getattr(source, setting) != Source.model_fields[setting].default:
            raise SettingsError(f"{where}.{setting}: is for the entries of dataset_info to state; leave it out")
    written = source.dataset_info or ""
    shown = files.printable(written)
    entries = _entries(root / os.path.expanduser(written), shown)
    for name in source.entries or ():
        if name not in entries:
            close = difflib.get_close_matches(name, entries, 1) or list(entries)[:8]
            raise SourceError(f"{shown}: has no entry '{files.printable(name)}'; did you mean {_listed(close)}?")
    wanted = entries if source.entries is None else source.entries
    return [_source(name, entries[name], source, root, f"{shown}, entry '{files.printable(name)}'") for name in wanted]


def _entries(path: Path, shown: str) -> dict[str, Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        why = "no such file (relative paths start at the folder of params.yaml)"
        raise SourceError(
            f"{shown}: {why if isinstance(error, FileNotFoundError) else f'cannot be read: {error.strerror}'}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{shown}: is not JSON: {tables.escape(str(error), 200)}") from None
    if not isinstance(entries, dict) or not entries:
        raise SourceError(f"{shown}: expected an object of data sets by name, as LLaMA-Factory's dataset_info.json is")
    return entries


def _source(name: str, entry: Any, stated: Source, root: Path, where: str) -> Source:
    if not isinstance(entry, dict):
        raise SourceError(f"{where}: expected an object, not {tables.escape(repr(entry), 80)}")
    _refuse(entry, where)
    values: dict[str, Any] = {
        "name": stated.name or name,
        "format": _FORMATS[entry.get("formatting") or "alpaca"],
        "columns": Columns(**_mapped(entry, "columns", _COLUMNS, where)),
        "tags": Tags(**_mapped(entry, "tags", {tag: tag for tag in Tags.model_fields}, where)),
        "limit": _limit(entry.get("num_samples"), stated.limit),
        **{setting: getattr(stated, setting) for setting in ("attributes", "encoding", "filter", "weight")},
    }
    if hub := entry.get("hf_hub_url"):
        values |= {"hub": hub, "subset": entry.get("subset"), "split": entry.get("split") or "train"}
    else:
        values["path"] = _path(entry, stated.dataset_info or "", root, where)
    try:
        return Source(**values)
    except ValidationError as error:
        problem = error.errors()[0]
        raise SourceError(f"{where}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None


def _limit(samples: Any, stated: int | None) -> Any:
    """The smaller of the two; what is no number is left for the model of a source to refuse."""
    if samples is None or stated is None or type(samples) is not int:
        return stated if samples is None else samples
    return min(samples, stated)


def _refuse(entry: Mapping[str, Any], where: str) -> None:
    """Raise `SourceError` for what an entry asks for and Pickwise has not."""
    stated = entry.get("columns")
    columns = set(stated) if isinstance(stated, dict) else set()
    for is_so, why in (
        (entry.get("ranking"), f"`ranking`: {_PREFERENCES}"),
        ({"chosen", "rejected"} & columns, f"`chosen` and `rejected`: {_PREFERENCES}"),
        ("kto_tag" in columns, f"`kto_tag`: {_PREFERENCES}"),
        ({"images", "videos", "audios"} & columns, _MEDIA),
        (entry.get("script_url"), "`script_url`: scripts are not run; name the data files"),
        (entry.get("folder"), "`folder`: is not read; name the data files, such as hf://datasets/owner/name/folder/*"),
        (
            not any(entry.get(key) for key in ("hf_hub_url", "cloud_file_name", "file_name")),
            "names no data; expected file_name, cloud_file_name or hf_hub_url",
        ),
        (entry.get("formatting") not in (None, *_FORMATS), f"`formatting`: expected {_listed(_FORMATS)}"),
        (unknown := [key for key in entry if key not in _KNOWN], f"unknown key {_listed(unknown)}"),
    ):
        if is_so:
            raise SourceError(f"{where}: {why}; name the entries to read in `entries`")


def _mapped(entry: Mapping[str, Any], section: str, known: Mapping[str, str], where: str) -> dict[str, str]:
    stated = entry.get(section) or {}
    if not isinstance(stated, dict) or not all(
        isinstance(value, str) for value in stated.values() if value is not None
    ):
        raise SourceError(f"{where}: `{section}`: expected names by what they stand for")
    if unknown := [key for key in stated if key not in known]:
        raise SourceError(f"{where}: `{section}`: unknown {_listed(unknown)}; known: {_listed(known)}")
    return {known[key]: value for key, value in stated.items() if value is not None}


def _path(entry: Mapping[str, Any], info: str, root: Path, where: str) -> str:
    """The file of an entry: beside the dataset_info.json, all files of a folder, or a URL."""
    name = entry.get("cloud_file_name") or entry["file_name"]
    if not isinstance(name, str) or "\0" in name:
        raise SourceError(f"{where}: expected the name of a file, not {tables.escape(repr(name), 80)}")
    if entry.get("cloud_file_name"):
        return name
    path = os.path.join(os.path.dirname(info), name)
    return os.path.join(path, "*") if (root / os.path.expanduser(path)).is_dir() else path


def _listed(names: Sequence[str] | Mapping[str, Any]) -> str:
    return ", ".join(f"'{files.printable(str(name))}'" for name in names)
