"""Items to records: each format, each way an item can be unfit, and what is never changed on the way.

What is common to all formats, instructions and chats; the classic tasks are in test_task_formats.
"""

from __future__ import annotations

import datetime
import decimal
import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets import source_params
from assets.methods import formats
from assets.methods.formats import FORMATS, ParsedRecord, detect, to_records
from assets.methods.values import Unfit

quick = settings(deadline=None, max_examples=60)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=20)


def user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def assistant(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


def system(content: str) -> dict[str, str]:
    return {"role": "system", "content": content}


def tool(content: str) -> dict[str, str]:
    return {"role": "tool", "content": content}


def only(
    value: dict[str, Any], name: str, columns: dict[str, str] | None = None, *attributes: str
) -> ParsedRecord | Unfit:
    [found] = to_records(value, name, columns or {}, attributes)
    return found


def record(value: dict[str, Any], columns: dict[str, str] | None = None, *attributes: str) -> ParsedRecord:
    name = detect(value, columns or {})
    assert name
    parsed = only(value, name, columns, *attributes)
    assert isinstance(parsed, ParsedRecord), parsed
    return parsed


def unfit(value: dict[str, Any], name: str | None = None, columns: dict[str, str] | None = None) -> Unfit:
    found = name or detect(value, columns or {})
    assert found
    refused = only(value, found, columns)
    assert isinstance(refused, Unfit), refused
    assert refused.reason.isidentifier()
    return refused


def turns_of(record: ParsedRecord) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(record.extras["turns"])
    return found


def test_the_settings_know_the_same_formats() -> None:
    assert set(get_args(source_params.FormatName)) == {"auto", *FORMATS}


# -- detection -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ("instruction input output", "alpaca"),
        ("output instruction", "alpaca"),
        ("instruction input output text", "alpaca"),
        ("instruction context response category", "alpaca"),  # Dolly
        ("instruction context answer", "alpaca"),  # the missing output is named later on
        ("id instruction instances is_classification", "alpaca"),
        ("dataset instruction output generator", "alpaca"),
        ("messages prompt prompt_id", "messages"),
        ("conversations id system", "sharegpt"),
        ("prompt completion", "prompt-completion"),
        ("prompt completion label", "prompt-completion"),
        ("prompt response", "prompt-completion"),
        ("text label", "labelled"),
        ("id sentence category", "labelled"),
        ("utterance intent", "labelled"),
        ("label_text query", "labelled"),
        ("segments", "segments"),
        ("text", "text"),
        ("text id source", "text"),
        ("premise hypothesis label idx", "pair"),
        ("index sentence1 sentence2", "pair"),
        ("question1 question2 is_duplicate", "pair"),
        ("question sentence label", "pair"),
        ("question passage answer", "pair"),
        ("question answer", "prompt-completion"),
        ("task input target", "prompt-completion"),
        ("question std_answer class", "prompt-completion"),
        ("question label", "labelled"),
        ("title paragraphs", "qa"),
        ("context qas", "qa"),
        ("id title context question answers", "qa"),
        ("context question answer", "qa"),
        ("subject question choices answer", "multiple-choice"),
        ("category context question ans0 ans1 ans2 label", "multiple-choice"),
        ("source target", "translation"),
        ("text source target", "labelled"),
        ("question_id category turns reference", "questions"),
        ("id prompt instruction_id_list kwargs", "questions"),
        ("task_id prompt entry_point canonical_solution test", "prompt-completion"),  # the missing completion is named
        ("label", None),
        ("question", None),
        ("sent_more sent_less", None),
        ("", None),
    ],
)
def test_detection_by_keys(keys: str, name: str | None) -> None:
    assert detect(dict.fromkeys(keys.split()), {}) == name


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"text": "instruction"}, "text"),
        ({"text": "instruction", "label": "input"}, "labelled"),
        ({"output": "input"}, "alpaca"),
        ({"completion": "output"}, "prompt-completion"),
        ({"messages": "chat"}, "messages"),
        ({"label": "input"}, "alpaca"),
        ({"prompt": "input"}, "prompt-completion"),  # there is an output
        ({"first": "input", "second": "output"}, "pair"),
        ({"question": "instruction", "answer": "output"}, "prompt-completion"),
        ({"context": "input", "answers": "output"}, "qa"),
        ({"question": "input", "choices": "output"}, "multiple-choice"),
        ({"tokens": "input", "tags": "output"}, "token-labels"),
        ({"source": "input", "target": "output"}, "translation"),
    ],
)
def test_a_stated_column_decides(columns: dict[str, str], name: str) -> None:
    value = {"instruction": "a", "input": "b", "output": "c", "chat": [{"role": "user", "content": ""}]}
    assert detect(value, columns) == name


