"""How fast IFD is over Alpaca's rows with a tiny GPT-2, against one row at a time, interleaved, with the same scores.

    python benchmarks/ifd.py [--rows 2000] [--rounds 3] [--vocabulary 8192 50257] [--width 64] [--layers 2]

The rival is the straightforward way: each row is tokenised, and two forward passes with `labels=` give the losses with
and without the instruction, on all threads. Both start from the conversations and end in scores; no cache is involved.
The models are random and made here, with a byte-level tokenizer trained on the rows. It cannot find 50,257 pieces in
them: the output layer is as wide as asked for, whatever the tokenizer knows. Seconds are medians; ratios of one run are
what compares between machines, those of processor seconds even while others use it. Needs
../shared/data/sft/alpaca_data.json.gz.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assets.methods.language.models import LanguageModel, load
from assets.methods.language.scoring import score

ALPACA = Path(__file__).parents[2] / "shared" / "data" / "sft" / "alpaca_data.json.gz"
POSITIONS = 1024

Conversation = list[dict[str, str]]
Scores = npt.NDArray[np.float64]


def alpaca(rows: int) -> list[Conversation]:
    """Rows spread evenly over the file, as a question and its answer."""
    with gzip.open(ALPACA, "rt", encoding="utf-8") as file:
        items = json.load(file)
    chosen = items[:: max(1, len(items) // rows)][:rows]
    return [
        [
            {"role": "user", "content": "\n".join(filter(None, (item["instruction"], item["input"])))},
            {"role": "assistant", "content": item["output"]},
        ]
        for item in chosen
    ]


def make(folder: Path, conversations: list[Conversation], vocabulary: int, width: int, layers: int) -> int:
    """Save a random GPT-2 and a tokenizer; return its number of parameters."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((turn["content"] for one in conversations for turn in one), trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {
        "n_embd": width,
        "n_layer": layers,
        "n_head": max(1, width // 32),
        "n_positions": POSITIONS,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    model = GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, initializer_range=0.2, **sizes))
    model.save_pretrained(folder)
    return int(model.num_parameters())


def ours(model: LanguageModel, conversations: list[Conversation]) -> Scores:
    """IFD of each row by the project."""
    found = np.full(len(conversations), np.nan)
    for positions, table in score(model, conversations, 8192):
        found[positions] = table["ifd"].to_numpy(zero_copy_only=False)
    return found


def one_by_one(tokenizer: Any, model: Any, conversations: list[Conversation]) -> Scores:
    """IFD of each row by two losses of transformers."""
    import torch

    found = np.full(len(conversations), np.nan)
    for number, (question, answer) in enumerate(conversations):
        whole = tokenizer(question["content"] + "\n" + answer["content"], return_tensors="pt").input_ids[:, :POSITIONS]
        asked = tokenizer(question["content"] + "\n", return_tensors="pt").input_ids.shape[1]
        alone = tokenizer(answer["content"], return_tensors="pt").input_ids[:, :POSITIONS]
        if alone.shape[1] < 2 or whole.shape[1] <= asked:
            continue
        labels = whole.clone()
        labels[:, :asked] = -100
        with torch.inference_mode():
            given = model(whole, labels=labels).loss.item()
            without = model(alone, labels=alone).loss.item()
        found[number] = math.exp(given - without)
    return found


def main() -> None:
    """Print what came out for each size of the vocabulary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--vocabulary", type=int, nargs="+", default=[8192, 50_257])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    arguments = parser.parse_args()
    if not ALPACA.is_file():
        print("real data is absent: ../shared/data/sft/alpaca_data.json.gz")
        return
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    conversations = alpaca(arguments.rows)
    print(f"{len(conversations):,} rows, {arguments.rounds} rounds, {torch.get_num_threads()} threads")
    for vocabulary in arguments.vocabulary:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            parameters = make(folder, conversations, vocabulary, arguments.width, arguments.layers)
            model = load(folder, max_tokens=POSITIONS, device="cpu")
            tokenizer: Any = AutoTokenizer.from_pretrained(folder)
            plain: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        ours(model, conversations[:64])
        one_by_one(tokenizer, plain, conversations[:16])
        ways: dict[str, Callable[[], Scores]] = {
            "ours": partial(ours, model, conversations),
            "one by one": partial(one_by_one, tokenizer, plain, conversations),
        }
        wall: dict[str, list[float]] = {way: [] for way in ways}
        processor: dict[str, list[float]] = {way: [] for way in ways}
        found = {}
        for _ in range(arguments.rounds):
            for way, run in ways.items():
                start, used = time.perf_counter(), time.process_time()
                found[way] = run()
                wall[way].append(time.perf_counter() - start)
                processor[way].append(time.process_time() - used)
        both = np.isfinite(found["ours"]) & np.isfinite(found["one by one"])
        np.testing.assert_allclose(found["ours"][both], found["one by one"][both], rtol=1e-4)
        print(
            f"vocabulary {vocabulary:,}, width {arguments.width}, {parameters / 1e6:.1f} million parameters; "
            f"the same score {both.sum():,} rows, none {(~both).sum():,}"
        )
        for way in ways:
            seconds, used = float(np.median(wall[way])), float(np.median(processor[way]))
            print(
                f"{way:>12}: {seconds:7.2f} s, {len(conversations) / seconds:6.0f} rows/s   "
                f"this / ours {seconds / np.median(wall['ours']):5.2f}   "
                f"processor {used:7.2f} s, this / ours {used / np.median(processor['ours']):5.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
