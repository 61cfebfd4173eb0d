"""Targets: rows of files and versions that the pool is compared with, by each measure, and what cannot be compared."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from conftest import shared_data
from selections import Vectors, texts_pool

from assets import encoding, params, tables, targets
from assets.errors import DataError, ModelError, SourceError, VersionError
from assets.progress import Silent
from assets.targets import Compared, Likeness
from assets.workspace import Workspace
from orchestration.versions import Versions

QUESTIONS = ["How do I sort a list in Python?", "Which river flows through Paris?"]
POOL = [
    "Write a Python function that sorts a list of numbers.",
    "Name the river that runs through Paris.",
    "Bake a cake with butter and sugar.",
    "How do I sort a list in Python?",
]


def workspace(root: Path, settings: str) -> Workspace:
    return Workspace(root, params.parse(f"selected_subset: {{targets: {{questions: {settings}}}}}"))


def write(root: Path, name: str, items: list[str]) -> None:
    (root / name).write_text("".join(json.dumps({"prompt": item}) + "\n" for item in items), "utf-8")


def vectors(space: Workspace, texts: list[str]) -> Vectors:
    found: Vectors = encoding.embed(space, Silent(), encoding.choose(space), texts).vectors
    return found


def messages_of(texts: list[str]) -> pa.ChunkedArray:
    """The column of the pool, in two pieces, as tables on disk have it."""
    rows = [row["messages"] for row in texts_pool(texts)]
    return pa.chunked_array([rows[:1], rows[1:]], tables.MESSAGES)


def measure(root: Path, settings: str, texts: list[str] = POOL, points: Vectors | None = None) -> Likeness:
    space = workspace(root, settings)
    pool = Compared(messages_of(texts), np.empty((len(texts), 0), np.float32) if points is None else points)
    target = space.params.selected_subset.targets["questions"]
    return targets.measure("questions", target, pool, space, Silent(), Versions(root))


def test_cosine_finds_the_nearest_item_by_meaning(tmp_path: Path) -> None:
    write(tmp_path, "q.jsonl", QUESTIONS)
    points = vectors(workspace(tmp_path, "[q.jsonl]"), POOL)
    found = measure(tmp_path, "[q.jsonl]", points=points)
    assert found.items == ["q.jsonl:1", "q.jsonl:2"]
    assert [found.items[item] for item in found.item[[0, 1, 3]]] == ["q.jsonl:1", "q.jsonl:2", "q.jsonl:1"]
    assert found.best[3] == pytest.approx(1, abs=1e-5)
    assert found.best.argsort().tolist()[0] == 2
    items = vectors(workspace(tmp_path, "[q.jsonl]"), QUESTIONS).astype(np.float64)
    assert found.best == pytest.approx((points @ items.T).max(axis=1), abs=1e-5)
    assert found.mean == pytest.approx((points @ items.T).mean(axis=1), abs=1e-5)


def test_words_characters_and_edits(tmp_path: Path) -> None:
    write(tmp_path, "q.jsonl", ["sort the list", "sorting"])
    texts = ["sort the list", "Sort the lists!", "sorting", "nothing"]
    words = measure(tmp_path, "{rows: [q.jsonl], measure: jaccard}", texts)
    assert words.best.tolist() == [1.0, 0.5, 1.0, 0.0]
    assert words.item.tolist() == [0, 0, 1, 0]
    pairs = measure(tmp_path, "{rows: [q.jsonl], measure: jaccard, words: 2}", texts)
    assert pairs.best[:2] == pytest.approx([1.0, 1 / 3])
    characters = measure(tmp_path, "{rows: [q.jsonl], measure: jaccard, characters: 3}", texts)
    assert characters.best[0] == characters.best[2] == 1.0
    assert 0.5 < characters.best[1] < 1
    edits = measure(tmp_path, "{rows: [q.jsonl], measure: edit}", texts)
    assert edits.best[:2] == pytest.approx([1.0, 1 - 3 / 15])
    assert edits.mean[0] == pytest.approx((1.0 + 1 - 9 / 13) / 2, abs=0.1)


def test_importance_is_higher_for_rows_that_use_the_targets_words(tmp_path: Path) -> None:
    write(tmp_path, "q.jsonl", ["river boat water", "boat on the river"])
    texts = ["the river and the boat", "sugar and butter", "a boat", "", "flour"]
    found = measure(tmp_path, "{rows: [q.jsonl], measure: dsir}", texts)
    assert found.best[0] > found.best[1]
    assert found.mean[2] > found.mean[4]
    assert np.isnan(found.best[3])  # without words there is nothing to tell by, and 0 would be a number
    assert found.notes == ("selected_subset.targets.questions: 1 rows have no words, and no importance",)
    assert found.item.tolist() == [-1] * 5


def test_what_is_compared_is_the_prompt_or_all(tmp_path: Path) -> None:
    rows = [{"instruction": "Sort it", "output": "sorted"}, {"instruction": "Name it", "output": "named"}]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    texts = ["Sort it", "sorted"]
    whole, prompt = (
        measure(tmp_path, f"{{rows: [q.jsonl], measure: jaccard, of: {what}}}", texts)
        for what in ("conversation", "prompt")
    )
    assert whole.best == pytest.approx([2 / 3, 1 / 3])
    assert prompt.best.tolist() == [1.0, 0.0]


def test_several_files_are_one_target_and_unreadable_rows_are_counted(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", ["one two"])
    (tmp_path / "b.jsonl").write_text('{"prompt": "three four"}\n{"prompt": \n', "utf-8")
    found = measure(tmp_path, "{rows: [a.jsonl, b.jsonl], measure: jaccard}", ["one two", "three four"])
    assert found.items == ["a.jsonl:1", "b.jsonl:1"]
    assert found.best.tolist() == [1.0, 1.0]
    assert found.notes == ("selected_subset.targets.questions: 1 rows could not be read",)


def test_rows_too_long_for_an_edit_distance_are_counted_not_cut(tmp_path: Path) -> None:
    write(tmp_path, "q.jsonl", ["abc"])
    found = measure(tmp_path, "{rows: [q.jsonl], measure: edit}", ["abc", "x" * 200_000])
    assert found.best[0] == 1.0
    assert np.isnan(found.best[1])
    assert "1 rows are too long for an edit distance" in found.notes[0]


@pytest.mark.parametrize(
    ("settings", "written", "error", "words"),
    [
        ("[no.jsonl]", None, SourceError, "no.jsonl"),
        ("['*.jsonl']", None, SourceError, "*.jsonl"),
        ("[q.jsonl]", "", SourceError, "q.jsonl: is empty"),
        ("[q.jsonl]", "{damaged\n", SourceError, "q.jsonl"),
        ("{rows: [q.jsonl], measure: dsir}", "\n\n", SourceError, "q.jsonl"),
        (
            "[{path: q.jsonl, filter: {prompt: x}}]",
            '{"prompt": "y"}\n',
            SourceError,
            "q.jsonl",
        ),
        ("[{version: v9.9.9}]", None, VersionError, "v9.9.9"),
        ("[{version: latest}]", None, DataError, "latest has no rows to compare with"),
    ],
)
def test_a_target_without_rows_is_named(
    tmp_path: Path, settings: str, written: str | None, error: type[Exception], words: str
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    if written is not None:
        (tmp_path / "q.jsonl").write_text(written, "utf-8")
    with pytest.raises(error) as caught:
        measure(tmp_path, settings)
    said = str(caught.value)
    assert said.startswith("selected_subset.targets.questions: ")
    assert words in said
    assert "\n" not in said


def test_a_target_whose_texts_hold_no_words_is_named(tmp_path: Path) -> None:
    write(tmp_path, "q.jsonl", [" ", "\n"])
    with pytest.raises((DataError, SourceError), match=r"questions|q\.jsonl"):
        measure(tmp_path, "{rows: [q.jsonl], measure: dsir}")


def test_an_encoder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    write(tmp_path, "q.jsonl", QUESTIONS)
    settings = "embeddings: {model: no/such-model}\nselected_subset: {targets: {questions: [q.jsonl]}}"
    space = Workspace(tmp_path, params.parse(settings))
    target = space.params.selected_subset.targets["questions"]
    pool = Compared(messages_of(POOL), np.eye(4, dtype=np.float32))
    with pytest.raises(ModelError, match="no/such-model"):
        targets.measure("questions", target, pool, space, Silent(), Versions(tmp_path))


def test_the_questions_of_mt_bench_are_a_target_as_they_are(tmp_path: Path) -> None:
    path = shared_data("eval/mt_bench_question.jsonl.gz")
    found = measure(tmp_path, f"{{rows: ['{path}'], measure: jaccard, of: prompt}}")
    assert len(found.items) == 80
    assert found.items[0].endswith(":1")
    assert 0 < found.best.max() < 1
