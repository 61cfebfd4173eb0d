"""The built-in demo: the docstrings of Python's own standard library as a set of instructions.

Source text in, items out; nothing is imported or run. What comes out is left as nature made it: copied docstrings,
one-word ones and pages of them, private helpers, and areas from a dozen items to more than a thousand.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import warnings
from collections.abc import Iterator

from assets.methods.rows import Item

OTHER = "other"

# The area of a module: that of its longest known parent (`importlib.metadata` before `importlib`), without the
# underscore of a module that is written in C elsewhere (`_pydecimal`). Every module not listed is "other".
_MODULES = {
    "gui": "tkinter turtle",
    "concurrency": "asyncio multiprocessing threading _threading_local concurrent queue selectors subprocess "
    "contextvars asyncore asynchat",
    "networking": "http urllib wsgiref xmlrpc imaplib nntplib smtplib smtpd ftplib poplib telnetlib socket "
    "socketserver ipaddress cgi cgitb webbrowser netrc mailcap nturl2path",
    "email": "email mailbox mimetypes quopri uu",
    "data formats": "xml json csv configparser html plistlib pickle pickletools shelve copyreg dbm sqlite3 tomllib "
    "base64 binhex xdrlib _markupbase",
    "compression": "tarfile zipfile gzip bz2 lzma _compression",
    "text": "re string textwrap difflib codecs encodings locale gettext shlex pprint reprlib stringprep",
    "mathematics": "_pydecimal decimal fractions statistics random numbers math cmath bisect heapq graphlib",
    "dates": "datetime calendar zoneinfo _strptime time",
    "language": "collections _collections_abc typing enum dataclasses functools operator contextlib abc _py_abc types "
    "copy weakref _weakrefset itertools inspect ast symtable tokenize token keyword dis opcode code codeop pyclbr "
    "warnings __future__ _sitebuiltins",
    "operating system": "os posixpath ntpath genericpath pathlib shutil tempfile glob fnmatch stat filecmp fileinput "
    "_pyio io platform _osx_support _aix_support pty tty pipes signal sysconfig ctypes",
    "testing and debugging": "unittest doctest pdb bdb trace traceback tracemalloc timeit profile cProfile pstats "
    "logging linecache faulthandler",
    "packaging": "distutils importlib imp pkgutil venv ensurepip zipimport zipapp runpy modulefinder compileall "
    "py_compile",
    "cryptography": "ssl hashlib hmac secrets crypt",
    "multimedia": "wave aifc sunau sndhdr imghdr chunk",
    "command line": "argparse optparse getopt cmd rlcompleter pydoc pydoc_data",
}
_AREAS = {module: area for area, modules in _MODULES.items() for module in modules.split()}

_QUESTIONS = {
    "function": (
        "What does `{name}` do?",
        "Explain the function `{name}`.",
        "What is the function `{name}` for?",
        "Describe what `{name}` does in Python.",
    ),
    "method": (
        "What does the method `{name}` do?",
        "Explain the method `{name}`.",
        "What happens when `{name}` is called?",
        "Describe the method `{name}`.",
    ),
    "class": (
        "What is the class `{name}`?",
        "Explain the class `{name}`.",
        "What is `{name}` used for in Python?",
        "Describe what the class `{name}` stands for.",
    ),
}

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def docstrings(source: str, module: str) -> list[Item]:
    """One item for each function, class and method of `source` that has a docstring, in the order of the text.

    An item stands at the line of its `def` or `class` and holds `instruction` (a question, one of a few forms, fixed by
    the name), `output` (the docstring without its indentation), `label` (the area of the library), `kind` (function,
    method or class) and `visibility` (private where a part of the name begins with one underscore, or with two but
    does not end so). Functions inside functions are left out.
    Raises `SyntaxError` where `source` is not Python. Cost: one parse.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own odd escapes are not our user's concern
        tree = ast.parse(source)
    label = area(module)
    items = []
    for node, name in _definitions(tree, module, in_class=False):
        kind, qualified = name
        if text := ast.get_docstring(node, clean=False):
            value = {
                "instruction": question(kind, qualified),
                "output": inspect.cleandoc(text),
                "label": label,
                "kind": kind,
                "visibility": "private" if any(map(_is_private, qualified.split("."))) else "public",
            }
            items.append(Item(node.lineno, value))
    return items


def area(module: str) -> str:
    """The area of the standard library that a module belongs to; "other" where none is known."""
    parts = module.split(".")
    known = (".".join(parts[:i]) for i in range(len(parts), 0, -1))
    return next((_AREAS[name] for name in known if name in _AREAS), OTHER)


def question(kind: str, name: str) -> str:
    """The instruction that asks for a docstring; its form depends on the name alone, so it is the same every time."""
    forms = _QUESTIONS[kind]
    digest = hashlib.blake2b(name.encode("utf-8"), digest_size=8).digest()
    return forms[int.from_bytes(digest, "big") % len(forms)].format(name=name)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _definitions(parent: ast.AST, prefix: str, in_class: bool) -> Iterator[tuple[_Definition, tuple[str, str]]]:
    """Each definition with its kind and qualified name, those under `if` and `try` too."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            name = f"{prefix}.{node.name}"
            yield node, ("class", name)
            yield from _definitions(node, name, in_class=True)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node, ("method" if in_class else "function", f"{prefix}.{node.name}")
        elif isinstance(node, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _definitions(node, prefix, in_class)
