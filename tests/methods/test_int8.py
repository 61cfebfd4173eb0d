"""int8: near to full precision, the same bits in any company, smaller, and Spearman as it is defined."""

from pathlib import Path

import numpy as np
import pytest
import tiny_models
from hypothesis import given
from hypothesis import strategies as st

from assets.methods import int8
from assets.methods.encoding import Encoder

TEXTS = [" ".join(f"word{(7 * row + step) % 300}" for step in range(3 + row % 20)) for row in range(60)]


def vectors(encoder: Encoder, texts: list[str]) -> np.ndarray:
    found = np.zeros((len(texts), encoder.dimensions), np.float32)
    for batch in encoder.encode(texts, 1024):
        found[batch.indices] = batch.vectors
    return found


@pytest.mark.parametrize("architecture", tiny_models.ARCHITECTURES)
def test_vectors_are_near_and_do_not_depend_on_their_neighbours(tmp_path: Path, architecture: str) -> None:
    folder = tiny_models.save(tmp_path / architecture, architecture)
    whole = Encoder(folder, max_tokens=64)
    before = int8.size_of(whole._model)
    small = Encoder(folder, max_tokens=64, prepare=int8.quantize)
    assert int8.size_of(small._model) < before
    found = vectors(small, TEXTS)
    assert np.min((vectors(whole, TEXTS) * found).sum(1)) > 0.99
    np.testing.assert_array_equal(vectors(small, TEXTS[5:9]), found[5:9])


def test_one_layer_is_the_arithmetic_of_its_definition() -> None:
    import torch

    draw = torch.Generator().manual_seed(0)
    layer = torch.nn.Linear(20, 7)
    inputs = torch.randn(5, 20, generator=draw)
    inputs[2] = 0
    inputs[3, 4] = float("nan")
    made = int8._layer_class()(layer.weight.detach(), layer.bias)
    with torch.inference_mode():
        found = made(inputs)
    weight, bias = layer.weight.detach().double(), layer.bias.detach().double()
    scale = weight.abs().amax(1) / 127
    for row in (0, 1, 4):
        row_scale = inputs[row].double().abs().max() / 127
        whole = (inputs[row].double() / row_scale).round() @ (weight / scale[:, None]).round().T
        torch.testing.assert_close(found[row].double(), whole * row_scale * scale + bias, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found[2], layer.bias.detach())
    assert found[3].isnan().all()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=30))
def test_rank_correlation_is_that_of_mean_ranks(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs, dtype=np.float64).T
    found = int8.rank_correlation(one, other)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert found is None
        return
    ranks = [
        [sum(b < a for b in values) + (sum(b == a for b in values) + 1) / 2 for a in values] for values in (one, other)
    ]
    assert found == pytest.approx(np.corrcoef(ranks)[0, 1])


def test_two_rows_have_no_rank_correlation() -> None:
    assert int8.rank_correlation(np.array([1.0, 2.0]), np.array([1.0, 2.0])) is None
