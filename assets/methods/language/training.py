"""Small causal models made of the pool itself, for `model: self`: one trained on each half, to judge the other half.

A model that saw a row would praise it, so no row is judged by one that did. Such a proxy is small and has read little:
it knows which words and turns of phrase this pool makes likely, and hardly anything of whether an answer is true.
Where models are kept belongs to `assets/self_model.py`.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.language.vocabulary import END, train_tokenizer, valid
from assets.progress import Advance

# Names everything here that decides a bit of a model; a change of architecture or of training needs a new name.
RECIPE = "lfm2-windows-1"

MIN_TEXTS = 20
MAX_PASSES = 8  # over its half; more of them teach a small pool by heart, and the other half gets less likely

_STEP_TOKENS = 512  # in one step of training; more are faster, but make fewer steps of the same budget
_STORED = 4  # times the budget: tokens of a large pool that are kept to draw windows from
_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 0.1
_CHUNK = 1_000  # texts that are tokenized at a time

Fold = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Settings:
    """The size of a model and of its training.

    `tokens`: that each of the two models sees at most. `vocabulary`: at most, of both; at least 257. `context`: the
    longest text in tokens that a model takes.
    """

    tokens: int = 1_000_000
    vocabulary: int = 2048
    layers: int = 2
    width: int = 128
    context: int = 512


def text_of(turns: Sequence[Mapping[str, str]]) -> str:
    """What is trained on: the contents of a record's messages, joined by one line end."""
    return "\n".join(turn["content"] for turn in turns)


def fold_of(texts: Sequence[str]) -> Fold:
    """(n,) the half that each text belongs to, 0 or 1, by the text alone.

    Equal texts are in one half, and new texts move no old ones. About as many in each. Cost: 1 microsecond a text.
    """
    return (_hashes(texts) & np.uint64(1)).astype(np.int64)


def train(
    texts: Sequence[str], fold: Fold, settings: Settings, seed: int, advance: Advance = lambda tokens: None
) -> tuple[Any, tuple[Any, Any]]:
    """A tokenizer, and two causal models: number k was trained on the texts where `fold` is k, and on no others.

    Both are transformers' own (`PreTrainedTokenizerFast`, `Lfm2ForCausalLM` in float32), to be saved as safetensors.
    The tokenizer is of all texts: were there two, losses by token of the two halves could not be compared. `fold`: as
    `fold_of`. The same texts, in any order, and the same settings and seed give the same bits on any number of cores;
    no global random state is used. `advance` is told tokens, from this thread: 2 x `settings.tokens` in all.
    Raises `DataError` for fewer than 20 different texts, or a half without any.
    Cost: 2 x tokens x 6 x (12 layers width² + width vocabulary) operations, one core for each model.
    """
    order = np.argsort(_hashes(texts), kind="stable")
    ordered = [texts[row] for row in order.tolist()]
    halves = fold[order]
    distinct = len(set(ordered))
    if distinct < MIN_TEXTS or any(not (halves == number).any() for number in (0, 1)):
        raise DataError(
            f"model: self needs {MIN_TEXTS} different texts or more, some in each half, to train on; here are "
            f"{distinct:,}: name a model, or add rows"
        )
    tokenizer = train_tokenizer(ordered, settings.vocabulary)
    streams = [_stream(ordered, halves == number, tokenizer, settings) for number in (0, 1)]
    made = [_new_model(len(tokenizer), settings, seed + number) for number in (0, 1)]

    def fit(number: int, tell: Advance) -> None:
        _fit(made[number], streams[number], settings, np.random.default_rng([seed, number]), tell)

    _side_by_side(fit, 2, advance)
    return tokenizer, (made[0].eval(), made[1].eval())


def _hashes(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    digests = (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), "<u8")


@dataclass(frozen=True)
class _Stream:
    """Texts of one half, each with the end token after it; and, (t,), whether a line or text begins at a token."""

    tokens: Tokens
    begins: npt.NDArray[np.bool_]


def _stream(texts: list[str], mine: npt.NDArray[np.bool_], tokenizer: Any, settings: Settings) -> _Stream:
    end = tokenizer.eos_token_id
    rows = np.flatnonzero(mine)
    pieces: list[Tokens] = []
    stored = 0
    for start in range(0, len(rows), _CHUNK):
        chunk = [valid(texts[row]) for row in rows[start : start + _CHUNK].tolist()]
        encoded = tokenizer(chunk, add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]
        pieces.append(np.fromiter((token for row in encoded for token in (*row, end)), np.int64))
        stored += len(pieces[-1])
        if stored >= _STORED * settings.tokens:
            break
    tokens = np.concatenate(pieces)
    # The vocabulary writes a line end as "Ċ", alone or with others.
    names = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    ends = np.array([name == END or name.endswith("Ċ") for name in names], dtype=np.bool_)
    return _Stream(tokens, np.concatenate([[True], ends[tokens[:-1]]]))


