"""JSON values: quick and Python's own parser agree, and what is an element of an array becomes a row."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assets.methods.json_rows import loads
from assets.methods.paths import add_reached

numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
strings = st.text(max_size=6).map(json.dumps) | st.sampled_from(
    ['"\\ud800"', '"\\ud83d\\ude00"', '"\\udc00\\ud800"', '"\\u0000"', '"\x01"', '"\\x"', '"é"', '"\ufeff"', '"\u2028"']
)
leaves = numbers | strings | st.sampled_from(["true", "null", "NaN", "-Infinity", "01", "1.", ".5", "+1", "-", "'a'"])
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
        | st.lists(st.tuples(strings, inner), max_size=3).map(
            lambda pairs: f"{{{','.join(f'{key} : {value}' for key, value in pairs)}}}"
        )
    ),
    max_leaves=6,
)


def outcome(parse: Any, text: str) -> Any:
    try:
        return repr(parse(text))  # tells 1 from 1.0 and True, 0.0 from -0.0, and shows the order of keys
    except json.JSONDecodeError as error:
        return str(error)
    except ValueError as error:
        return type(error)


@settings(deadline=None, max_examples=400)
@given(documents, st.sampled_from(["", " ", "\n", "x", "\x0b", "\ufeff"]))
@example("18446744073709551616", "")
@example('{"a": [-9223372036854775809]}', "")
@example('{"a": 1, "b": 2, "a": 3}', "")
@example("-0", "")
@example("-0.0", "")
@example("1e999", "")
@example("9" * 4301, "")
@example("123456789012345678901234567890.5", "")
def test_the_quick_parser_gives_what_pythons_gives(text: str, behind: str) -> None:
    assert outcome(loads, text + behind) == outcome(json.loads, text + behind)


def test_not_a_number_stays_one() -> None:
    assert math.isnan(loads('{"a": NaN}')["a"])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("answers.text", ["x", "y"]),
        ("answers.text.0", "x"),
        ("answers.text.-1", "y"),
        ("a.b", "whole"),
        ("answers.text.2", None),
        ("answers.text.x", None),
        ("answers.none", None),
        ("text.0", None),
    ],
)
def test_columns_inside_columns(path: str, found: Any) -> None:
    value = {"answers": {"text": ["x", "y"]}, "a.b": "whole", "a": {"b": "inner"}, "text": "abc"}
    add_reached(value, [path])
    assert value.get(path) == found
    assert (path in value) == (found is not None)
