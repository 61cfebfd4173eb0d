"""Every real file beside the checkout is read whole by settings that stand here, or its fault is named."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

import pytest
from conftest import SHARED, shared_data

from assets import sources, tables
from assets.errors import SourceError
from assets.source_params import Columns, Source

FOLDERS = ("sft", "reference_selections", "classification", "eval", "bias", "qa", "mt", "ner")
PARTS = ("train", "dev", "test")
GLUE = ("text", "label")
COLA = ("source", "label", "mark", "text")
# The control character U+0003 in a question of Alpaca.
ONE_BAD = {"control_character": 1}

# What is stated beside the path; the format that is found; the rows, where the manifest gives none; the rejects.
READ: dict[str, tuple[dict[str, Any], str, int | None, dict[str, int]]] = {
    "sft/alpaca_data.json.gz": ({}, "alpaca", None, ONE_BAD),
    "sft/dolly_15k.jsonl.gz": ({"columns": {"input": "context", "output": "response"}}, "alpaca", None, {}),
    "sft/code_alpaca_2k.json.gz": ({}, "alpaca", None, {}),
    "sft/alpaca_zh_0-3252.json.gz": ({}, "alpaca", None, {}),
    "sft/alpaca_zh_3252-6382.json.gz": ({}, "alpaca", None, {}),
    "sft/alpaca_zh_mixed_12345-15323.json.gz": ({}, "alpaca", None, {}),
    "sft/alpaca_zh_malformed_9407-12345.json.gz": ({}, "alpaca", 2_802, {"not_json": 1}),
    "sft/self_instruct_seed_tasks.jsonl.gz": ({}, "alpaca", None, {}),
    "reference_selections/cherry_alpaca_5_percent.json.gz": ({}, "alpaca", None, ONE_BAD),
    "reference_selections/alpagasus_claude_t45.json.gz": ({}, "alpaca", None, {}),
    "classification/banking77_train.csv.gz": ({}, "labelled", None, {}),
    "classification/banking77_test.csv.gz": ({}, "labelled", None, {}),
    "classification/clinc150_data_full.json.gz": ({"header": ("text", "intent")}, "labelled", None, {}),
    "classification/clinc150_data_imbalanced.json.gz": ({"header": ("text", "intent")}, "labelled", None, {}),
    "classification/clinc150_domains.json.gz": ({"columns": {"text": "text", "label": "key"}}, "labelled", 150, {}),
    "classification/agnews_test.csv.gz": ({"header": ("label", "title", "text")}, "labelled", None, {}),
    "classification/agnews_train_20k.jsonl.gz": ({"columns": {"label": "label_name"}}, "labelled", None, {}),
    **{f"classification/sst2_{part}.tsv.gz": ({"header": GLUE}, "labelled", None, {}) for part in PARTS},
    **{f"classification/cola_{part}.tsv.gz": ({"header": COLA}, "labelled", None, {}) for part in ("val", *PARTS[:2])},
    **{f"classification/trec_{part}.label.gz": ({"encoding": "latin-1"}, "labelled", None, {}) for part in PARTS[::2]},
    **{f"classification/rte_{part}.tsv.gz": ({}, "pair", None, {}) for part in ("train", "dev")},
    **{f"classification/cb_{part}.jsonl.gz": ({}, "pair", None, {}) for part in ("train", "val")},
    **{f"qa/xquad.{language}.json.gz": ({}, "qa", None, {}) for language in ("en", "zh")},
    **{f"ner/wnut17_{part}.conll.gz": ({}, "token-labels", None, {}) for part in PARTS},
    **{
        f"mt/multi30k_{part}.{ours}.gz": ({"target_path": f"mt/multi30k_{part}.{theirs}.gz"}, "translation", None, {})
        for part in ("train", "val", "test_2016_flickr")
        for ours, theirs in (("en", "de"), ("de", "en"))
    },
    **{f"eval/{name}.jsonl.gz": ({}, "prompt-completion", None, {}) for name in ("gsm8k_train", "gsm8k_test", "bbh")},
    **{
        f"eval/{name}.jsonl.gz": ({}, "questions", None, {})
        for name in ("mt_bench_question", "vicuna_question", "ifeval", "koala_test_set", "lima_test_set")
    },
    "eval/wizardlm_test_set.jsonl.gz": ({"columns": {"prompt": "Instruction"}}, "questions", None, {}),
    "eval/TruthfulQA.csv.gz": (
        {"columns": {"question": "Question", "answer": "Best Answer"}, "attributes": ("Category",)},
        "prompt-completion", None, {},
    ),
    "eval/HumanEval.jsonl.gz": ({"columns": {"completion": "canonical_solution"}}, "prompt-completion", None, {}),
    "eval/alpaca_eval_805_davinci003.json.gz": ({}, "alpaca", None, {}),
    **{f"eval/mmlu_{part}.jsonl.gz": ({}, "multiple-choice", None, {}) for part in ("dev", "test")},
    "eval/sinstruct_test_set.jsonl.gz": ({}, "alpaca", None, {}),
    "eval/belle_eval_set_zh.jsonl.gz": ({}, "prompt-completion", None, {}),
    **{
        f"bias/bbq_{group}.jsonl.gz": ({}, "multiple-choice", None, {})
        for group in ("Age", "Disability_status", "Physical_appearance", "Religion", "Sexual_orientation")
    },
    "bias/crows_pairs_anonymized.csv.gz": (
        {"columns": {"first": "sent_more", "second": "sent_less", "label": "bias_type"}},
        "pair", None, {},
    ),
    **{
        f"bias/winobias_{side}_{kind}_{part}.txt.gz": ({"format": "text"}, "text", None, {})
        for side in ("pro", "anti")
        for kind in ("type1", "type2")
        for part in ("dev", "test")
    },
    "bias/winogender_all_sentences.tsv.gz": ({"columns": {"text": "sentence"}}, "text", None, {}),
}  # fmt: skip


def read(name: str, **stated: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    shared_data(name)
    found = list(sources.read([Source(path=name, **stated)], SHARED))
    records = [row for chunk in found for row in chunk.records.to_pylist()]
    return records, [row for chunk in found for row in chunk.rejected.to_pylist()]


def test_the_table_names_every_file() -> None:
    manifest = json.loads(shared_data("manifest.json").read_text())
    assert sorted(READ) == sorted(f["file"] for f in manifest if f["file"].split("/")[0] in FOLDERS)


@pytest.mark.parametrize("name", READ)
def test_a_file_is_read_whole(name: str) -> None:
    shared_data(name)
    manifest = {entry["file"]: entry["rows"] for entry in json.loads((SHARED / "manifest.json").read_text())}
    stated, format, count, rejects = READ[name]
    found = list(sources.read([Source(path=name, **stated)], SHARED))
    formats = Counter(format for chunk in found for format in chunk.records.column("format").to_pylist())
    reasons = Counter(reason for chunk in found for reason in chunk.rejected.column("reason").to_pylist())
    assert (reasons, set(formats)) == (rejects, {format})
    assert formats.total() + reasons.total() == (count or manifest[name])
    items = [
        item
        for chunk in found
        for table in (chunk.records, chunk.rejected)
        for item in table.column("item").to_pylist()
    ]
    assert sorted(items) == list(range(1, len(items) + 1))


def test_six_sources_in_one_run() -> None:
    stated = [
        Source(path="sft/alpaca_data.json.gz"),
        Source(path="sft/dolly_15k.jsonl.gz", columns=Columns(input="context", output="response"), name="dolly"),
        Source(path="sft/code_alpaca_2k.json.gz", weight=2.0),
        Source(path="sft/alpaca_zh_[0-9]*.json.gz", name="chinese"),
        Source(path="sft/alpaca_zh_mixed_12345-15323.json.gz", limit=500),
        Source(path="sft/self_instruct_seed_tasks.jsonl.gz"),
    ]
    for name in ("alpaca_data.json", "dolly_15k.jsonl", "code_alpaca_2k.json", "self_instruct_seed_tasks.jsonl"):
        shared_data(f"sft/{name}.gz")
    found = list(sources.read(stated, SHARED))
    counts = Counter(name for chunk in found for name in chunk.records.column("source").to_pylist())
    assert list(counts.items()) == [
        ("alpaca_data", 52_001),
        ("dolly", 15_015),
        ("code_alpaca_2k", 2_017),
        ("chinese", 3_247 + 2_982),
        ("alpaca_zh_mixed_12345-15323", 500),
        ("self_instruct_seed_tasks", 175),
    ]
    [reject] = [row for chunk in found for row in chunk.rejected.to_pylist()]
    assert (reject["source"], reject["item"], reject["detail"]) == (
        "alpaca_data",
        29_820,
        "a text holds the control character U+0003",
    )
    weights = Counter(weight for chunk in found for weight in chunk.records.column("weight").to_pylist())
    assert weights == {1.0: counts.total() - 2_017, 2.0: 2_017}


# -- what stands in them ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("banking77_test.csv.gz", {40: 77}),
        ("trec_test.label.gz", {138: 1, 113: 1, 94: 1, 81: 1, 65: 1, 9: 1}),
        ("sst2_dev.tsv.gz", {444: 1, 428: 1}),
        ("cola_dev.tsv.gz", {721: 1, 322: 1}),
        ("rte_dev.tsv.gz", {146: 1, 131: 1}),
        ("cb_train.jsonl.gz", {119: 1, 115: 1, 16: 1}),
        ("agnews_test.csv.gz", {1_900: 4}),
        ("clinc150_domains.json.gz", {15: 10}),
    ],
)
def test_classes_are_as_the_manifest_says(name: str, labels: dict[int, int]) -> None:
    records, _ = read(f"classification/{name}", **READ[f"classification/{name}"][0])
    assert Counter(Counter(record["label"] for record in records).values()) == labels


def test_quotes_of_glue_mean_nothing() -> None:
    for name in ("rte_train", "cola_train", "sst2_train"):
        file = f"classification/{name}.tsv.gz"
        records, _ = read(file, **READ[file][0])
        lines = gzip.decompress(shared_data(file).read_bytes()).decode().splitlines()[-len(records) :]
        for record, line in zip(records, lines, strict=True):
            cells = line.split("\t")
            text = {"rte_train": f"sentence1: {cells[1]}\nsentence2: {cells[-2]}", "cola_train": cells[-1]}
            assert record["messages"][0]["content"] == text.get(name, cells[0])


def test_the_parts_of_clinc150_are_told_apart_and_filtered() -> None:
    name = "classification/clinc150_data_full.json.gz"
    records, rejected = read(
        name, header=("text", "intent"), attributes=("key",), filter={"key": ["train", "oos_train"]}
    )
    parts = Counter(dict(record["attributes"])["key"] for record in records)
    assert parts == {"train": 15_000, "oos_train": 100}
    assert Counter(reject["value"] for reject in rejected) == {
        "val": 3_000,
        "test": 4_500,
        "oos_val": 100,
        "oos_test": 1_000,
    }
    assert {(r["step"], r["reason"], r["threshold"]) for r in rejected} == {
        ("filter", "filtered", "one of 'train', 'oos_train'")
    }


def test_tags_stand_beside_their_tokens() -> None:
    records, _ = read("ner/wnut17_train.conll.gz")
    turns = [[turn["content"].split() for turn in record["messages"]] for record in records]
    assert sum(len(tokens) for tokens, _ in turns) == 62_730
    assert all(len(tokens) == len(tags) for tokens, tags in turns)
    assert sum(tag != "O" for _, tags in turns for tag in tags) == 3_160


def test_the_wrong_encoding_costs_the_line_it_matters_for() -> None:
    records, [reject] = read("classification/trec_train.label.gz")
    assert len(records) == 5_451
    assert reject["reason"] == "not_text"
    assert "\\xf0" in reject["text"]


def test_a_malformed_file_is_salvaged_and_its_fault_named() -> None:
    name = "sft/alpaca_zh_malformed_9407-12345.json.gz"
    records, [reject] = read(name)
    text = gzip.decompress(shared_data(name).read_bytes()).decode()
    assert [record["messages"][1]["content"] for record in records] == [
        item["output"] for item in json.loads(text.rstrip().removesuffix("]").rstrip().removesuffix(",") + "]")
    ]
    assert (reject["file"], reject["line"], reject["reason"]) == (name, 14_007, "not_json")


def test_chinese_text_is_intact() -> None:
    name = "sft/alpaca_zh_0-3252.json.gz"
    records, _ = read(name)
    items = json.loads(gzip.decompress(shared_data(name).read_bytes()))
    assert [[turn["content"] for turn in record["messages"]] for record in records] == [
        ["\n".join(filter(None, (item["instruction"], item["input"]))), item["output"]] for item in items
    ]
    assert records[0]["id"] == tables.record_id(records[0]["messages"], None)


def test_unequal_halves_of_a_translation_are_one_line_with_both_counts() -> None:
    shared_data("mt/multi30k_val.en.gz")
    with pytest.raises(SourceError) as caught:
        list(sources.read([Source(path="mt/multi30k_val.en.gz", target_path="mt/multi30k_train.de.gz")], SHARED))
    assert "multi30k_val.en.gz and mt/multi30k_train.de.gz: 1,014 lines against 29,000" in str(caught.value)
