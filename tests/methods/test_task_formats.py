"""Classic tasks to records: pairs, SQuAD, questions with choices, tags of tokens, translation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assets.methods.formats import ParsedRecord, detect, to_records
from assets.methods.values import Unfit


def records(
    value: dict[str, Any], columns: dict[str, str] | None = None, *attributes: str
) -> list[ParsedRecord | Unfit]:
    name = detect(value, columns or {})
    assert name
    return to_records(value, name, columns or {}, attributes)


def record(value: dict[str, Any], columns: dict[str, str] | None = None, *attributes: str) -> ParsedRecord:
    [parsed] = records(value, columns, *attributes)
    assert isinstance(parsed, ParsedRecord), parsed
    return parsed


def unfit(value: dict[str, Any], columns: dict[str, str] | None = None, name: str | None = None) -> Unfit:
    [refused] = to_records(value, name, {}) if name else records(value, columns)
    assert isinstance(refused, Unfit), refused
    return refused


def texts(record: ParsedRecord) -> list[str]:
    assert [turn["role"] for turn in record.messages] == ["user", "assistant"][: len(record.messages)]
    return [turn["content"] for turn in record.messages]


def parts(record: ParsedRecord) -> dict[str, str]:
    fields = json.loads(record.extras["fields"])
    return {name: record.messages[0]["content"][start:end] for name, (start, end) in fields.items()}


# -- pairs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("sentence1", "sentence2"),
        ("premise", "hypothesis"),
        ("question1", "question2"),
        ("question", "sentence"),
        ("question", "passage"),
        ("text1", "text2"),
    ],
)
def test_a_pair_is_one_turn_of_two_named_parts(names: tuple[str, str]) -> None:
    found = record({names[0]: "One\nline", names[1]: "zwölf", "label": "entailment"})
    assert texts(found) == [f"{names[0]}: One\nline\n{names[1]}: zwölf"]
    assert parts(found) == {names[0]: "One\nline", names[1]: "zwölf"}
    assert found.label == "entailment"


def test_pairs_by_stated_columns_and_without_a_class() -> None:
    stated = {"first": "sent_more", "second": "sent_less"}
    value = {"sent_more": "a", "sent_less": "", "bias_type": "age"}
    found = record(value, stated | {"label": "bias_type"})
    assert (texts(found), found.label) == (["sent_more: a\nsent_less: "], "age")
    assert parts(found) == {"sent_more": "a", "sent_less": ""}
    assert record({"premise": "a", "hypothesis": "b"}).label is None
    assert record({"premise": "a", "hypothesis": "b", "label": 0}).label == "0"
    assert unfit(value, {"first": "sent_more"}).reason == "missing_field"
    assert unfit({"premise": "a", "hypothesis": None}).reason == "wrong_type"


# -- SQuAD -----------------------------------------------------------------------------------------------------------

ARTICLE = {
    "title": "Rivers",
    "paragraphs": [
        {
            "context": "The Rhine is long.",
            "qas": [
                {
                    "id": "1",
                    "question": "What is long?",
                    "answers": [{"text": "Rhine", "answer_start": 4}, {"text": "The Rhine", "answer_start": 0}],
                },
                {"id": "2", "question": "Who?", "answers": [], "is_impossible": True},
            ],
        },
        {"context": "Die Oder.", "qas": [{"id": "3", "question": "Welche?", "answers": [{"text": "Oder"}]}]},
    ],
}


def test_an_article_is_a_record_for_each_question() -> None:
    one, two, three = found = records(ARTICLE, None, "title", "id")
    assert all(isinstance(each, ParsedRecord) for each in found)
    assert isinstance(one, ParsedRecord)
    assert isinstance(two, ParsedRecord)
    assert isinstance(three, ParsedRecord)
    assert texts(one) == ["The Rhine is long.\nWhat is long?", "Rhine"]
    assert parts(one) == {"context": "The Rhine is long.", "question": "What is long?"}
    assert json.loads(one.extras["answers"]) == {"text": ["Rhine", "The Rhine"], "answer_start": [4, 0]}
    assert (one.extras["id"], one.extras["title"]) == ("1", "Rivers")
    assert one.attributes == {"title": "Rivers", "id": "1"}
    assert texts(two) == ["The Rhine is long.\nWho?", "unanswerable"]
    assert two.extras["is_impossible"] == "true"
    assert texts(three)[1] == "Oder"
    assert json.loads(three.extras["answers"]) == {"text": ["Oder"]}
    assert records(ARTICLE["paragraphs"][1]) == to_records(ARTICLE["paragraphs"][1], "qa", {})  # type: ignore[index]


@pytest.mark.parametrize(
    "answers",
    [
        {"text": ["Oder"], "answer_start": [4]},
        {"text": ["Oder"]},
        [{"text": "Oder", "answer_start": 4}],
        ["Oder"],
        "Oder",
    ],
)
def test_flat_rows_with_answers_of_any_form(answers: Any) -> None:
    found = record({"id": "3", "title": "t", "context": "Die Oder.", "question": "Welche?", "answers": answers})
    assert texts(found) == ["Die Oder.\nWelche?", "Oder"]
    assert "is_impossible" not in found.extras


def test_a_question_without_an_answer_is_answered_so() -> None:
    flat = {"context": "c", "question": "q", "answers": {"text": [], "answer_start": []}}
    for value in (flat, flat | {"is_impossible": True}):
        assert texts(record(value))[1] == "unanswerable"
        assert record(value).extras["is_impossible"] == "true"
    assert unfit(flat | {"is_impossible": False}).reason == "no_answer"


def test_a_bad_question_costs_only_itself() -> None:
    good = {"id": "1", "question": "q", "answers": ["a"]}
    odd = [
        good,
        "text",
        {"id": "2", "answers": ["a"]},
        {"question": "q", "answers": [3]},
        {"question": "q", "answers": [{"text": "a", "answer_start": 0}, {"text": "b"}]},
        {"question": "q\ud800", "answers": ["a"]},
        {"question": "q"},
        good,
    ]
    article = {"title": "t", "paragraphs": ["text", {"context": "c", "qas": odd}, {"context": "c"}, {"qas": [good]}]}
    found = records(article)
    reasons = [each.reason if isinstance(each, Unfit) else "" for each in found]
    assert reasons == [
        *("wrong_type", "", "wrong_type", "missing_field", "wrong_type", "wrong_type"),
        *("lone_surrogate", "missing_field", "", "wrong_type", "missing_field"),
    ]
    assert found[2] == Unfit("wrong_type", "question 2 of paragraph 2 must have columns, not be a text")
    assert unfit({"paragraphs": []}).reason == "wrong_type"


def test_stated_columns_of_questions() -> None:
    value = {"passage": "p", "ask": "q", "gold": ["a"], "more": 1}
    columns = {"context": "passage", "question": "ask", "answers": "gold"}
    found = record(value, columns)
    assert texts(found) == ["p\nq", "a"]
    assert parts(found) == {"context": "p", "question": "q"}
    assert texts(record({"context": "p", "question": "q", "answer": "a"}))[1] == "a"
    assert texts(record({"c": "p", "q": "?", "a": "!"}, {"context": "c", "question": "q", "answer": "a"})) == [
        "p\n?",
        "!",
    ]


# -- choices ---------------------------------------------------------------------------------------------------------

MMLU = {"subject": "zoology", "question": "Who barks?", "choices": ["a cat", "a dog", "a cow", "1"], "answer": 1}


def test_a_question_with_choices() -> None:
    found = record(MMLU, {"label": "subject"})
    assert texts(found) == ["Who barks?\nA. a cat\nB. a dog\nC. a cow\nD. 1", "B. a dog"]
    assert parts(found) == {"question": "Who barks?", "choices": "A. a cat\nB. a dog\nC. a cow\nD. 1"}
    assert found.extras["choices"] == '["a cat","a dog","a cow","1"]'
    assert found.extras["index"] == "1"
    assert found.label == "zoology"


@pytest.mark.parametrize(
    ("answer", "index"),
    [(0, 0), (3, 3), (1.0, 1), ("A", 0), ("b", 1), (" C ", 2), ("a cow", 2), ("2", 2)],
)
def test_an_answer_is_a_number_a_letter_or_a_choice(answer: Any, index: int) -> None:
    assert record(MMLU | {"answer": answer}).extras["index"] == str(index)


@pytest.mark.parametrize("answer", [4, -1, 0.5, "E", "a bird", "", "9", None, True, ["a"], float("nan"), float("inf")])
def test_an_answer_that_is_none_of_the_choices(answer: Any) -> None:
    assert unfit(MMLU | {"answer": answer}).reason == "bad_answer"


def test_an_answer_that_can_be_read_as_two_choices_is_not_guessed() -> None:
    refused = unfit(MMLU | {"answer": "1"})  # the number of the second, or the text of the last
    assert refused == Unfit("unclear_answer", "the answer '1' can be read as choices B and D")
    assert unfit({"question": "q", "choices": ["B", "A"], "answer": "A"}).reason == "unclear_answer"
    assert unfit({"question": "q", "choices": ["x", "x"], "answer": "x"}).reason == "unclear_answer"
    assert record({"question": "q", "choices": ["B", "A"], "answer": 0}).extras["index"] == "0"


def test_bbq_has_its_choices_in_columns_and_its_answer_in_label() -> None:
    value = {
        "category": "Age",
        "context": "Two men met.",
        "question": "Who fell?",
        "ans0": "The old one",
        "ans1": "The young one",
        "ans2": "Unknown",
        "label": 2,
    }
    found = record(value, None, "category")
    assert texts(found) == ["Two men met.\nWho fell?\nA. The old one\nB. The young one\nC. Unknown", "C. Unknown"]
    assert parts(found)["context"] == "Two men met."
    assert (found.label, found.attributes) == (None, {"category": "Age"})
    assert record(value, {"label": "category"}).label == "Age"


def test_choices_with_labels_of_their_own() -> None:
    arc = {"question": "q", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "1"}
    assert texts(record(arc)) == ["q\nA. x\nB. y", "A. x"]
    assert record({"question": "q", "choices": {"A": "x", "B": "y"}, "answer": "B"}).extras["index"] == "1"
    stated = {"choices": "options", "answer": "gold", "question": "ask"}
    assert texts(record({"ask": "q", "options": ["x", "y"], "gold": "y"}, stated)) == ["q\nA. x\nB. y", "B. y"]


@pytest.mark.parametrize("choices", [[], ["one"], ["x"] * 27, "text", None, ["a", 1], {"text": ["a", "b"], "label": 1}])
def test_odd_choices(choices: Any) -> None:
    assert unfit(MMLU | {"choices": choices}).reason in ("bad_choices", "wrong_type")


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_tags_stay_beside_their_tokens() -> None:
    found = record({"tokens": ["New", "York", "ist", "groß"], "tags": ["B-LOC", "I-LOC", "O", "O"]})
    assert texts(found) == ["New York ist groß", "B-LOC I-LOC O O"]
    assert found.extras == {}
    hub = {"id": "0", "tokens": ["EU", "rejects"], "pos_tags": [22, 42], "ner_tags": [3, 0]}
    assert texts(record(hub)) == ["EU rejects", "3 0"]
    assert texts(record(hub, {"tags": "pos_tags"})) == ["EU rejects", "22 42"]
    assert texts(record({"w": ["a"], "t": ["O"]}, {"tokens": "w", "tags": "t"})) == ["a", "O"]
    assert texts(record({"tokens": ["a"], "labels": ["\ufeff"]})) == ["a", "\ufeff"]


@pytest.mark.parametrize(
    ("tokens", "tags", "reason"),
    [
        (["a", "b"], ["O"], "unequal_lengths"),
        ([], [], "empty_messages"),
        (["a b"], ["O"], "white_space"),
        (["a"], ["O\n"], "white_space"),
        (["a", ""], ["O", "O"], "white_space"),
        (["a\u3000b"], ["O"], "white_space"),
        (["a"], [None], "wrong_type"),
        ([1], ["O"], "wrong_type"),
        (["a"], [["O"]], "wrong_type"),
        (["a"], "O", "wrong_type"),
    ],
)
def test_odd_tokens(tokens: Any, tags: Any, reason: str) -> None:
    assert unfit({"tokens": tokens, "tags": tags}).reason == reason


# -- translation -----------------------------------------------------------------------------------------------------


def test_a_text_and_its_translation() -> None:
    assert texts(record({"source": "A dog.", "target": "Ein Hund."})) == ["A dog.", "Ein Hund."]
    assert texts(record({"en": "a", "de": "b"}, {"source": "en", "target": "de"})) == ["a", "b"]


def test_translations_of_the_hub_name_their_languages() -> None:
    value = {"translation": {"en": "A dog.", "de": "Ein Hund."}}
    found = record(value)
    assert texts(found) == ["A dog.", "Ein Hund."]
    assert found.extras == {"languages": '["en","de"]'}
    for stated in ({"source": "de", "target": "en"}, {"source": "de"}, {"target": "en"}):
        assert texts(record(value, stated)) == ["Ein Hund.", "A dog."]
    three = {"translation": {"en": "a", "de": "b", "cs": "c"}}
    assert texts(record(three, {"source": "cs", "target": "en"})) == ["c", "a"]
    assert unfit(three).reason == "unclear_languages"
    assert unfit(value, {"source": "en", "target": "en"}).reason == "unclear_languages"
    assert unfit(value, {"source": "en", "target": "fr"}).reason == "missing_field"
    assert unfit({"translation": {"en": "a", "de": None}}).reason == "wrong_type"
