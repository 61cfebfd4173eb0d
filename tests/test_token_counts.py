"""Token counts: by the tokenizer that the settings name, counted once for the same texts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny_models

from assets import params, token_counts
from assets.errors import ModelError
from assets.progress import Advance
from assets.selection_params import TokenBudget
from assets.workspace import Workspace

TEXTS = ["word1 word2 word3", "", "word7", "word1 word1, (word2)", "word9 " * 400]


class Counting:
    """A `Progress` that keeps what was done."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.rows = 0

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "rows") -> Iterator[Advance]:
        self.titles.append(title)

        def advance(rows: int) -> None:
            self.rows += rows

        yield advance


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two tokenizers that cut words alike; the second is that of another model."""
    folder = tmp_path_factory.mktemp("models")
    return tiny_models.save(folder / "one"), tiny_models.save(folder / "two", "gpt2", pad=False)


def count(root: Path, tokenizer: str, texts: list[str] = TEXTS, made_of: str = "pool") -> tuple[list[int], int]:
    """The counts, and how many rows were counted for them."""
    progress = Counting()
    workspace = Workspace(root, params.Params())
    found = token_counts.count(TokenBudget(tokens=5, tokenizer=tokenizer), texts, workspace, progress, made_of)
    return found.tolist(), progress.rows


def test_a_tokenizers_tokens_are_counted_whole_and_without_special_ones(
    tmp_path: Path, models: tuple[Path, Path]
) -> None:
    counts, _ = count(tmp_path, str(models[0]))
    # A text without tokens costs one, so that no row comes for nothing; one beyond the model's window is not cut.
    assert counts == [3, 1, 1, 6, 400]


def test_words_need_no_model(tmp_path: Path) -> None:
    counts, _ = count(tmp_path, "words")
    assert counts == [3, 1, 1, 3, 400]
    assert count(tmp_path, "words", ["猫は好き"], "other") == ([4], 1)


def test_the_default_is_the_encoders_tokenizer(tmp_path: Path) -> None:
    counts, _ = count(tmp_path, "auto", ["The cat sat.", "unbelievable"])
    assert counts[0] == 4
    assert counts[1] >= 1


def test_counts_are_kept_and_counted_anew_for_another_pool_or_tokenizer(
    tmp_path: Path, models: tuple[Path, Path]
) -> None:
    one, two = map(str, models)
    first, rows = count(tmp_path, one)
    assert rows == len(TEXTS)
    assert count(tmp_path, one) == (first, 0)
    assert count(tmp_path, two) == (first, len(TEXTS))
    assert count(tmp_path, "words")[1] == len(TEXTS)
    assert count(tmp_path, "words", TEXTS[:2], "another pool") == ([3, 1], 2)
    assert count(tmp_path, "words", TEXTS[:1], "another pool") == ([3], 1)


@pytest.mark.parametrize("damage", [b"", b"PAR1 no more", None])
def test_a_damaged_memory_is_counted_anew(tmp_path: Path, damage: bytes | None) -> None:
    first, _ = count(tmp_path, "words")
    path = tmp_path / ".dagster" / token_counts.FILE
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    assert count(tmp_path, "words") == (first, len(TEXTS))
    assert count(tmp_path, "words") == (first, 0)


def test_the_fingerprint_is_that_of_the_tokenizer(tmp_path: Path, models: tuple[Path, Path]) -> None:
    workspace = Workspace(tmp_path, params.Params())
    names = ["auto", "words", *map(str, models)]
    prints = [token_counts.fingerprint(TokenBudget(tokens=5, tokenizer=name), workspace) for name in names]
    assert len(set(prints)) == 4
    assert prints == [token_counts.fingerprint(TokenBudget(tokens=9, tokenizer=name), workspace) for name in names]


def test_a_folder_is_found_from_the_projects_root(tmp_path: Path) -> None:
    tiny_models.save(tmp_path / "mine")
    assert count(tmp_path, "mine")[0] == [3, 1, 1, 6, 400]


@pytest.mark.parametrize("name", ["no/such-model", "nowhere", "./nothing"])
def test_a_tokenizer_that_is_not_there_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError) as caught:
        count(tmp_path, name)
    assert str(caught.value).startswith("selected_subset.budget.tokenizer: ")
    assert name in str(caught.value)
    assert "embeddings.model" not in str(caught.value)
    assert "\n" not in str(caught.value)
