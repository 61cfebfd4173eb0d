"""The language of real texts is recognised; doubtful ones are not dropped; nothing is fetched or printed."""

import gzip
import json
import subprocess
import sys

import pytest
from batches import answers, batch, faults, reasons
from conftest import ROOT, shared_data

from assets.methods.cleaning.language import CODES, Language, identify

ENGLISH = "The weather is fine today, and we will go to the sea."


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ENGLISH, "en"),
        ("Das Wetter ist heute schön, und wir fahren ans Meer.", "de"),
        ("Il fait beau aujourd'hui et nous allons à la mer.", "fr"),
        ("今天天气很好，我们要去海边。", "zh"),
        ("今日は天気がいいので海に行きます。", "ja"),
        ("Сегодня хорошая погода, и мы едем на море.", "ru"),
        ("DAS WETTER IST HEUTE SCHÖN UND WIR FAHREN ANS MEER", "de"),
        ("12 + 5 = 17", None),
        ("", None),
    ],
)
def test_languages_are_recognised(text: str, code: str | None) -> None:
    import pyarrow as pa

    codes, confidence = identify(pa.array([text]))
    assert codes.to_pylist() == [code]
    assert (confidence[0].as_py() is None) == (code is None)
    assert code is None or 0.5 < confidence[0].as_py() <= 1


def test_languages_are_kept_or_dropped_and_doubts_stay() -> None:
    records = batch([("u", ENGLISH)], [("u", "Das Wetter ist schön, wir fahren ans Meer.")], [("u", "xq"), ("a", "7")])
    assert reasons(Language(keep=("en",)), records) == [None, "wrong_language", None]
    assert reasons(Language(drop=("en",)), records) == ["wrong_language", None, None]
    assert reasons(Language(keep=("en",), min_confidence=1.0), records)[1] is None
    found = faults(Language(keep=("en", "fr")), records)
    assert found.values == ["de"]
    assert found.thresholds == ["one of en, fr"]
    assert Language(keep=("en",)).statistics() == Language(drop=("de",), min_confidence=0.9).statistics()
    assert reasons(Language(keep=("de",), of="answer"), answers(None, ENGLISH)) == [None, "wrong_language"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected the languages to keep or to drop"),
        ({"keep": ("english",)}, "'english' is not among those known"),
        ({"keep": ("en",), "drop": ("en",)}, "'en' in keep or in drop, not in both"),
    ],
)
def test_codes_are_checked(options: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Language(**options)  # type: ignore[arg-type]
    assert len(CODES) == len(set(CODES)) == 176


def test_nothing_is_fetched_or_printed() -> None:
    script = (
        "import socket\ndef refuse(*_): raise AssertionError('network')\nsocket.socket.connect = refuse\n"
        "import pyarrow as pa\nfrom assets.methods.cleaning.language import identify\n"
        "print(identify(pa.array(['Das Wetter ist schön.']))[0].to_pylist())"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert (result.stdout.strip(), result.stderr) == ("['de']", "")


@pytest.mark.parametrize(
    ("name", "code", "share"),
    [
        ("mt/multi30k_val.en.gz", "en", 0.995),
        ("mt/multi30k_val.de.gz", "de", 0.995),
        ("qa/xquad.zh.json.gz", "zh", 0.97),
    ],
)
def test_labelled_texts_are_recognised(name: str, code: str, share: float) -> None:
    import pyarrow as pa

    content = gzip.decompress(shared_data(name).read_bytes()).decode("utf-8")
    texts = content.splitlines()
    if name.endswith(".json.gz"):
        paragraphs = [paragraph for article in json.loads(content)["data"] for paragraph in article["paragraphs"]]
        texts = [question["question"] for paragraph in paragraphs for question in paragraph["qas"]][:1000]
    codes, _ = identify(pa.array(texts))
    assert codes.to_pylist().count(code) >= share * len(texts)
