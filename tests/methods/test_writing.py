"""Every format to records and back: what is written is what was read, and what a format cannot hold is refused."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.formats import FORMATS, ParsedRecord, detect, to_records
from assets.methods.values import UnfitError
from assets.methods.writing import left_out, lines, to_item
from assets.methods.writing_tasks import nest_squad

Item = dict[str, Any]
quick = settings(deadline=None, max_examples=80)


def user(content: str, **others: Any) -> Item:
    return {"role": "user", "content": content, **others}


def assistant(content: str | None, **others: Any) -> Item:
    return {"role": "assistant", "content": content, **others}


def system(content: str) -> Item:
    return {"role": "system", "content": content}


def tool(content: str, **others: Any) -> Item:
    return {"role": "tool", "content": content, **others}


def says(*turns: str) -> list[Item]:
    """`human:hello` and so on, as ShareGPT has it."""
    return [dict(zip(("from", "value"), turn.split(":", 1), strict=True)) for turn in turns]


def read(item: Item, format: str, columns: dict[str, str] | None = None) -> list[ParsedRecord]:
    found = to_records(item, format, columns or {})
    parsed = [each for each in found if isinstance(each, ParsedRecord)]
    assert parsed == found, found
    return parsed


def made(*turns: Item, **extras: str) -> ParsedRecord:
    return ParsedRecord(list(turns), None, {}, extras)


def refused(record: ParsedRecord, format: str) -> str:
    with pytest.raises(UnfitError) as caught:
        to_item(record, format)
    assert caught.value.unfit.detail.isprintable()
    return caught.value.unfit.reason


def round_trip(item: Item, format: str, columns: dict[str, str] | None = None) -> list[Item]:
    """The items that the records of `item` are written as; reading them again gives the same records."""
    records = read(item, format, columns)
    written = [to_item(record, format) for record in records]
    assert [again for each in written for again in read(each, format)] == records
    assert all(json.loads(json.dumps(each)) == each for each in written)
    return written


# -- every format ----------------------------------------------------------------------------------------------------

CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"x": "é\\n", "y": 2}'}}
TOOLS = [{"type": "function", "function": {"name": "add", "description": "z before a", "parameters": {}}}]

# Items in the form in which they are written: reading and writing them changes nothing.
SAME: list[tuple[str, Item]] = [
    ("alpaca", {"instruction": "Add.", "input": "1 and 2", "output": "3"}),
    ("alpaca", {"instruction": "Hi\n\nthere \n", "input": "\n多行\n", "output": "\t", "label": "greeting"}),
    ("alpaca", {"instruction": "", "input": "", "output": ""}),
    (
        "alpaca",
        {"instruction": "3", "input": "x", "output": "4", "system": "be short", "history": [["1", "2"], ["", "ä\n"]]},
    ),
    ("sharegpt", {"conversations": says("human:hi", "gpt:ho\n\nho", "human:", "gpt:😀")}),
    ("sharegpt", {"conversations": says("system:s", "user:q", "chatgpt:a", "human:q"), "label": "3"}),
    (
        "sharegpt",
        {
            "conversations": says("human:2+2?", 'function_call:{"name": "add"}', "observation:4", "gpt:It is 4."),
            "tools": '[{"name": "add"}]',
        },
    ),
    ("sharegpt", {"conversations": [{"from": "human", "value": "q", "weight": 0, "id": [1]}], "functions": TOOLS}),
    ("messages", {"messages": [user("q"), user("q2"), assistant("a"), system("late"), assistant("b")]}),
    ("messages", {"messages": [{"role": "developer", "content": ""}, user("q", name="Ann"), assistant("", weight=0)]}),
    (
        "messages",
        {
            "messages": [
                user("add"),
                assistant(None, tool_calls=[CALL, CALL]),
                tool("3", tool_call_id="c1"),
                assistant("and\n", tool_calls=[CALL], function_call={"name": "f", "arguments": "{}"}),
                {"role": "function", "content": "4", "name": "f"},
                assistant("", function_call={"arguments": "", "name": "f"}),
                assistant("[]\n{}"),
            ],
            "tools": TOOLS,
            "label": "x",
        },
    ),
    ("prompt-completion", {"prompt": "q\n", "completion": " a"}),
    ("prompt-completion", {"prompt": [user("q")], "completion": [assistant("a")], "label": "x"}),
    (
        "prompt-completion",
        {"prompt": [system("s"), user("q"), assistant("a"), user("r")], "completion": [assistant("b")]},
    ),
    (
        "prompt-completion",
        {
            "prompt": [user("q", name="Ann")],
            "completion": [assistant(None, tool_calls=[CALL]), tool("3", tool_call_id="c1"), assistant("3")],
            "tools": TOOLS,
        },
    ),
    (
        "segments",
        {
            "segments": [
                {"label": True, "text": "<s>"},
                {"label": False, "text": "q\n"},
                {"label": False, "text": ""},
                {"label": True, "text": " a", "source": "x"},
            ]
        },
    ),
    ("text", {"text": "a\n\ttext"}),
    ("text", {"text": ""}),
    ("labelled", {"text": "a text", "label": "sports"}),
    ("pair", {"premise": "a\nhypothesis: no", "hypothesis": "b", "label": "neutral"}),
    ("pair", {"sentence1": "", "sentence2": ""}),
    (
        "qa",
        {
            "id": "1",
            "title": "t",
            "context": "Die Oder\nfließt.",
            "question": "Welche?",
            "answers": {"text": ["Oder", "Die Oder"], "answer_start": [4, 0]},
        },
    ),
    ("qa", {"context": "c", "question": "q", "answers": {"text": []}, "is_impossible": True}),
    ("qa", {"context": "", "question": "q", "answers": {"text": ["a"]}}),
    ("multiple-choice", {"question": "q\nA. no", "choices": ["x", "", "y\nD. z"], "answer": 2, "context": "c\n"}),
    ("multiple-choice", {"question": "q", "choices": ["0", "1"], "answer": 0, "label": "algebra"}),
    ("token-labels", {"tokens": ["New", "York", "。"], "tags": ["B-LOC", "I-LOC", "O"], "label": "x"}),
    ("translation", {"source": "a\nb", "target": "", "label": "x"}),
    ("translation", {"translation": {"en": "a", "de": "ä"}}),
    ("questions", {"turns": ["one", "", "two\n"]}),
    ("questions", {"prompt": [system("s"), user("q", name="Ann")], "label": "x"}),
]
# Items in another form, and how they are written.
CHANGED: list[tuple[str, Item, list[Item]]] = [
    ("alpaca", {"instruction": "a", "output": "b", "id": 7}, [{"instruction": "a", "input": "", "output": "b"}]),
    ("alpaca", {"instruction": "", "input": "x", "output": "b"}, [{"instruction": "x", "input": "", "output": "b"}]),
    (
        "alpaca",
        {"instruction": "who?", "context": "here", "response": "me"},
        [{"instruction": "who?", "input": "here", "output": "me"}],
    ),
    (
        "alpaca",
        {"instruction": "do", "instances": [{"input": "x", "output": "1"}, {"input": "", "output": "2"}]},
        [{"instruction": "do", "input": "x", "output": "1"}, {"instruction": "do", "input": "", "output": "2"}],
    ),
    ("sharegpt", {"conversations": ["q", "a"]}, [{"conversations": says("human:q", "gpt:a")}]),
    (
        "sharegpt",
        {"conversations": [user("q"), assistant("a")], "system": "s", "tools": []},
        [{"conversations": says("system:s", "human:q", "gpt:a")}],
    ),
    ("messages", {"messages": says("human:q", "gpt:a")}, [{"messages": [user("q"), assistant("a")]}]),
    (
        "messages",
        {"messages": [user("q", name=None), {"role": "assistant", "tool_calls": [CALL]}], "system": "s"},
        [{"messages": [system("s"), user("q"), assistant(None, tool_calls=[CALL])]}],
    ),
    (
        "messages",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]},
        [{"messages": [user("a\nb")]}],
    ),
    (
        "prompt-completion",
        {"prompt": "q", "completion": "a", "system": "s"},
        [{"prompt": [system("s"), user("q")], "completion": [assistant("a")]}],
    ),
    ("prompt-completion", {"question": "q", "answer": "a"}, [{"prompt": "q", "completion": "a"}]),
    ("labelled", {"utterance": "u", "intent": 3.0}, [{"text": "u", "label": "3"}]),
    (
        "pair",
        {"idx": 1, "question": "q", "passage": "p", "label": True},
        [{"question": "q", "passage": "p", "label": "true"}],
    ),
    (
        "qa",
        {
            "title": "t",
            "paragraphs": [
                {
                    "context": "c",
                    "qas": [
                        {"id": "1", "question": "q", "answers": [{"text": "c", "answer_start": 0}]},
                        {"id": "2", "question": "r", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        },
        [
            {"id": "1", "title": "t", "context": "c", "question": "q", "answers": {"text": ["c"], "answer_start": [0]}},
            {
                "id": "2",
                "title": "t",
                "context": "c",
                "question": "r",
                "answers": {"text": [], "answer_start": []},
                "is_impossible": True,
            },
        ],
    ),
    (
        "multiple-choice",
        {"context": "c", "question": "q", "ans0": "x", "ans1": "y", "label": 1},
        [{"question": "q", "choices": ["x", "y"], "answer": 1, "context": "c"}],
    ),
    ("token-labels", {"tokens": ["a"], "ner_tags": [3]}, [{"tokens": ["a"], "tags": ["3"]}]),
    ("questions", {"conversations": "one"}, [{"turns": ["one"]}]),
    ("questions", {"prompt": "one"}, [{"turns": ["one"]}]),
]


@pytest.mark.parametrize(("format", "item"), SAME)
def test_what_is_written_is_what_was_read(format: str, item: Item) -> None:
    assert round_trip(item, format) == [item]
    assert list(round_trip(item, format)[0]) == list(item) or format == "multiple-choice"


@pytest.mark.parametrize(("format", "item", "expected"), CHANGED)
def test_every_other_form_is_written_in_the_usual_one(format: str, item: Item, expected: list[Item]) -> None:
    assert round_trip(item, format) == expected
    for each in expected:
        assert round_trip(each, format) == [each]


def test_the_tables_know_every_format() -> None:
    assert {format for format, _ in SAME} == set(FORMATS)


@pytest.mark.parametrize(("format", "item"), [case for case in SAME if case[0] not in ("text", "labelled")])
def test_what_is_written_is_detected(format: str, item: Item) -> None:
    assert detect(item, {}) == format


def test_pairs_keep_the_names_of_stated_columns() -> None:
    columns = {"first": "sent_more", "second": "sent_less"}
    item = {"sent_more": "a", "sent_less": "b"}
    [record] = read(item, "pair", columns)
    assert to_item(record, "pair") == item
    assert read(item, "pair", columns) == [record]


# -- any record ------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=12)
words = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=5)
values = st.recursive(
    st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)
others = st.dictionaries(st.sampled_from(["name", "weight", "id"]), values, max_size=2)
calls = st.fixed_dictionaries(
    {},
    optional={
        "tool_calls": st.lists(values, min_size=1, max_size=2),
        "function_call": st.dictionaries(texts, values, min_size=1),
    },
)


@st.composite
def chats(draw: st.DrawFn) -> Item:
    turns = []
    for _ in range(draw(st.integers(1, 5))):
        role = draw(st.sampled_from(["user", "assistant", "tool", "system", "developer", "function"]))
        turn: Item = {"role": role, "content": draw(texts), **draw(others)}
        if role == "assistant" and (called := draw(calls)):
            turn |= called | {"content": draw(st.none() | texts)}
        turns.append(turn)
    return {"messages": turns} | draw(st.sampled_from([{}, {"tools": TOOLS}, {"functions": "[]"}, {"label": "x"}]))


@st.composite
def talks(draw: st.DrawFn) -> Item:
    ask, answer = (
        st.sampled_from(["human", "observation", "user", "tool"]),
        st.sampled_from(["gpt", "function_call", "bot"]),
    )
    speakers = [draw(answer if number % 2 else ask) for number in range(draw(st.integers(1, 5)))]
    speakers = draw(st.sampled_from([[], ["system"]])) + speakers
    return {"conversations": [{"from": name, "value": draw(texts), **draw(others)} for name in speakers]}


@st.composite
def prompts(draw: st.DrawFn) -> Item:
    turns = draw(chats())["messages"]
    turns = [
        {key: value for key, value in turn.items() if key != "content"} | {"content": draw(texts)} for turn in turns
    ]
    before = draw(st.lists(st.sampled_from([assistant("x"), tool("y", name="f")]), max_size=2))
    completion = [*before, assistant(draw(texts))]
    return {"prompt": turns, "completion": completion}


@st.composite
def choices(draw: st.DrawFn) -> Item:
    options = draw(st.lists(texts, min_size=2, max_size=5))
    item = {"question": draw(texts.filter(bool)), "choices": options, "answer": draw(st.integers(0, len(options) - 1))}
    return item | draw(st.fixed_dictionaries({}, optional={"context": texts.filter(bool)}))


@st.composite
def tagged(draw: st.DrawFn) -> Item:
    pairs = draw(st.lists(st.tuples(words, words), min_size=1, max_size=6))
    return {"tokens": [token for token, _ in pairs], "tags": [tag for _, tag in pairs]}


answers = st.lists(st.tuples(texts, st.integers(-1, 9)), max_size=3).map(
    lambda found: {"text": [text for text, _ in found], "answer_start": [start for _, start in found]}
)
ANY: dict[str, st.SearchStrategy[Item]] = {
    "alpaca": st.fixed_dictionaries(
        {"instruction": texts.filter(bool), "input": texts, "output": texts},
        optional={
            "system": texts.filter(bool),
            "history": st.lists(st.lists(texts, min_size=2, max_size=2), min_size=1),
        },
    ),
    "sharegpt": talks(),
    "messages": chats(),
    "prompt-completion": st.fixed_dictionaries({"prompt": texts, "completion": texts}) | prompts(),
    "segments": st.lists(st.fixed_dictionaries({"label": st.booleans(), "text": texts}), min_size=1).map(
        lambda segments: {"segments": segments}
    ),
    "text": st.fixed_dictionaries({"text": texts}),
    "labelled": st.fixed_dictionaries({"text": texts, "label": texts.filter(str.strip)}),
    "pair": st.fixed_dictionaries({"sentence1": texts, "sentence2": texts}),
    "qa": st.fixed_dictionaries({"context": texts.filter(bool), "question": texts.filter(bool), "answers": answers}),
    "multiple-choice": choices(),
    "token-labels": tagged(),
    "translation": st.fixed_dictionaries({"source": texts, "target": texts}),
    "questions": st.lists(texts, min_size=1).map(lambda turns: {"turns": turns}),
}


@pytest.mark.parametrize("format", FORMATS)
def test_any_record_makes_the_round_trip(format: str) -> None:
    @quick
    @given(ANY[format])
    def check(item: Item) -> None:
        [written] = round_trip(item, format)
        if format == "qa" and not item["answers"]["text"]:
            assert written.pop("is_impossible")
        assert written == item

    check()


@settings(deadline=None, max_examples=250)
@given(
    st.sampled_from(FORMATS).flatmap(lambda format: st.tuples(st.just(format), ANY[format])), st.sampled_from(FORMATS)
)
def test_whatever_format_takes_a_record_keeps_its_turns_and_class(read_as: tuple[str, Item], written_as: str) -> None:
    [record] = read(read_as[1], read_as[0])
    with contextlib.suppress(UnfitError):
        [again] = read(to_item(record, written_as), written_as)
        assert (again.messages, again.label) == (record.messages, record.label)


# -- one format to another -------------------------------------------------------------------------------------------


def test_what_messages_can_hold_of_other_formats() -> None:
    [talk] = read({"conversations": says("human:q", "bot:a"), "tools": '[{"name": "f"}]', "system": "s"}, "sharegpt")
    assert to_item(talk, "messages") == {
        "messages": [system("s"), user("q"), assistant("a")],
        "tools": '[{"name": "f"}]',
    }
    [alpaca] = read({"instruction": "a", "input": "b", "output": "c", "label": "x"}, "alpaca")
    assert to_item(alpaca, "messages") == {"messages": [user("a\nb"), assistant("c")], "label": "x"}
    assert to_item(alpaca, "sharegpt") == {"conversations": says("human:a\nb", "gpt:c"), "label": "x"}
    assert to_item(alpaca, "prompt-completion") == {"prompt": "a\nb", "completion": "c", "label": "x"}


def test_a_conversation_that_two_texts_cannot_hold_becomes_two_lists() -> None:
    record = made(user("q"), assistant("a"), user("r"), assistant("b"))
    written = {"prompt": [user("q"), assistant("a"), user("r")], "completion": [assistant("b")]}
    assert to_item(record, "prompt-completion") == written
    assert to_item(record, "alpaca")["history"] == [["q", "a"]]


@pytest.mark.parametrize(
    ("format", "turns", "reason"),
    [
        ("alpaca", [user("q"), assistant("a"), tool("t"), assistant("b")], "wrong_turns"),
        ("alpaca", [user("q")], "wrong_turns"),
        ("alpaca", [system("s")], "wrong_turns"),
        ("alpaca", [user("q"), system("s"), assistant("a")], "wrong_turns"),
        ("alpaca", [system(""), user("q"), assistant("a")], "empty_system"),
        ("sharegpt", [user("q"), user("r"), assistant("a")], "turn_order"),
        ("sharegpt", [assistant("a"), user("q")], "turn_order"),
        ("sharegpt", [user("q"), assistant("a"), tool("1"), tool("2"), assistant("b")], "turn_order"),
        ("prompt-completion", [user("q")], "wrong_turns"),
        ("prompt-completion", [assistant("a")], "wrong_turns"),
        ("segments", [system("s"), user("q"), assistant("a")], "wrong_turns"),
        ("text", [user("q"), assistant("a")], "wrong_turns"),
        ("labelled", [assistant("a")], "wrong_turns"),
        ("pair", [user("q")], "no_parts"),
        ("pair", [user("q"), assistant("a")], "wrong_turns"),
        ("qa", [user("q"), assistant("a")], "no_parts"),
        ("qa", [user("q")], "wrong_turns"),
        ("multiple-choice", [user("q"), assistant("A. x")], "no_parts"),
        ("token-labels", [user("a b"), assistant("O")], "unequal_lengths"),
        ("token-labels", [user("a  b"), assistant("O O O")], "white_space"),
        ("token-labels", [user("a\nb"), assistant("O")], "white_space"),
        ("translation", [system("s"), user("q"), assistant("a")], "wrong_turns"),
        ("questions", [user("q"), assistant("a")], "wrong_turns"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(format: str, turns: list[Item], reason: str) -> None:
    assert refused(made(*turns), format) == reason


def test_what_an_item_leaves_out_is_named() -> None:
    [record] = read({"messages": [user("q", name="Ann"), assistant("a")], "tools": TOOLS}, "messages")
    assert left_out(record, "messages") == ()
    assert left_out(record, "sharegpt") == ()
    assert left_out(record, "alpaca") == ("turns", "tools")
    [record] = read({"instruction": "a", "input": "b", "output": "c"}, "alpaca")
    assert left_out(record, "messages") == ()


# -- records that were changed since they were read ------------------------------------------------------------------


def test_a_prompt_whose_parts_are_lost_is_written_whole() -> None:
    [record] = read({"instruction": "add", "input": "1", "output": "2"}, "alpaca")
    changed = dataclasses.replace(record, messages=[user("add it\n1"), assistant("2")])
    assert to_item(changed, "alpaca") == {"instruction": "add it\n1", "input": "", "output": "2"}


def test_a_call_that_is_no_longer_json_is_no_call_and_never_prose() -> None:
    [record] = read({"messages": [assistant("x", tool_calls=[CALL])]}, "messages")
    for content in ("x", "x\n[{", "", "[\n1]"):
        changed = dataclasses.replace(record, messages=[assistant(content)])
        assert refused(changed, "messages") == "broken_call"
    masked = record.messages[0]["content"].replace("add", "<NAME>")
    [turn] = to_item(dataclasses.replace(record, messages=[assistant(masked)]), "messages")["messages"]
    assert turn["tool_calls"][0]["function"]["name"] == "<NAME>"
    [record] = read({"messages": [assistant(None, tool_calls=[CALL])]}, "messages")
    changed = dataclasses.replace(record, messages=[assistant("new\n" + record.messages[0]["content"])])
    assert refused(changed, "messages") == "broken_call"


def test_parts_that_no_longer_fit_are_refused() -> None:
    [record] = read({"premise": "a", "hypothesis": "b"}, "pair")
    assert refused(dataclasses.replace(record, messages=[user("premise: a\nhypothesis: bc")]), "pair") == "stale_fields"
    [record] = read({"context": "a", "question": "b", "answers": ["a"]}, "qa")
    changed = dataclasses.replace(record, messages=[user("aa\nb"), assistant("a")])
    assert refused(changed, "qa") == "stale_fields"


def test_a_changed_answer_is_the_only_one_and_is_looked_for_in_the_context() -> None:
    item = {"context": "the Oder", "question": "b", "answers": {"text": ["oder", "x"], "answer_start": [4, 0]}}
    [record] = read(item, "qa")
    for answer, start in (("Oder", 4), ("Elbe", -1)):
        changed = dataclasses.replace(record, messages=[record.messages[0], assistant(answer)])
        assert to_item(changed, "qa")["answers"] == {"text": [answer], "answer_start": [start]}


def test_changed_choices_are_read_from_the_text() -> None:
    [record] = read({"question": "q", "choices": ["x  x", "y"], "answer": 0}, "multiple-choice")

    def changed(choices: str, answer: str) -> ParsedRecord:
        fields = json.dumps({"question": [0, 1], "choices": [2, 2 + len(choices)]})
        messages = [user(f"q\n{choices}"), assistant(answer)]
        return dataclasses.replace(record, messages=messages, extras=record.extras | {"fields": fields})

    written = to_item(changed("A. x x\nB. y", "A. x x"), "multiple-choice")
    assert written == {"question": "q", "choices": ["x x", "y"], "answer": 0}
    assert refused(changed("A. x x B. y", "A. x x"), "multiple-choice") == "stale_fields"
    assert refused(changed("A. x x\nB. y", "C. z"), "multiple-choice") == "bad_answer"
    assert refused(changed("A. x x\nB. y", ""), "multiple-choice") == "bad_answer"


def test_a_completion_of_more_turns_than_are_left() -> None:
    record = made(user("q"), assistant("a"), completion_turns="2", form="conversational")
    assert refused(record, "prompt-completion") == "stale_turns"


# -- lines and nested files ------------------------------------------------------------------------------------------


def test_tags_as_lines_of_a_conll_file() -> None:
    [record] = read({"tokens": ["New", "York"], "tags": ["B-LOC", "I-LOC"]}, "token-labels")
    assert lines(record, "token-labels") == (["New\tB-LOC", "York\tI-LOC", ""],)


def test_translations_as_a_line_in_each_of_two_files() -> None:
    [record] = read({"source": "a", "target": "ä"}, "translation")
    assert lines(record, "translation") == (["a"], ["ä"])
    for source, target in (("a\nb", "c"), ("a", "b\r")):
        [record] = read({"source": source, "target": target}, "translation")
        with pytest.raises(UnfitError, match="line end"):
            lines(record, "translation")


def test_flat_rows_as_the_nested_form_of_squad() -> None:
    def question(number: int, text: str, start: int) -> Item:
        answers = [{"text": text, "answer_start": start}] if text else []
        return {"id": str(number), "question": "q", "answers": answers, "is_impossible": not text}

    article = {
        "title": "t",
        "paragraphs": [
            {"context": "c1", "qas": [question(1, "c", 0), question(2, "", 0)]},
            {"context": "c2", "qas": [question(3, "2", 1)]},
        ],
    }
    rows = [to_item(record, "qa") for record in read(article, "qa")]
    assert nest_squad(rows) == {"version": "v2.0", "data": [article]}


# -- real data -------------------------------------------------------------------------------------------------------


def shared_items(name: str) -> Iterator[Item]:
    with gzip.open(shared_data(name), "rt", encoding="utf-8") as file:
        if ".jsonl" in name:
            yield from (json.loads(line) for line in file)
        else:
            found = json.load(file)
            yield from found["data"] if isinstance(found, dict) else found


# File, format, stated columns, records, and items that are refused.
REAL: list[tuple[str, str, dict[str, str], int, dict[str, int]]] = [
    ("sft/alpaca_data.json.gz", "alpaca", {}, 52_001, {"control_character": 1}),
    ("sft/dolly_15k.jsonl.gz", "alpaca", {}, 15_015, {}),
    ("sft/code_alpaca_2k.json.gz", "alpaca", {}, 2_017, {}),
    ("sft/alpaca_zh_0-3252.json.gz", "alpaca", {}, 3_247, {}),
    ("sft/alpaca_zh_3252-6382.json.gz", "alpaca", {}, 2_982, {}),
    ("sft/alpaca_zh_mixed_12345-15323.json.gz", "alpaca", {}, 2_978, {}),
    ("sft/self_instruct_seed_tasks.jsonl.gz", "alpaca", {}, 175, {}),
    ("reference_selections/cherry_alpaca_5_percent.json.gz", "alpaca", {}, 3_110, {"control_character": 1}),
    ("reference_selections/alpagasus_claude_t45.json.gz", "alpaca", {}, 5_305, {}),
    ("classification/cb_train.jsonl.gz", "pair", {}, 250, {}),
    ("classification/agnews_train_20k.jsonl.gz", "labelled", {"label": "label_name"}, 20_706, {}),
    ("qa/xquad.en.json.gz", "qa", {}, 1_190, {}),
    ("qa/xquad.zh.json.gz", "qa", {}, 1_190, {}),
    ("eval/mmlu_test.jsonl.gz", "multiple-choice", {}, 14_042, {}),
    ("eval/mmlu_dev.jsonl.gz", "multiple-choice", {"label": "subject"}, 285, {}),
    ("bias/bbq_Age.jsonl.gz", "multiple-choice", {}, 3_680, {}),
    ("eval/gsm8k_test.jsonl.gz", "prompt-completion", {}, 1_319, {}),
    ("eval/bbh.jsonl.gz", "prompt-completion", {}, 6_511, {}),
    ("eval/belle_eval_set_zh.jsonl.gz", "prompt-completion", {}, 1_000, {}),
    ("eval/alpaca_eval_805_davinci003.json.gz", "alpaca", {}, 805, {}),
    ("eval/sinstruct_test_set.jsonl.gz", "alpaca", {}, 252, {}),
    ("eval/lima_test_set.jsonl.gz", "questions", {}, 300, {}),
    ("eval/mt_bench_question.jsonl.gz", "questions", {}, 80, {}),
    ("eval/vicuna_question.jsonl.gz", "questions", {}, 80, {}),
    ("eval/ifeval.jsonl.gz", "questions", {}, 541, {}),
    ("eval/koala_test_set.jsonl.gz", "questions", {}, 180, {}),
    ("eval/wizardlm_test_set.jsonl.gz", "questions", {"prompt": "Instruction"}, 218, {}),
    (
        "eval/HumanEval.jsonl.gz",
        "prompt-completion",
        {"prompt": "prompt", "completion": "canonical_solution"},
        164,
        {},
    ),
]


@pytest.mark.parametrize(("name", "format", "columns", "count", "faults"), REAL, ids=[case[0] for case in REAL])
def test_real_files_make_the_round_trip(
    name: str, format: str, columns: dict[str, str], count: int, faults: dict[str, int]
) -> None:
    reasons: dict[str, int] = {}
    records = 0
    for item in shared_items(name):
        assert detect(item, columns) == format
        for found in to_records(item, format, columns):
            if not isinstance(found, ParsedRecord):
                reasons[found.reason] = reasons.get(found.reason, 0) + 1
                continue
            records += 1
            [again] = to_records(to_item(found, format), format, {})
            assert again == found
    assert (records, reasons) == (count, faults)


@pytest.mark.parametrize("format", ["messages", "sharegpt", "prompt-completion", "segments"])
@pytest.mark.parametrize("turns", ['{"0":{"na', "[1]", '{"0":1}', "[" * 100_000])
def test_damaged_turns_in_the_extras_are_refused(format: str, turns: str) -> None:
    assert refused(made(user("a"), assistant("b"), turns=turns), format) == "broken_extras"


@pytest.mark.parametrize("format", ["messages", "sharegpt", "prompt-completion"])
def test_damaged_tools_in_the_extras_are_refused(format: str) -> None:
    damaged = '[{"enum":[[CARD]]}]'
    assert refused(made(user("a"), assistant("b"), tools=damaged), format) == "broken_extras"
    assert to_item(made(user("a"), assistant("b"), tools=damaged, tools_form="text"), format)["tools"] == damaged
