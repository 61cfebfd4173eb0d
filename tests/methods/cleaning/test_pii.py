"""Personal data is found and masked, and numbers that are none are left alone."""

import json

import pyarrow as pa
import pytest
from batches import alpaca, batch, faults, reasons, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.cleaning import extras, personal
from assets.methods.cleaning.personal import Kind, Span
from assets.methods.cleaning.pii import KINDS, Pii, masked, masked_json, masked_with_lines, maybe_personal

FOUND = [
    ("Mail me at jane.doe+x@example.co.uk please.", "Mail me at [EMAIL] please."),
    ("<müller@straße.de>", "<[EMAIL]>"),
    ("Call +1 (212) 555-0123 or +44 20 7946 0958.", "Call [PHONE] or [PHONE]."),
    ("+4915123456789", "[PHONE]"),
    ("(415) 555-1234, 415-555-1234, 415.555.1234", "[PHONE], [PHONE], [PHONE]"),
    ("tel: 030 1234567", "tel: [PHONE]"),
    ("06 12 34 56 78", "[PHONE]"),
    ("(11) 91234-5678", "[PHONE]"),
    ("我的手机号是13912345678。", "我的手机号是[PHONE]。"),
    ("Please call 2125550123.", "Please call [PHONE]."),
    ("from 192.168.1.10:8080", "from [IP]:8080"),
    ("2001:0db8:85a3::8a2e:370:7334", "[IP]"),
    ("at fe80::1ff:fe23:4567:890a.", "at [IP]."),
    ("Card 4111 1111 1111 1111 12/25", "Card [CARD] 12/25"),
    ("5500-0000-0000-0004, 378282246310005", "[CARD], [CARD]"),
    ("6011111111111117", "[CARD]"),
    ("SSN 123-45-6789", "SSN [ID]"),
    ("social security number: 123456789", "social security number: [ID]"),
    ("NINO AB123456C", "NINO [ID]"),
    ("身份证 11010519491231002X", "身份证 [ID]"),
    ("DNI 12345678Z, NIE X1234567L", "DNI [ID], NIE [ID]"),
    ("1 84 12 76 451 089 46", "[ID]"),
    ("CPF 390.533.447-05", "CPF [ID]"),
    ("Aadhaar 2341 2341 2346", "Aadhaar [ID]"),
    ("BSN 111222333", "BSN [ID]"),
    ("RSSMRA85T10A562S", "[ID]"),
    ("PESEL 44051401359", "PESEL [ID]"),
    ("PAN ABCPE1234F", "PAN [ID]"),
]
LEFT = [
    "Version 1.2.3.4 and 1.2.3, see section 4.3.2.1",
    "On 01/02/2003 10:20:30, 2021-03-04 12:00, 01.02.2003",
    "ISBN 978-3-16-148410-0 and ISBN 0-306-40615-2",
    "123456789 * 987654321 = 121932631112635269",
    "pi is 3.14159265358979",
    "the years 1990-1995 2001-2010",
    "12:30:45 std::vector a::b 00:1A:2B:3C:4D:5E",
    "255.255.255.0 and 127.0.0.1 and ::1 and 999.1.1.1",
    "git@github.com:owner/repo.git @property user@localhost",
    "123e4567-e89b-12d3-a456-426614174000",
    "1,234,567,890 people",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
    "3 6 9 12 15 18 21 24 27 30",
    "timestamp 1617181723000, epoch 1617181723",
    "$1000000 +1000000 -1234567",
    "9f86d081884c7d659a2feaa0c55ad015",
    "Order 1234567890 shipped, 4111111111111112",
    "doi 10.1000/182.1234",
    "Phone model 3310, call 911",
    "ParOldGen: 57435602K->57435345K",
    "5309 7677 8244 1346",
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_personal_data_is_masked(text: str, expected: str) -> None:
    assert texts(Pii().transform(batch([("u", text)]))) == [expected]


@pytest.mark.parametrize("text", LEFT)
def test_what_is_no_personal_data_is_left_alone(text: str) -> None:
    assert masked(text, KINDS) == text


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from([text for text, _ in FOUND] + LEFT) | st.text("0123456789 .-:@+()aF", max_size=25)))
def test_the_cheap_filter_loses_nothing(parts: list[str]) -> None:
    text = " ".join(parts)
    spans = personal.find(text)
    assert not spans or maybe_personal(pa.array([text]))[0]
    bounds = [0, *(place for start, end, _ in spans for place in (start, end)), len(text)]
    assert bounds == sorted(bounds)


