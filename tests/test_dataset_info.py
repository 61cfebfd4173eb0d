"""LLaMA-Factory's dataset_info.json: its entries are sources, or one line names the entry that cannot be one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assets import dataset_info, sources
from assets.errors import PickwiseError, SettingsError, SourceError
from assets.source_params import Source

TURNS = [{"speaker": "me", "said": "q"}, {"speaker": "it", "said": "a"}]
ENTRIES: dict[str, Any] = {
    "plain": {"file_name": "plain.json"},
    "mapped": {
        "file_name": "deep/mapped.jsonl",
        "columns": {"prompt": "ask", "query": "about", "response": "say", "system": "rule", "history": "before"},
        "num_samples": 2,
    },
    "chat": {
        "file_name": "chat.json",
        "formatting": "sharegpt",
        "columns": {"messages": "talk", "tools": "can"},
        "tags": {"role_tag": "speaker", "content_tag": "said", "user_tag": "me", "assistant_tag": "it"},
    },
    "open": {"file_name": "open.json", "formatting": "openai", "columns": {"messages": "messages"}},
    "folder": {"file_name": "many"},
    "hub": {"hf_hub_url": "owner/name", "subset": "small", "split": "test", "file_name": "ignored.json"},
    "cloud": {"cloud_file_name": "s3://bucket/a.jsonl"},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "factory"
    (folder / "deep").mkdir(parents=True)
    (folder / "many").mkdir()
    (folder / "dataset_info.json").write_text(json.dumps(ENTRIES))
    (folder / "plain.json").write_text(json.dumps([{"instruction": "i", "input": "n", "output": "o"}]))
    row = {"ask": "q", "about": "x", "say": "a", "rule": "s", "before": [["one", "two"]]}
    (folder / "deep" / "mapped.jsonl").write_text(f"{json.dumps(row)}\n" * 3)
    (folder / "chat.json").write_text(json.dumps([{"talk": TURNS, "can": "[]"}]))
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    (folder / "open.json").write_text(json.dumps([{"messages": turns}]))
    for name in "ab":
        (folder / "many" / f"{name}.jsonl").write_text('{"instruction": "i", "output": "o"}\n')
    return tmp_path


def read(root: Path, **stated: Any) -> list[dict[str, Any]]:
    source = Source(dataset_info="factory/dataset_info.json", **stated)
    return [row for chunk in sources.read([source], root) for row in chunk.records.to_pylist()]


def refusal(root: Path, of: type[PickwiseError] = SourceError, **stated: Any) -> str:
    with pytest.raises(of) as caught:
        read(root, **stated)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_entries_are_read_by_their_columns_and_tags(root: Path) -> None:
    found = read(root, entries=["plain", "mapped", "chat", "open", "folder"], weight=2)
    assert [(row["source"], row["file"], row["format"]) for row in found] == [
        ("plain", "factory/plain.json", "alpaca"),
        ("mapped", "factory/deep/mapped.jsonl", "alpaca"),
        ("mapped", "factory/deep/mapped.jsonl", "alpaca"),
        ("chat", "factory/chat.json", "sharegpt"),
        ("open", "factory/open.json", "messages"),
        ("folder", "factory/many/a.jsonl", "alpaca"),
        ("folder", "factory/many/b.jsonl", "alpaca"),
    ]
    assert {row["weight"] for row in found} == {2.0}
    assert [(turn["role"], turn["content"]) for turn in found[1]["messages"]] == [
        ("system", "s"),
        ("user", "one"),
        ("assistant", "two"),
        ("user", "q\nx"),
        ("assistant", "a"),
    ]
    assert [(turn["role"], turn["content"]) for turn in found[3]["messages"]] == [("user", "q"), ("assistant", "a")]


def test_a_hub_entry_goes_before_its_file_and_a_cloud_entry_is_remote(root: Path) -> None:
    stated = Source(dataset_info="factory/dataset_info.json", limit=5)
    expanded = {source.name: source for source in dataset_info.expand(stated, root, "raw_data.sources[0]")}
    hub = expanded["hub"]
    assert (hub.hub, hub.subset, hub.split, hub.path) == ("owner/name", "small", "test", None)
    assert expanded["cloud"].path == "s3://bucket/a.jsonl"
    assert [expanded[name].limit for name in ("plain", "mapped")] == [5, 2]
    assert list(expanded) == list(ENTRIES)


def test_limit_name_and_filter_hold_for_every_entry(root: Path) -> None:
    found = read(root, entries=("mapped", "folder"), limit=1, name="mine")
    assert [(row["source"], row["item"]) for row in found] == [("mine", 1), ("mine", 1), ("mine", 1)]
    assert "no row has the column 'lang' (filter)" in refusal(root, entries=["plain"], filter={"lang": "en"})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"file_name": "plain.json", "ranking": True}, "`ranking`: holds preferences"),
        ({"file_name": "plain.json", "columns": {"kto_tag": "label"}}, "`kto_tag`: holds preferences"),
        (
            {"file_name": "plain.json", "columns": {"chosen": "a", "rejected": "b"}},
            "`chosen` and `rejected`: holds pref",
        ),
        ({"file_name": "plain.json", "columns": {"images": "images"}}, "holds pictures, films or sound"),
        ({"file_name": "plain.json", "columns": {"audios": "audios"}}, "holds pictures, films or sound"),
        ({"script_url": "belle"}, "`script_url`: scripts are not run"),
        ({"hf_hub_url": "o/n", "folder": "x"}, "`folder`: is not read"),
        ({"ms_hub_url": "o/n"}, "names no data; expected file_name, cloud_file_name or hf_hub_url"),
        ({"file_name": "plain.json", "formatting": "alpaka"}, "`formatting`: expected 'alpaca', 'sharegpt', 'openai'"),
        ({"file_name": "plain.json", "formating": "alpaca"}, "unknown key 'formating'"),
        ({"file_name": "plain.json", "columns": {"prompts": "a"}}, "`columns`: unknown 'prompts'; known: 'prompt'"),
        ({"file_name": "plain.json", "columns": {"prompt": 3}}, "`columns`: expected names by what they stand for"),
        ({"file_name": "plain.json", "tags": {"user": "a"}}, "`tags`: unknown 'user'"),
        ({"file_name": "plain.json", "num_samples": 0}, "limit: Input should be greater than or equal to 1"),
        ({"file_name": "plain.json", "num_samples": "many"}, "limit: Input should be a valid integer"),
        ({"file_name": 3}, "expected the name of a file, not 3"),
        ("plain.json", "expected an object, not 'plain.json'"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named(root: Path, entry: Any, said: str) -> None:
    (root / "factory" / "dataset_info.json").write_text(json.dumps({"ok": ENTRIES["plain"], "odd\x1b": entry}))
    message = refusal(root)
    assert message.startswith("factory/dataset_info.json, entry 'odd\\x1b': ")
    assert said in message
    assert len(read(root, entries=["ok"])) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON: Expecting value"),
        ("[]", "expected an object of data sets by name"),
        ("[" * 100_000, "is not JSON: "),
        ('{"gone": {"file_name": "gone.json"}}', "factory/gone.json: no such file"),
    ],
)
def test_a_file_that_lists_nothing(root: Path, text: str, said: str) -> None:
    (root / "factory" / "dataset_info.json").write_text(text)
    assert said in refusal(root)


def test_settings_that_do_not_go_together(root: Path) -> None:
    assert "has no entry 'plan'; did you mean 'plain'?" in refusal(root, entries=["plan"])
    for setting, value in (("format", "alpaca"), ("header", ["a"]), ("split", "test"), ("columns", {"input": "a"})):
        said = refusal(root, SettingsError, **{setting: value})
        assert f"raw_data.sources[0].{setting}: is for " in said
    (root / "factory" / "dataset_info.json").unlink()
    assert "factory/dataset_info.json: no such file (relative paths" in refusal(root)
    with pytest.raises(ValueError, match="exactly one of demo, path, hub and dataset_info"):
        Source(dataset_info="a", path="b")


def test_the_fingerprint_follows_the_entries_and_their_files(root: Path) -> None:
    source = Source(dataset_info="factory/dataset_info.json", entries=("plain", "chat"))
    before = sources.fingerprint([source], root)
    assert sources.fingerprint([source], root) == before
    changed = {**ENTRIES, "plain": {**ENTRIES["plain"], "num_samples": 9}}
    (root / "factory" / "dataset_info.json").write_text(json.dumps(changed))
    assert sources.fingerprint([source], root) != before