def test_the_turns_tell_which_chat_format_a_stated_column_holds() -> None:
    assert detect({"chat": [{"from": "human", "value": "hi"}]}, {"messages": "chat"}) == "sharegpt"
    assert detect({"chat": [{"role": "user", "content": "hi"}]}, {"messages": "chat"}) == "messages"
    assert detect({"chat": ["hi", "ho"]}, {"messages": "chat"}) == "sharegpt"
    assert detect({"chat": [{"label": True, "text": "hi"}]}, {"messages": "chat"}) == "segments"
    assert detect({"chat": "hi"}, {"messages": "chat"}) == "questions"
    assert detect({"chat": []}, {"messages": "chat"}) == "messages"


def test_the_values_tell_columns_apart_that_have_one_name() -> None:
    assert detect({"conversations": "a question"}, {}) == "questions"
    assert detect({"conversations": ["a question"]}, {}) == "sharegpt"
    assert detect({"tokens": ["a"], "ner_tags": [0], "text": "a"}, {}) == "token-labels"
    assert detect({"tokens": 1, "tags": "x", "text": "a", "label": 1}, {}) == "labelled"
    assert detect({"translation": {"de": "a", "en": "b"}}, {}) == "translation"
    assert detect({"translation": "a", "text": "b"}, {}) == "text"
    assert detect({"Instruction": "a"}, {"prompt": "Instruction"}) == "questions"


def test_an_unknown_format_lists_the_columns() -> None:
    said = formats.unknown({"premise": 1, "odd\nname": 2, **{f"c{i}": 0 for i in range(20)}})
    assert said.reason == "unknown_format"
    assert "'premise', 'odd\\nname', 'c0'" in said.detail
    assert "and 10 more" in said.detail


# -- alpaca ----------------------------------------------------------------------------------------------------------


@quick
@given(texts, texts, texts)
def test_alpaca_keeps_every_character(instruction: str, input: str, output: str) -> None:
    found = record({"instruction": instruction, "input": input, "output": output})
    question = "\n".join(part for part in (instruction, input) if part)
    assert found.messages == [user(question), assistant(output)]
    if instruction and input:
        fields = json.loads(found.extras["fields"])
        assert list(fields) == ["instruction", "input"]
        assert [question[start:end] for start, end in fields.values()] == [instruction, input]
    else:
        assert found.extras == {}


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
    fields = {"fields": '{"instruction":[0,4],"input":[5,9]}'}
    assert record(value, columns) == ParsedRecord([user("who?\nhere"), assistant("me")], "qa", {}, fields)
    assert record(value) == ParsedRecord([user("who?\nhere"), assistant("me")], None, {}, fields)  # Dolly's names
    turns = {"instruction": "c", "input": "", "output": "d", "past": [["a", "b"]]}
    assert record(turns, {"history": "past"}).messages == [user("a"), assistant("b"), user("c"), assistant("d")]


def test_a_task_of_self_instruct_is_a_record_for_each_instance_and_a_bad_one_costs_only_itself() -> None:
    good = [{"input": "x", "output": "1"}, {"input": "", "output": "2"}]
    value = {"instruction": "do", "instances": [good[0], {"input": "y"}, "odd", good[1]], "id": "7", "label": "l"}
    one, missing, odd, two = to_records(value, "alpaca", {}, ["id"])
    assert one == ParsedRecord(
        [user("do\nx"), assistant("1")], "l", {"id": "7"}, {"fields": '{"instruction":[0,2],"input":[3,4]}'}
    )
    assert two == ParsedRecord([user("do"), assistant("2")], "l", {"id": "7"}, {})
    assert isinstance(missing, Unfit)
    assert missing.reason == "missing_field"
    assert odd == Unfit("wrong_type", "instance 3 must have columns, not be a text")
    for nothing in ([], None, "text"):
        assert unfit({"instruction": "do", "instances": nothing}).reason == "wrong_type"


# -- chats -----------------------------------------------------------------------------------------------------------