def test_kinds_are_masked_as_asked_and_counted_whatever_is_asked() -> None:
    records = batch([("u", "a@b.org and 192.168.1.10"), ("a", "c@d.org")], [("u", "nothing")])
    step = Pii(kinds=("ip",))
    assert texts(step.transform(records)) == ["a@b.org and [IP]", "c@d.org", "nothing"]
    assert step.statistics() == Pii(action="drop").statistics()
    assert step.measure(records)["pii_email"].to_pylist() == [2, 0]
    assert reasons(step, records) == [None, None]
    found = faults(Pii(action="drop"), records)
    assert found.rows.tolist() == [0]
    assert found.details == ["the text holds 2 e-mail addresses and 1 IP address"]
    assert found.values == ["email 2, ip 1"]
    assert reasons(Pii(kinds=("card",), action="drop"), records) == [None, None]
    assert Pii(action="drop").transform(records) is records


def test_calls_of_tools_stay_json() -> None:
    call = {"name": "pay", "arguments": {"to": "bob@corp.com", "phone": "+1-202-555-0143", "card": 4111111111111111}}
    inner = {"arguments": json.dumps({"email": "bob@corp.com"})}
    records = batch([("u", "x"), ("a", json.dumps(call))], [("u", "x"), ("a", json.dumps(inner))])
    first, second = (json.loads(text) for text in texts(Pii().transform(records))[1::2])
    assert first["arguments"] == {"to": "[EMAIL]", "phone": "[PHONE]", "card": "[CARD]"}
    assert json.loads(second["arguments"]) == {"email": "[EMAIL]"}


def test_extras_that_repeat_the_text_are_masked_and_ranges_move() -> None:
    records = batch(
        [("u", "Who?\nAsk a@b.org now"), ("a", "a@b.org")],
        extras=[
            {
                "fields": json.dumps({"question": [0, 4], "context": [5, 20]}),
                "answers": json.dumps([{"text": "a@b.org", "start": 4}]),
                "id": "4111",
            }
        ],
    )
    clean = Pii().transform(records)
    assert texts(clean) == ["Who?\nAsk [EMAIL] now", "[EMAIL]"]
    assert extras.lookup(clean.extras, "fields")[1].to_pylist() == ['{"question":[0,4],"context":[5,20]}']
    assert extras.lookup(clean.extras, "answers")[1].to_pylist() == ['[{"text": "[EMAIL]", "start": 4}]']
    assert extras.lookup(clean.extras, "id")[1].to_pylist() == ["4111"]


def test_ranges_grow_with_a_mask() -> None:
    clean = Pii().transform(alpaca(("Write to x@y.de", "Dear all", "ok")))
    turn = texts(clean)[0]
    (fields,) = extras.lookup(clean.extras, "fields")[1].to_pylist()
    assert {name: turn[a:b] for name, (a, b) in json.loads(fields).items()} == {
        "instruction": "Write to [EMAIL]",
        "input": "Dear all",
    }


# -- JSON stays JSON -------------------------------------------------------------------------------------------------

CARD = 4111111111111111


def leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for item in value.items() for each in item for leaf in leaves(each)]
    return [leaf for each in value for leaf in leaves(each)] if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"enum": [CARD, 7, 1.50]}, {"enum": ["[CARD]", 7, 1.5]}),
        ([CARD], ["[CARD]"]),
        ({"a": "x\nbob@corp.com", "b": 'say "bob@corp.com"'}, {"a": "x\n[EMAIL]", "b": 'say "[EMAIL]"'}),
        ({"a": json.dumps({"b": [CARD, json.dumps([CARD])]})}, {"a": '{"b": ["[CARD]", "[\\"[CARD]\\"]"]}'}),
        ({"phone": "2125550123", "isbn": "2125550123"}, {"phone": "[PHONE]", "isbn": "2125550123"}),
        ({"phone": 2125550123}, {"phone": "[PHONE]"}),
        ({"bob@corp.com": None}, {"[EMAIL]": None}),
        ({"é\ud800": "é\ud800 bob@corp.com"}, {"é\ud800": "é\ud800 [EMAIL]"}),
    ],
)
def test_texts_and_numbers_in_json_are_masked_and_it_stays_json(value: object, expected: object) -> None:
    assert json.loads(masked_json(json.dumps(value), KINDS)) == expected


