"""The cache on disk: only new text is embedded, whatever happened before, and nothing is lost or mixed up."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tiny_models

from assets import keyed_shards, vectors
from assets.errors import ModelError
from assets.methods.encoding import Encoder
from assets.vectors import Embedded, Entries, VectorCache

ROOT = Path(__file__).parents[1]


def texts_of(count: int, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    return [f"word{n % 300} " + " ".join(draw.choices(tiny_models.WORDS, k=draw.randint(1, 20))) for n in range(count)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(model: Path) -> Encoder:
    return Encoder(model, max_tokens=16)


def never() -> Encoder:
    raise AssertionError("the encoder must not be loaded")


def embed(
    texts: list[str], folder: Path, load: Callable[[], Encoder], advance: Callable[[int], None] = lambda rows: None
) -> Embedded:
    return vectors.embed(texts, VectorCache(folder, "k"), load, 1024, advance)


def test_vectors_come_in_the_order_of_the_texts_and_equal_the_encoder_s(tmp_path: Path, encoder: Encoder) -> None:
    texts = texts_of(300)
    expected = np.zeros((300, encoder.dimensions), np.float32)
    cut = 0
    for batch in encoder.encode(texts, 1024):
        expected[batch.indices] = batch.vectors
        cut += int(batch.cut.sum())
    steps: list[int] = []
    got = embed(texts, tmp_path, lambda: encoder, steps.append)
    np.testing.assert_array_equal(got.vectors, expected)
    assert got.tokens.tolist() == [len(text.split()) + 2 for text in texts]
    assert got.cut == cut == sum(len(text.split()) + 2 > 16 for text in texts)
    assert sum(steps) == 300


def test_a_second_run_computes_nothing_and_loads_no_model(tmp_path: Path, encoder: Encoder) -> None:
    texts = texts_of(200)
    first = embed(texts, tmp_path, lambda: encoder)
    steps: list[int] = []
    second = embed(texts[::-1], tmp_path, never, steps.append)
    assert (first.computed, first.cached) == (200, 0)
    assert (second.computed, second.cached, second.cut) == (0, 200, first.cut)
    np.testing.assert_array_equal(second.vectors, first.vectors[::-1])
    np.testing.assert_array_equal(second.tokens, first.tokens[::-1])
    assert sum(steps) == 200


def test_one_percent_new_computes_exactly_that(tmp_path: Path, encoder: Encoder) -> None:
    embed(texts_of(500), tmp_path, lambda: encoder)
    mixed = [*texts_of(500), *(f"word7 new {n}" for n in range(5))]
    random.Random(1).shuffle(mixed)
    got = embed(mixed, tmp_path, lambda: encoder)
    assert (got.cached, got.computed, got.repeated) == (500, 5, 0)
    fresh = embed(mixed, tmp_path / "fresh", lambda: encoder)
    np.testing.assert_array_equal(got.vectors, fresh.vectors)


def test_equal_texts_are_embedded_once(tmp_path: Path, encoder: Encoder) -> None:
    texts = ["word1 word2", "word3", "word1 word2", "word1 word2", ""]
    steps: list[int] = []
    got = embed(texts, tmp_path, lambda: encoder, steps.append)
    assert (got.computed, got.repeated, got.cached) == (3, 2, 0)
    assert sum(steps) == 5
    np.testing.assert_array_equal(got.vectors[0], got.vectors[2])
    np.testing.assert_array_equal(got.vectors[0], got.vectors[3])
    again = embed(texts, tmp_path, never)
    assert (again.computed, again.repeated, again.cached) == (0, 0, 5)


def test_no_texts(tmp_path: Path) -> None:
    got = embed([], tmp_path, never)
    assert len(got.vectors) == len(got.tokens) == got.computed == got.cached == got.cut == 0


def test_a_killed_run_is_taken_up_and_ends_in_the_same_bits(tmp_path: Path, model: Path, encoder: Encoder) -> None:
    texts = texts_of(6000)
    script = (
        "import sys, time; from pathlib import Path\n"
        "sys.path.insert(0, 'tests')\n"
        "from assets import vectors; from assets.methods.encoding import Encoder; from test_vectors import texts_of\n"
        "vectors.SHARD_ROWS = 500\n"
        f"cache = vectors.VectorCache(Path({str(tmp_path / 'killed')!r}), 'k')\n"
        # Slow enough to be caught in the middle, between two batches like any other moment.
        "slow = lambda rows: time.sleep(0.01)\n"
        f"vectors.embed(texts_of(6000), cache, lambda: Encoder(Path({str(model)!r}), max_tokens=16), 1024, slow)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").rglob("*.parquet")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)  # there is nothing to wait for but the file
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = sum(pq.read_metadata(shard).num_rows for shard in (tmp_path / "killed").rglob("*.parquet"))
    assert 500 <= kept < 6000
    resumed = embed(texts, tmp_path / "killed", lambda: encoder)
    assert (resumed.cached, resumed.computed) == (kept, 6000 - kept)
    assert resumed.discarded == 0
    np.testing.assert_array_equal(resumed.vectors, embed(texts, tmp_path / "whole", lambda: encoder).vectors)


@pytest.mark.parametrize("damage", ["empty", "half", "flipped", "other"])
def test_a_damaged_shard_is_removed_counted_and_made_good(tmp_path: Path, encoder: Encoder, damage: str) -> None:
    texts = texts_of(100)
    first = embed(texts, tmp_path, lambda: encoder)
    embed(texts_of(40, seed=8), tmp_path, lambda: encoder)
    shard = next(s for s in (tmp_path / "k").glob("*.parquet") if pq.read_metadata(s).num_rows == 100)
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    made = {"empty": b"", "half": bytes(content[: len(content) // 2]), "flipped": bytes(content), "other": b"PAR1" * 9}
    shard.write_bytes(made[damage])
    again = embed(texts, tmp_path, lambda: encoder)
    assert (again.discarded, again.computed) == (1, 100)
    np.testing.assert_array_equal(again.vectors, first.vectors)
    assert embed(texts, tmp_path, never).discarded == 0


def test_what_a_killed_run_left_unfinished_is_ignored_and_goes_in_time(tmp_path: Path, encoder: Encoder) -> None:
    (tmp_path / "k").mkdir()
    old, young = tmp_path / "k" / ".old.new", tmp_path / "k" / ".young.new"
    for path in (old, young):
        path.write_bytes(b"PAR1 half")
    os.utime(old, (0, 0))
    assert embed(texts_of(10), tmp_path, lambda: encoder).computed == 10
    assert not old.exists()
    assert young.exists(), "another run may be writing it"


def test_many_small_shards_become_few_and_nothing_is_lost(tmp_path: Path, encoder: Encoder) -> None:
    texts = texts_of(200)
    for start in range(0, 200, 10):
        embed(texts[: start + 10], tmp_path, lambda: encoder)
    assert len(list((tmp_path / "k").glob("*.parquet"))) < keyed_shards.MERGE_FROM
    got = embed(texts, tmp_path, never)
    np.testing.assert_array_equal(got.vectors, embed(texts, tmp_path / "fresh", lambda: encoder).vectors)


def test_runs_that_write_at_once_do_no_harm(tmp_path: Path, encoder: Encoder) -> None:
    texts = texts_of(50)
    plain = embed(texts, tmp_path / "alone", lambda: encoder)

    def meanwhile() -> Encoder:  # another run does the same work after this one has looked
        embed(texts, tmp_path, lambda: encoder)
        return encoder

    got = embed(texts, tmp_path, meanwhile)
    assert len(list((tmp_path / "k").glob("*.parquet"))) == 2
    np.testing.assert_array_equal(got.vectors, plain.vectors)
    np.testing.assert_array_equal(embed(texts, tmp_path, never).vectors, plain.vectors)


def test_keys_that_end_in_zero_bytes_are_kept_apart(tmp_path: Path) -> None:
    keys = np.frombuffer(b"a" * 15 + b"\0" + b"a" * 14 + b"\0\0" + b"\0" * 16, "S16")
    written = Entries(keys, np.eye(3, dtype=np.float32), np.arange(3, dtype=np.int32), np.array([True, False, True]))
    cache = VectorCache(tmp_path, "k")
    cache.append(written)
    (read,) = cache.entries()
    assert read.keys.tobytes() == keys.tobytes()
    np.testing.assert_array_equal(read.vectors, written.vectors)
    assert (read.tokens.tolist(), read.cut.tolist()) == ([0, 1, 2], [True, False, True])


def test_a_text_without_a_vector_is_an_error_and_the_others_are_kept(tmp_path: Path) -> None:
    encoder = Encoder(tiny_models.save(tmp_path / "gpt2", "gpt2"), max_tokens=16)
    texts = ["word1", "", "word2"]
    with pytest.raises(ModelError, match=r"1 of 3 new texts .* text 2 of 3: the tokenizer makes no token of it"):
        embed(texts, tmp_path, lambda: encoder)
    assert embed(["word1", "word2"], tmp_path, never).cached == 2


def test_an_interrupted_run_keeps_what_it_had(tmp_path: Path, encoder: Encoder) -> None:
    texts = texts_of(400)

    def stop(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(texts, tmp_path, lambda: encoder, stop)
    got = embed(texts, tmp_path, lambda: encoder)
    assert got.cached > 0
    assert got.cached + got.computed == 400


def test_the_recipe_names_all_that_a_vector_depends_on() -> None:
    base = vectors.recipe("m", 256, "cpu")
    assert vectors.recipe("m", 256, "cuda:1") == vectors.recipe("m", 256, "cuda")
    others = [("m2", 256, "cpu"), ("m", 128, "cpu"), ("m", 256, "cuda")]
    assert len({base, *(vectors.recipe(*other) for other in others)}) == 4


def test_devices() -> None:
    assert vectors.resolve_device("cpu") == "cpu"
    assert vectors.resolve_device("auto") in ("cpu", "cuda")
    for wrong in ("gpu", "cuda:x", "cpu:1", "", "cuda:1:2"):
        with pytest.raises(ModelError, match="is not one of auto, cpu, cuda and cuda:N"):
            vectors.resolve_device(wrong)
    with pytest.raises(ModelError, match="'cuda:4096' was asked for, but torch sees"):
        vectors.resolve_device("cuda:4096")