def test_messages() -> None:
    turns = [system("s"), user("q"), assistant("a"), {"role": "tool", "content": "t"}]
    assert record({"messages": turns}).messages == turns
    others = [{"role": "developer", "content": "d"}, {"role": "User", "content": "q", "name": "x"}]
    found = record({"messages": others})
    assert found.messages == [system("d"), user("q")]
    assert turns_of(found) == {"0": {"role": "developer"}, "1": {"name": "x", "role": "User"}}
    found = record({"messages": [{"role": "function", "content": "f", "name": "sum"}]})
    assert found.messages == [tool("f")]
    assert turns_of(found) == {"0": {"name": "sum", "role": "function"}}


def test_what_a_turn_has_besides_role_and_content_is_kept_but_null() -> None:
    turns = [
        {"role": "user", "content": "q", "name": None, "tool_calls": None},
        {"role": "assistant", "content": "a", "weight": 0, "cite": [1, {"b": 2}]},
        {"role": "tool", "content": "t", "tool_call_id": "c1"},
    ]
    found = record({"messages": turns, "system": "s"})
    assert [turn["role"] for turn in found.messages] == ["system", "user", "assistant", "tool"]
    assert turns_of(found) == {"2": {"weight": 0, "cite": [1, {"b": 2}]}, "3": {"tool_call_id": "c1"}}
    assert record({"messages": turns[:1]}).extras == {}


def test_definitions_of_tools() -> None:
    turns, tools = [user("q")], [{"type": "function", "function": {"name": "f", "description": "é"}}]
    text = '[{"type":"function","function":{"name":"f","description":"é"}}]'
    assert record({"messages": turns, "tools": tools}).extras == {"tools": text}
    assert record({"messages": turns, "functions": tools}).extras == {"tools": text, "tools_key": "functions"}
    assert record({"messages": turns, "tools": "[ ]"}).extras == {"tools": "[ ]", "tools_form": "text"}
    assert record({"messages": turns, "t": tools}, {"tools": "t"}).extras == {"tools": text}
    for none in (None, [], ""):
        assert record({"messages": turns, "tools": none}).extras == {}


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
    for name, role in speakers.items():
        ask = [{"from": "human", "value": "q"}] if role == "assistant" else []
        found = record({"conversations": [*ask, {"from": name, "value": name}]})
        assert found.messages[-1] == {"role": role, "content": name}
        is_usual = name in ("human", "gpt", "system", "observation")
        assert found.extras == ({} if is_usual else {"turns": f'{{"{len(ask)}":{{"role":"{name}"}}}}'})


@pytest.mark.parametrize(
    ("speakers", "place", "expected"),
    [
        ("human gpt", 0, ""),
        ("human", 0, ""),
        ("system human gpt observation gpt human function_call observation gpt", 0, ""),
        ("gpt human", 1, "human or observation"),
        ("system gpt", 2, "human or observation"),
        ("human human", 2, "gpt or function_call"),
        ("human function_call observation gpt gpt", 5, "human or observation"),
        ("human gpt observation observation gpt", 4, "gpt or function_call"),
        ("human gpt system human", 3, "human or observation"),
        ("system system human", 2, "human or observation"),
    ],
)
def test_the_odd_even_rule_of_sharegpt(speakers: str, place: int, expected: str) -> None:
    value = {"conversations": [{"from": name, "value": "x"} for name in speakers.split()]}
    if not expected:
        assert len(record(value).messages) == len(speakers.split())
        return
    refused = unfit(value)
    assert refused.reason == "turn_order"
    assert f"turn {place} of 'conversations'" in refused.detail
    assert f"where {expected} is expected" in refused.detail


def test_texts_alone_speak_by_turns() -> None:
    assert record({"conversations": ["q", "a", "q2"]}).messages == [user("q"), assistant("a"), user("q2")]