def _windows(stream: _Stream, rows: int, length: int, draw: np.random.Generator) -> Tokens:
    """(rows, length) stretches of the stream, each after an end token: what is judged alone begins like that, too.

    They begin at random, moved back to the beginning of the line where that is no further than half a window: so
    the model knows a response without its instruction, which begins a line, as well as whole texts.
    """
    end = stream.tokens[-1]
    size = len(stream.tokens)
    at = draw.integers(0, size, rows)
    back = np.arange(length // 2)
    near = stream.begins[(at[:, None] - back) % size]
    at = np.where(near.any(axis=1), at - near.argmax(axis=1), at)
    following = stream.tokens[(at[:, None] + np.arange(length - 1)) % size]
    return np.concatenate([np.full((rows, 1), end), following], axis=1)


def _new_model(vocabulary: int, settings: Settings, seed: int) -> Any:
    """LFM2: short convolutions first, which see the words before; attention looks up what followed them earlier.

    So a model of two layers repeats what the instruction said after a fraction of the steps that attention alone takes.
    """
    import torch
    from transformers import Lfm2Config, Lfm2ForCausalLM

    heads = _heads(settings.width)
    kinds = ["conv", "full_attention"] * settings.layers
    config = Lfm2Config(
        vocab_size=vocabulary,
        hidden_size=settings.width,
        intermediate_size=settings.width * 8 // 3,
        num_hidden_layers=settings.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=settings.context,
        layer_types=kinds[: settings.layers] if settings.layers > 1 else ["full_attention"],
        block_auto_adjust_ff_dim=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=None,  # one would keep its vector as it is, and the end token has much to say
    )
    with torch.random.fork_rng(devices=[]):
        model: Any = Lfm2ForCausalLM(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.normal_(0.0, 0.02, generator=generator)
    return model


def _heads(width: int) -> int:
    """As many heads as leave each an even number of dimensions, 32 or more where the width has them."""
    found = [heads for heads in range(1, max(1, width // 32) + 1) if width % (2 * heads) == 0]
    if not found:
        raise DataError(f"model: self cannot be {width} wide: the width must be even")
    return found[-1]


def _fit(model: Any, stream: _Stream, settings: Settings, draw: np.random.Generator, tell: Advance) -> None:
    """AdamW with a short warm-up and a cosine down to a tenth, on windows of the stream."""
    import torch

    rows = max(1, _STEP_TOKENS // settings.context)
    seen = min(settings.tokens, MAX_PASSES * len(stream.tokens))
    steps = max(1, math.ceil(seen / (rows * settings.context)))
    warm = max(1, steps // 20)
    matrices = [weights for weights in model.parameters() if weights.ndim > 1]
    others = [weights for weights in model.parameters() if weights.ndim == 1]
    groups = [{"params": matrices, "weight_decay": _WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=_LEARNING_RATE, betas=(0.9, 0.98))
    model.train()
    for step in range(steps):
        rate = min(1.0, (step + 1) / warm) * (0.55 + 0.45 * math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * rate
        tokens = torch.from_numpy(_windows(stream, rows, settings.context, draw))
        logits = model(input_ids=tokens, use_cache=False).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        tell((step + 1) * settings.tokens // steps - step * settings.tokens // steps)


class _StoppedError(Exception):
    """The other model failed, or the user wants no more."""


def _side_by_side(fit: Callable[[int, Advance], None], count: int, advance: Advance) -> None:
    """`fit(0)` to `fit(count - 1)`, each on one thread of its own; this one passes on how far they are."""
    import torch

    # It would say with the first pass that a package for GPUs is not installed.
    logging.getLogger("transformers.integrations.hub_kernels").setLevel(logging.ERROR)
    threads = torch.get_num_threads()
    told: SimpleQueue[int | None] = SimpleQueue()
    stop = threading.Event()

    def tell(tokens: int) -> None:
        if stop.is_set():
            raise _StoppedError
        told.put(tokens)

    pool = ThreadPoolExecutor(min(count, threads), "train", initializer=torch.set_num_threads, initargs=(1,))
    try:
        running = [pool.submit(fit, number, tell) for number in range(count)]
        for one in running:
            one.add_done_callback(lambda _: told.put(None))
        left = count
        while left:
            tokens = told.get()
            if tokens is None:
                left -= 1
                if any(one.done() and one.exception() for one in running):
                    stop.set()
            else:
                advance(tokens)
        failed = [error for one in running if (error := one.exception()) and not isinstance(error, _StoppedError)]
        if failed:
            raise failed[0]
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(threads)  # the workers' setting is also the default of threads started later
