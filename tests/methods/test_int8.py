"""int8: near to full precision, exact sums, no influence between rows, and nothing fails in silence."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
import tiny_models
import torch
from hypothesis import given
from hypothesis import strategies as st

from assets import models
from assets.errors import ModelError
from assets.methods import int8, loading
from assets.methods.encoding import Encoder
from assets.methods.int8_linear import Int8Linear, product


def made(rows: int, inputs: int, outputs: int, seed: int = 0) -> tuple[torch.Tensor, torch.nn.Linear]:
    generator = torch.Generator().manual_seed(seed)
    layer = torch.nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.normal_(generator=generator)
        layer.bias.normal_(generator=generator)
    return torch.randn(rows, inputs, generator=generator), layer


def memory_bytes(model: Any) -> int:
    """The bytes of a model's weights and buffers; what is shared counts once."""
    tensors = {tensor.data_ptr(): tensor.nbytes for tensor in (*model.parameters(), *model.buffers())}
    return sum(tensors.values())


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (40, 64, 33), (5, 1500, 20), (17, 384, 1)])
def test_a_layer_is_near_to_full_precision(shape: tuple[int, int, int]) -> None:
    x, layer = made(*shape)
    with torch.no_grad():
        wanted = layer(x)
        found = Int8Linear(layer.weight, layer.bias)(x)
        # Half a step of 127 on either side, of a sum of `inputs` products.
        step = float(x.abs().amax() * layer.weight.abs().amax()) / 127
    assert float((found - wanted).abs().amax()) < 4 * step * shape[1] ** 0.5


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3000, 5), (9, 1024, 4), (9, 1025, 4), (33, 100, 17)])
@pytest.mark.parametrize("fast", [True, False])
def test_sums_are_exact_either_way(shape: tuple[int, int, int], fast: bool) -> None:
    rows, inputs, outputs = shape
    extreme = torch.full((rows, inputs), 127, dtype=torch.int8)
    assert (product(extreme, extreme[:1].expand(outputs, -1).contiguous(), fast) == inputs * 127**2).all()
    generator = torch.Generator().manual_seed(1)
    a = torch.randint(-127, 128, (rows, inputs), generator=generator).to(torch.int8)
    w = torch.randint(-127, 128, (outputs, inputs), generator=generator).to(torch.int8)
    assert torch.equal(product(a, w, fast).long(), a.long() @ w.long().t())


def test_a_row_does_not_depend_on_its_company() -> None:
    x, layer = made(50, 96, 40)
    x[7] *= 1e6  # one scale for the whole batch would round all others to nothing
    compressed = Int8Linear(layer.weight, layer.bias)
    whole = compressed(x)
    for rows in ([3], [7, 3], list(range(49, -1, -1)), [3] * 9):
        assert torch.equal(compressed(x[rows]), whole[rows])
    assert torch.equal(compressed(x.reshape(5, 10, 96)).reshape(50, 40), whole)


def test_rows_of_zeros_give_the_bias_and_broken_rows_nan() -> None:
    x, layer = made(4, 8, 3)
    x[0] = 0
    x[1, 2] = float("nan")
    x[2, 5] = float("-inf")
    compressed = Int8Linear(layer.weight, layer.bias)
    found = compressed(x)
    assert torch.equal(found[0], layer.bias)
    assert found[1:3].isnan().all()
    assert torch.equal(found[3], compressed(x[3:])[0])


def test_an_output_of_zero_weights_stays_zero_and_half_precision_goes_in_and_out() -> None:
    x, layer = made(4, 8, 3)
    with torch.no_grad():
        layer.weight[1] = 0
    found = Int8Linear(layer.weight, None)(x.to(torch.bfloat16))
    assert found.dtype == torch.bfloat16
    assert (found[:, 1] == 0).all()
    assert (found[:, 0] != 0).all()