def test_tags_name_the_keys_and_the_roles_of_turns() -> None:
    tags = {
        "role_tag": "speaker",
        "content_tag": "said",
        "user_tag": "U",
        "assistant_tag": "A",
        "observation_tag": "O",
        "function_tag": "F",
        "system_tag": "S",
    }
    turns = [{"speaker": name, "said": name.lower()} for name in "SUFOA"]
    [found] = to_records({"talk": turns, "tools": "[]"}, "sharegpt", {"messages": "talk"}, (), tags)
    expected = [system("s"), user("u"), assistant("f"), tool("o"), assistant("a")]
    extras = {"turns": '{"2":{"role":"function_call"}}', "tools": "[]", "tools_form": "text"}
    assert found == ParsedRecord(expected, None, {}, extras)
    [refused] = to_records({"conversations": [{"from": "U", "value": "u"}]}, "sharegpt", {}, (), tags)
    assert isinstance(refused, Unfit)
    assert "no 'speaker'" in refused.detail
    [found] = to_records({"messages": [{"role": "human", "content": "q"}]}, "messages", {}, (), {"user_tag": "human"})
    assert found == ParsedRecord([user("q")], None, {}, {})
    openai = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    [found] = to_records({"messages": [user("q"), assistant("a")]}, "sharegpt", {"messages": "messages"}, (), openai)
    assert found == ParsedRecord([user("q"), assistant("a")], None, {}, {})


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
        found = record({"messages": turns})
        assert found.messages == [assistant(expected)]
        null = {"content": None} if content is None else {}
        assert turns_of(found) == {"0": {"tool_calls": True} | null}
    plain = {"role": "assistant", "content": "a", "tool_calls": None}
    assert record({"messages": [plain]}).messages == [assistant("a")]


def test_text_parts_are_joined() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert record({"messages": [{"role": "user", "content": parts}]}).messages == [user("one\ntwo")]
    image = [*parts, {"type": "image_url", "image_url": {}}]
    assert unfit({"messages": [{"role": "user", "content": image}]}) == Unfit(
        "media_part", "turn 1 of 'messages' holds a part of the type 'image_url'; only text can be read"
    )


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
    assert record({"Question": "q", "Best": "a"}, {"question": "Question", "answer": "Best"}).messages == expected
    for names in (("question", "answer"), ("input", "target"), ("question", "std_answer")):
        assert record(dict(zip(names, "qa", strict=True))).messages == expected
    assert unfit({"prompt": "q"}, "prompt-completion").reason == "missing_field"
    assert unfit({"prompt": "q", "response": "a"}).reason == "missing_field"
    assert unfit({"prompt": 1, "completion": "a"}).reason == "wrong_type"
    assert unfit({"prompt": [], "completion": "a"}).reason == "empty_messages"


def test_what_tells_two_lists_of_turns_apart() -> None:
    assert record({"prompt": "q", "completion": "a"}).extras == {}
    assert record({"prompt": [user("q")], "completion": [assistant("a")]}).extras == {"form": "conversational"}
    value = {"prompt": [user("q")], "completion": [assistant("a"), tool("t"), {**assistant("b"), "weight": 1}]}
    found = record(value)
    assert found.messages == [user("q"), assistant("a"), tool("t"), assistant("b")]
    assert found.extras == {"turns": '{"3":{"weight":1}}', "completion_turns": "3"}


def test_segments() -> None:
    value = {
        "segments": [{"label": True, "text": " <s>"}, {"label": False, "text": "q\n"}, {"label": True, "text": ""}]
    }
    assert record(value).messages == [assistant(" <s>"), user("q\n"), assistant("")]
    assert unfit({"segments": [{"label": 1, "text": "a"}]}).reason == "wrong_type"
    assert unfit({"segments": [{"label": True}]}).reason == "missing_field"
    assert unfit({"segments": ["a"]}).reason == "wrong_type"
    assert unfit({"segments": []}).reason == "empty_messages"


def test_questions_are_turns_of_the_user() -> None:
    assert record({"turns": ["one", "two"], "category": "x"}) == ParsedRecord([user("one"), user("two")], None, {}, {})
    assert record({"conversations": "one"}).messages == [user("one")]
    assert record({"id": 1, "prompt": "one"}).messages == [user("one")]
    assert record({"Instruction": "one"}, {"prompt": "Instruction"}).messages == [user("one")]
    assert record({"prompt": [system("s"), user("q")]}).messages == [system("s"), user("q")]
    assert unfit({"prompt": [user("q"), assistant("a")]}).reason == "turn_order"
    assert unfit({"turns": []}).reason == "empty_messages"
    assert unfit({"turns": ["a", 1]}).reason == "wrong_type"
    assert unfit({"a": 1}, "questions").reason == "missing_field"


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
    assert record({"text": "t", "label": value}) == ParsedRecord([user("t")], label, {}, {})
    assert record({"prompt": "q", "completion": "a", "label": value}).label == label
    assert record({"text": "t", "x": value}, {"text": "text", "label": "x"}).label == label


