"""Docstrings to items, from source text alone."""

from __future__ import annotations

import json
import textwrap

import pytest

from assets.methods import demo
from assets.methods.formats import ParsedRecord, detect, to_records

SOURCE = textwrap.dedent(
    '''
    """The module's own docstring is not asked for."""
    import does_not_exist

    raise SystemExit("never run")

    def plain():
        """Do one thing.

        Then:
            indented.
        """
        def inner():
            """Not asked for."""

    def silent():
        pass

    async def later(): "One line."

    class Thing:
        """A thing."""

        def __init__(self):
            """Make it."""

        def _hidden(self):
            "Hide it."

        class Part:
            """A part."""

            def turn(self):
                """Turn it."""

    if True:
        try:
            def guarded():
                "In a try."
        except ImportError:
            def guarded():
                "In an except."
    '''
)


def test_what_is_asked_for() -> None:
    items = demo.docstrings(SOURCE, "xml.made")
    found = [(item.line, item.value["kind"], item.value["visibility"], item.value["output"]) for item in items]
    assert found == [
        (7, "function", "public", "Do one thing.\n\nThen:\n    indented."),
        (19, "function", "public", "One line."),
        (21, "class", "public", "A thing."),
        (24, "method", "public", "Make it."),
        (27, "method", "private", "Hide it."),
        (30, "class", "public", "A part."),
        (33, "method", "public", "Turn it."),
        (38, "function", "public", "In a try."),
        (41, "function", "public", "In an except."),
    ]
    assert {item.value["label"] for item in items} == {"data formats"}
    assert "`xml.made.Thing.Part.turn`" in items[6].value["instruction"]


def test_an_item_is_an_alpaca_record() -> None:
    value = demo.docstrings(SOURCE, "_json")[0].value
    assert detect(value, {}) == "alpaca"
    (record,) = to_records(value, "alpaca", {}, ["kind", "visibility"])
    assert isinstance(record, ParsedRecord)
    assert record.attributes == {"kind": "function", "visibility": "private"}
    assert record.label == "other"


def test_the_same_name_gives_the_same_question_and_many_names_all_forms() -> None:
    assert json.dumps(demo.question("function", "os.getcwd")) == json.dumps(demo.question("function", "os.getcwd"))
    for kind in ("function", "method", "class"):
        forms = {demo.question(kind, f"m.f{i}").replace(f"m.f{i}", "x") for i in range(200)}
        assert len(forms) == 4


@pytest.mark.parametrize(
    ("module", "area"),
    [
        ("os", "operating system"),
        ("posixpath", "operating system"),
        ("concurrent.futures.thread", "concurrency"),
        ("xml.etree.ElementTree", "data formats"),
        ("email.mime.text", "email"),
        ("importlib.metadata", "packaging"),
        ("_pydecimal", "mathematics"),
        ("antigravity", "other"),
        ("osx", "other"),
    ],
)
def test_areas(module: str, area: str) -> None:
    assert demo.area(module) == area


def test_no_module_is_in_two_areas() -> None:
    listed = [module for modules in demo._MODULES.values() for module in modules.split()]
    assert len(listed) == len(set(listed))


def test_what_is_not_python_is_refused_with_its_line() -> None:
    with pytest.raises(SyntaxError) as caught:
        demo.docstrings("x = 1\ndef broken(:\n", "m")
    assert caught.value.lineno == 2


def test_odd_escapes_warn_nobody() -> None:
    assert demo.docstrings('def f():\n    "a \\d b"\n', "m")[0].value["output"] == "a \\d b"