@pytest.mark.parametrize("architecture", tiny_models.ARCHITECTURES)
def test_models_of_any_family_are_compressed_and_nearly_agree(architecture: str, tmp_path: Path) -> None:
    folder = tiny_models.save(tmp_path / "model", architecture)
    texts = [" ".join(random.Random(i).choices(tiny_models.WORDS, k=12)) for i in range(40)]
    whole, small = (encoded(folder, texts, prepare) for prepare in (None, int8.quantize))
    assert not np.array_equal(whole, small)
    assert (whole * small).sum(axis=1).min() > 0.99
    np.testing.assert_array_equal(encoded(folder, texts[:7], int8.quantize), small[:7])


def encoded(folder: Path, texts: list[str], prepare: Any) -> np.ndarray:
    encoder = Encoder(folder, max_tokens=64, prepare=prepare)
    vectors = np.empty((len(texts), encoder.dimensions), np.float32)
    for batch in encoder.encode(texts, 4096):
        vectors[batch.indices] = batch.vectors
    return vectors


def test_the_body_shrinks_and_the_output_layer_stays(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tiny_models.save_language_model(folder, "gpt2")
    _, model = loading.load(folder, "AutoModelForCausalLM")
    before = memory_bytes(model)
    layers = [(name, tuple(part.weight.shape)) for name, part in model.named_modules() if "Conv1D" in str(type(part))]
    assert int8.quantize(model) is model
    compressed = {name: part for name, part in model.named_modules() if isinstance(part, Int8Linear)}
    assert {name: (part.in_features, part.out_features) for name, part in compressed.items()} == dict(layers)
    assert model.lm_head.weight is model.transformer.wte.weight
    saved = sum(3 * part.weight.numel() - 4 * part.out_features for part in compressed.values())
    assert memory_bytes(model) == before - saved


def test_what_cannot_be_compressed_is_left_or_refused() -> None:
    def net(*layers: torch.nn.Module) -> torch.nn.Module:
        return torch.nn.Sequential(*layers)

    broken, sound = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
    with torch.no_grad():
        broken.weight[0, 0] = float("inf")
    shared = torch.nn.Linear(4, 4)
    twin = torch.nn.Linear(4, 4)
    twin.weight = shared.weight
    model = int8.quantize(net(broken, sound, shared, twin))
    assert [isinstance(part, Int8Linear) for part in model] == [False, True, False, False]
    with pytest.raises(ModelError, match="Sequential: it has no linear layers that int8 could compress; set quantize"):
        int8.quantize(net(torch.nn.Embedding(3, 4)))


def test_the_bundled_encoder_keeps_its_neighbours() -> None:
    draw = random.Random(3)
    words = ["the", "cat", "dog", "on", "a", "warm", "rain", "fell", "quiet", "music", "played", "far", "away", "today"]
    texts = [" ".join(draw.choices(words, k=draw.randint(3, 20))) for _ in range(40)]
    folder = models.locate(models.BUNDLED).folder
    whole, small = (encoded(folder, texts, prepare) for prepare in (None, int8.quantize))
    pairs = np.triu_indices(len(texts), 1)
    correlation = int8.rank_correlation((whole @ whole.T)[pairs], (small @ small.T)[pairs])
    assert correlation is not None
    assert correlation > 0.98


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=40))
def test_rank_correlation_equals_scipys(rows: list[tuple[int, int]]) -> None:
    a, b = (np.array(column, float) for column in zip(*rows, strict=True))
    found = int8.rank_correlation(a, b)
    if len(set(a)) < 2 or len(set(b)) < 2:
        assert found is None
    else:
        assert found == pytest.approx(scipy.stats.spearmanr(a, b).statistic, abs=1e-12)


def test_rank_correlation_is_none_where_it_is_not_defined() -> None:
    assert int8.rank_correlation(np.array([1.0, 2.0]), np.array([1.0, 2.0])) is None
    assert int8.rank_correlation(np.zeros(0), np.zeros(0)) is None
    assert int8.rank_correlation(np.ones(5), np.arange(5.0)) is None
    assert int8.rank_correlation(np.arange(5.0), -(np.arange(5.0) ** 3)) == pytest.approx(-1)
    with pytest.raises(ValueError, match="columns of 3 and 4 rows"):
        int8.rank_correlation(np.arange(3.0), np.arange(4.0))