def test_labelled_text() -> None:
    assert record({"sentence": "s", "intent": "i", "text": "t"}).messages == [user("t")]
    assert record({"text": "t", "intent": "i", "label": 1}).label == "1"
    stated = {"text": "title", "label": "topic"}
    assert record({"title": "t", "topic": "x", "label": "no"}, stated) == ParsedRecord([user("t")], "x", {}, {})
    assert unfit({"title": "t"}, columns=stated).reason == "missing_field"
    assert unfit({"topic": "x"}, columns=stated).reason == "missing_field"
    assert unfit({"text": None, "label": 1}).reason == "wrong_type"
    assert unfit({"text": "t", "label": [1]}).reason == "wrong_type"
    assert unfit({"label": 1}, "labelled").reason == "missing_field"
    assert only({"text": "t"}, "labelled") == ParsedRecord([user("t")], None, {}, {})
    assert only({"text": "t", "class": "x"}, "text") == ParsedRecord([user("t")], None, {}, {})


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
    assert only({"text": "t", "raw": b"1"}, "labelled", {}, "raw") == Unfit(
        "wrong_type", "bytes where a text or number is expected"
    )


# -- characters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("a\0b", "nul_character"),
        ("a\ud800b", "lone_surrogate"),
        ("é\ud800\0", "lone_surrogate"),
        *((f"é{chr(code)}b", "control_character") for code in (*range(1, 8), *range(14, 32), 127)),
    ],
)
def test_characters_that_nothing_can_hold(bad: str, reason: str) -> None:
    good = {"instruction": "a", "output": "b", "label": "c", "x": "d"}
    for key in good:
        refused = only({**good, key: bad}, "alpaca", {}, "x")
        assert isinstance(refused, Unfit)
        assert refused.reason == reason
        assert refused.detail.isascii()
    assert isinstance(only({**good, "unused": bad}, "alpaca", {}, "x"), ParsedRecord)


@pytest.mark.parametrize(
    "text", ["\t\n\r", "page\fpage", "a\vb", "a\bb", "it\x80\x99s", "\x85", "\ufeff", "\u2028", "\U0001f600"]
)
def test_characters_that_sound_texts_hold_are_let_through(text: str) -> None:
    assert record({"instruction": "a", "output": text}).messages[1] == assistant(text)


def test_the_extras_hold_no_such_characters_either() -> None:
    turns = [{"role": "user", "content": "q", "name": "\ud800"}]
    assert unfit({"messages": turns}).reason == "lone_surrogate"
    flat = {"context": "c", "question": "q", "answers": ["a"], "id": "\x1b[2J"}
    assert unfit(flat).reason == "control_character"


@quick
@given(st.text(max_size=30))
def test_the_check_of_characters_is_that_of_each_character(text: str) -> None:
    bad = any((ord(c) < 32 and c not in "\b\t\n\v\f\r") or c == "\x7f" or 0xD800 <= ord(c) < 0xE000 for c in text)
    assert isinstance(only({"text": text}, "text"), Unfit) == bad


_KEYS = (
    "text label messages conversations prompt completion instruction output input instances history tools turns "
    "segments question answer answers context choices ans0 ans1 qas paragraphs sentence1 sentence2 tokens tags "
    "source target translation system is_impossible x"
)
_INNER = "role content from value type text label tool_calls answer_start question answers context qas input output"


@settings(deadline=None, max_examples=400)
@given(
    st.dictionaries(
        st.sampled_from(_KEYS.split()),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=2),
            lambda inner: (
                st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_INNER.split()), inner, max_size=4)
            ),
            max_leaves=12,
        ),
    ),
    st.sampled_from([*FORMATS, "auto"]),
    st.sampled_from([None, {"role_tag": "role", "user_tag": "user"}]),
)
def test_any_item_is_records_or_has_reasons(value: dict[str, Any], name: str, tags: dict[str, str] | None) -> None:
    found = detect(value, {}) if name == "auto" else name
    for result in to_records(value, found, {}, ["x"], tags) if found else [formats.unknown(value)]:
        if isinstance(result, Unfit):
            assert result.reason.isidentifier()
            assert result.detail.isprintable()
        else:
            assert result.messages
            assert all(set(turn) == {"role", "content"} for turn in result.messages)
            "".join([*(turn["content"] for turn in result.messages), *result.extras.values()]).encode()