def test_what_is_not_masked_in_json_stays_as_it_is_written() -> None:
    text = '{"a" : 1.50, "a":"\\u00e9", "n": 1' + "0" * 5000 + ', "c":[4111111111111111 ,"ä a@b.org"]}'
    assert masked_json(text, KINDS) == text.replace("4111111111111111", '"[CARD]"').replace("a@b.org", "[EMAIL]")


found_texts = st.sampled_from([text for text, _ in FOUND] + ['"', "\\", "\n", "x"])
values = st.recursive(
    st.lists(found_texts, max_size=3).map("".join) | st.integers() | st.just(CARD) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner) | inner.map(json.dumps),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(values.map(lambda value: [value]), st.booleans())
def test_any_json_stays_json_without_cards(value: list[object], ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    clean = json.loads(masked_with_lines(text, KINDS))
    assert len(leaves(clean)) == len(leaves(value))
    assert CARD not in leaves(clean)


def test_extras_stay_json_and_plain_ones_are_text() -> None:
    extra = {
        "tools": '[{"enum":[4111111111111111],"default":"é a@b.org"}]',
        "turns": '{"0":{"name":"a@b.org","n":1}}',
        "choices": '["x\\na@b.org","b"]',
        "fields": '{"a":[4111111111111111,4111111111111112]}',
        "id": "4111111111111111",
        "title": '["of a@b.org',
        "is_impossible": "true",
    }
    clean = Pii().transform(batch([("u", "x"), ("a", "y")], extras=[extra])).extras
    assert dict(clean.to_pylist()[0]) == extra | {
        "tools": '[{"enum":["[CARD]"],"default":"é [EMAIL]"}]',
        "turns": '{"0":{"name":"[EMAIL]","n":1}}',
        "choices": '["x\\n[EMAIL]","b"]',
        "id": "[CARD]",
        "title": '["of [EMAIL]',
    }


def test_lines_of_calls_stay_json_beside_prose() -> None:
    text = 'Tel:\n2125550123 a@b.org\n[{"ids":[4111111111111111]}]\n{"a": [4111111111111111]\nc@d.org'
    (clean,) = texts(Pii().transform(batch([("a", text)])))
    assert clean == 'Tel:\n2125550123 [EMAIL]\n[{"ids":["[CARD]"]}]\n{"a": [[CARD]]\n[EMAIL]'
    assert texts(Pii().transform(batch([("a", '{\n "a": [4111111111111111]\n}')]))) == ['{\n "a": ["[CARD]"]\n}']


def test_json_too_deep_to_read_is_masked_as_text() -> None:
    text = "[" * 100_000 + '"a@b.org"' + "]" * 100_000
    assert masked_with_lines(text, KINDS) == text.replace("a@b.org", "[EMAIL]")


# -- tokens and spans ------------------------------------------------------------------------------------------------


def test_tokens_stay_one_beside_each_tag() -> None:
    tags = "O B-TEL I-TEL I-TEL I-TEL a@b.org"
    tokens = [("u", "call +1 415 555 2671 now"), ("a", tags)]
    clean = Pii().transform(batch(tokens, [("u", "<a@b.org> x"), ("a", "O O")], format="token-labels"))
    assert texts(clean) == ["call [PHONE] [PHONE] [PHONE] [PHONE] now", tags, "<[EMAIL]> x", "O O"]
    assert texts(Pii().transform(batch(tokens))) == ["call [PHONE] now", tags.replace("a@b.org", "[EMAIL]")]


kinds = st.sampled_from(KINDS)
spans = st.tuples(st.integers(0, 40), st.integers(1, 9), kinds).map(lambda one: (one[0], one[0] + one[1], one[2]))


@settings(deadline=None)
@given(st.lists(spans, max_size=20))
def test_a_span_is_taken_unless_an_earlier_one_has_its_place(listed: list[tuple[int, int, Kind]]) -> None:
    found: list[Span] = []
    for start, end, kind in listed:
        if all(end <= a or b <= start for a, b, _ in found):
            found.append((start, end, kind))
    assert personal.claimed(listed) == sorted(found)


def test_many_finds_are_searched_quickly() -> None:
    assert masked("a@b.org " * 50_000, KINDS) == "[EMAIL] " * 50_000
