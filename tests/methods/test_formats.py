"""Items to records: each format, each way an item can be unfit, and what is never changed on the way."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets import params
from assets.methods import formats
from assets.methods.formats import ParsedRecord, detect, to_record
from assets.methods.values import Unfit

quick = settings(deadline=None, max_examples=60)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def assistant(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


def system(content: str) -> dict[str, str]:
    return {"role": "system", "content": content}


def record(value: dict[str, Any], columns: dict[str, str] | None = None, *attributes: str) -> ParsedRecord:
    columns = columns or {}
    name = detect(value, columns)
    assert name
    parsed = to_record(value, name, columns, attributes)
    assert isinstance(parsed, ParsedRecord), parsed
    return parsed


def unfit(value: dict[str, Any], name: str | None = None, columns: dict[str, str] | None = None) -> Unfit:
    found = name or detect(value, columns or {})
    assert found
    refused = to_record(value, found, columns or {})
    assert isinstance(refused, Unfit), refused
    return refused


def test_the_settings_know_the_same_formats() -> None:
    assert set(params.FORMATS) == set(formats._READERS)


# -- detection -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ("instruction input output", "alpaca"),
        ("output instruction", "alpaca"),
        ("instruction input output text", "alpaca"),
        ("instruction context response category", "alpaca"),  # the missing output is named later on
        ("messages prompt prompt_id", "messages"),
        ("conversations id system", "sharegpt"),
        ("prompt completion", "prompt-completion"),
        ("prompt completion label", "prompt-completion"),
        ("prompt response", "prompt-completion"),
        ("text label", "labelled"),
        ("id sentence category", "labelled"),
        ("utterance intent", "labelled"),
        ("label_text query", "labelled"),
        ("text", None),
        ("label", None),
        ("premise hypothesis label", None),
        ("", None),
    ],
)
def test_detection_by_keys(keys: str, name: str | None) -> None:
    assert detect(dict.fromkeys(keys.split()), {}) == name


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"text": "instruction"}, "labelled"),
        ({"output": "input"}, "alpaca"),
        ({"completion": "output"}, "prompt-completion"),
        ({"messages": "chat"}, "messages"),
        ({"label": "input"}, "alpaca"),
    ],
)
def test_a_stated_column_decides(columns: dict[str, str], name: str) -> None:
    value = {"instruction": "a", "input": "b", "output": "c", "chat": [{"role": "user", "content": ""}]}
    assert detect(value, columns) == name


def test_the_turns_tell_which_chat_format_a_stated_column_holds() -> None:
    assert detect({"chat": [{"from": "human", "value": "hi"}]}, {"messages": "chat"}) == "sharegpt"
    assert detect({"chat": [{"role": "user", "content": "hi"}]}, {"messages": "chat"}) == "messages"
    assert detect({"chat": []}, {"messages": "chat"}) == "messages"


def test_an_unknown_format_lists_the_columns() -> None:
    said = formats.unknown({"premise": 1, "odd\nname": 2, **{f"c{i}": 0 for i in range(20)}})
    assert said.reason == "unknown_format"
    assert "'premise', 'odd\\nname', 'c0'" in said.detail
    assert "and 10 more" in said.detail


# -- alpaca ----------------------------------------------------------------------------------------------------------


@quick
@given(texts, texts, texts)
def test_alpaca_keeps_every_character(instruction: str, input: str, output: str) -> None:
    messages = record({"instruction": instruction, "input": input, "output": output}).messages
    assert messages == [user("\n".join(part for part in (instruction, input) if part)), assistant(output)]


def test_alpaca_with_system_and_history() -> None:
    value = {"instruction": "3", "input": None, "output": "4", "system": "be short", "history": [["1", "2"]]}
    assert record(value).messages == [system("be short"), user("1"), assistant("2"), user("3"), assistant("4")]
    for none in (None, "", []):
        assert len(record({**value, "history": none}).messages) == 3


@pytest.mark.parametrize("history", ["text", [["a"]], [["a", 1]], ["ab"], {"a": "b"}, 7])
def test_alpaca_with_an_odd_history(history: Any) -> None:
    assert unfit({"instruction": "a", "output": "b", "history": history}).reason == "wrong_type"


def test_an_empty_output_is_kept_but_a_missing_or_null_one_is_not() -> None:
    assert record({"instruction": "a", "output": ""}).messages == [user("a"), assistant("")]
    missing = unfit({"instruction": "a", "input": "b"})
    assert missing.reason == "missing_field"
    assert "'output'" in missing.detail
    assert "`columns.output`" in missing.detail
    assert unfit({"instruction": "a", "output": None}).reason == "wrong_type"
    assert unfit({"instruction": "a", "input": 3, "output": "b"}) == Unfit(
        "wrong_type", "'input' must be text, not a number"
    )


def test_stated_columns_of_alpaca() -> None:
    value = {"instruction": "who?", "context": "here", "response": "me", "category": "qa"}
    columns = {"input": "context", "output": "response", "label": "category"}
    assert record(value, columns) == ParsedRecord([user("who?\nhere"), assistant("me")], "qa", {})


# -- chats -----------------------------------------------------------------------------------------------------------


def test_messages() -> None:
    turns = [system("s"), user("q"), assistant("a"), {"role": "tool", "content": "t"}]
    assert record({"messages": turns}).messages == turns
    others = [{"role": "developer", "content": "d"}, {"role": "User", "content": "q", "name": "x"}]
    assert record({"messages": others}).messages == [system("d"), user("q")]
    assert record({"messages": [{"role": "function", "content": "f"}]}).messages[0]["role"] == "tool"


def test_sharegpt_speakers() -> None:
    speakers = {
        "human": "user",
        "user": "user",
        "gpt": "assistant",
        "assistant": "assistant",
        "bot": "assistant",
        "chatgpt": "assistant",
        "system": "system",
        "observation": "tool",
        "tool": "tool",
        "function_call": "assistant",
        "function": "assistant",
    }
    turns = [{"from": name, "value": name} for name in speakers]
    assert [turn["role"] for turn in record({"conversations": turns}).messages] == list(speakers.values())


def test_a_system_column_comes_first_unless_there_is_such_a_turn() -> None:
    turns = [{"from": "human", "value": "q"}]
    assert record({"conversations": turns, "system": "s"}).messages == [system("s"), user("q")]
    turns = [{"from": "system", "value": "own"}, *turns]
    assert record({"conversations": turns, "system": "s"}).messages == [system("own"), user("q")]


def test_calls_of_tools_become_canonical_json() -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": '{"x":"é"}'}}
    text = '[{"function":{"arguments":"{\\"x\\":\\"é\\"}","name":"f"},"type":"function"}]'
    for content, expected in ((None, text), ("", text), ("first", f"first\n{text}")):
        turns = [{"role": "assistant", "content": content, "tool_calls": [call]}]
        assert record({"messages": turns}).messages == [assistant(expected)]
    plain = {"role": "assistant", "content": "a", "tool_calls": None}
    assert record({"messages": [plain]}).messages == [assistant("a")]


def test_text_parts_are_joined() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert record({"messages": [{"role": "user", "content": parts}]}).messages == [user("one\ntwo")]
    image = [{"type": "image_url", "image_url": {}}]
    assert unfit({"messages": [{"role": "user", "content": image}]}).reason == "wrong_type"


@pytest.mark.parametrize(
    ("turns", "reason", "said"),
    [
        ([], "empty_messages", "no turn"),
        (None, "wrong_type", "not null"),
        ("text", "wrong_type", "must be a list"),
        (["text"], "wrong_type", "turn 1"),
        (
            [user("a"), {"role": "assistant", "content": None}],
            "wrong_type",
            "turn 2 of 'messages' must be text, not null",
        ),
        ([{"role": "user"}], "missing_field", "no 'content'"),
        ([{"content": "a"}], "missing_field", "'role'"),
        ([{"role": "alien", "content": "a"}], "bad_role", "'alien'; known: system"),
        ([{"role": 3, "content": "a"}], "bad_role", "3"),
    ],
)
def test_odd_turns(turns: Any, reason: str, said: str) -> None:
    refused = unfit({"messages": turns})
    assert refused.reason == reason
    assert said in refused.detail


def test_prompt_and_completion() -> None:
    expected = [user("q"), assistant("a")]
    assert record({"prompt": "q", "completion": "a"}).messages == expected
    assert record({"prompt": [user("q")], "completion": [assistant("a")]}).messages == expected
    assert record({"prompt": [system("s"), user("q")], "completion": "a"}).messages == [system("s"), *expected]
    assert record({"ask": "q", "say": "a"}, {"prompt": "ask", "completion": "say"}).messages == expected
    assert unfit({"prompt": "q", "response": "a"}).reason == "missing_field"
    assert unfit({"prompt": 1, "completion": "a"}).reason == "wrong_type"
    assert unfit({"prompt": [], "completion": "a"}).reason == "empty_messages"


# -- labels and attributes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("sports", "sports"),
        (" sports ", " sports "),
        (3, "3"),
        (0, "0"),
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        (None, None),
        ("", None),
        ("  ", None),
        (float("nan"), None),
        (decimal.Decimal("1.50"), "1.50"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
    ],
)
def test_labels_become_text(value: Any, label: str | None) -> None:
    assert record({"text": "t", "label": value}) == ParsedRecord([user("t")], label, {})
    assert record({"prompt": "q", "completion": "a", "label": value}).label == label
    assert record({"text": "t", "x": value}, {"text": "text", "label": "x"}).label == label


def test_labelled_text() -> None:
    assert record({"sentence": "s", "intent": "i", "text": "t"}).messages == [user("t")]
    assert record({"text": "t", "intent": "i", "label": 1}).label == "1"
    stated = {"text": "title", "label": "topic"}
    assert record({"title": "t", "topic": "x", "label": "no"}, stated) == ParsedRecord([user("t")], "x", {})
    assert unfit({"title": "t"}, columns=stated).reason == "missing_field"
    assert unfit({"topic": "x"}, columns=stated).reason == "missing_field"
    assert unfit({"text": None, "label": 1}).reason == "wrong_type"
    assert unfit({"text": "t", "label": [1]}).reason == "wrong_type"
    assert unfit({"label": 1}, "labelled").reason == "missing_field"
    assert to_record({"text": "t"}, "labelled", {}) == ParsedRecord([user("t")], None, {})


def test_labels_of_chats() -> None:
    turns = [user("q")]
    assert record({"messages": turns, "category": "x"}).label is None
    assert record({"messages": turns, "label": [1, 2]}).label is None
    assert record({"messages": turns, "category": "x"}, {"label": "category"}).label == "x"
    assert unfit({"messages": turns}, columns={"label": "category"}).reason == "missing_field"
    assert unfit({"messages": turns, "category": {}}, columns={"label": "category"}).reason == "wrong_type"


def test_attributes() -> None:
    value = {"text": "t", "label": 1, "n": 2, "none": None, "list": ["b", "a"], "yes": True, "left": "out"}
    kept = record(value, None, "n", "none", "list", "yes", "missing").attributes
    assert kept == {"n": "2", "list": '["b","a"]', "yes": "true"}
    assert to_record({"text": "t", "raw": b"1"}, "labelled", {}, ["raw"]) == Unfit(
        "wrong_type", "bytes where a text or number is expected"
    )


# -- characters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bad", "reason"), [("a\0b", "nul_character"), ("a\ud800b", "lone_surrogate")])
def test_characters_that_nothing_can_hold(bad: str, reason: str) -> None:
    good = {"instruction": "a", "output": "b", "label": "c", "x": "d"}
    for key in good:
        refused = to_record({**good, key: bad}, "alpaca", {}, ["x"])
        assert isinstance(refused, Unfit)
        assert refused.reason == reason
    assert isinstance(to_record({**good, "unused": bad}, "alpaca", {}, ["x"]), ParsedRecord)


@quick
@given(
    st.dictionaries(
        st.sampled_from(["text", "label", "messages", "prompt", "instruction", "output", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from(["role", "content", "from", "value"]), inner)
            ),
        ),
    ),
    st.sampled_from(params.FORMATS),
)
def test_any_item_is_a_record_or_has_a_reason(value: dict[str, Any], name: str) -> None:
    result = to_record(value, name, {}, ["x"])
    if isinstance(result, Unfit):
        assert result.reason.isidentifier()
        assert result.detail.isprintable()
    else:
        assert all(set(turn) == {"role", "content"} for turn in result.messages)
        "".join(turn["content"] for turn in result.messages).encode()
