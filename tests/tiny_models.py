"""Tiny random models of several architectures, saved as safetensors with a word tokenizer of their own."""

from pathlib import Path
from typing import Any

WORDS = [f"word{i}" for i in range(300)]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
ARCHITECTURES = ("bert", "roberta", "distilbert", "modernbert", "t5", "gpt2")


def save(folder: Path, architecture: str = "bert", positions: int = 128, pad: bool = True, seed: int = 0) -> Path:
    """Save a random model that takes `positions` tokens; without `pad`, the tokenizer knows no padding token."""
    import torch

    torch.manual_seed(seed)
    _model(architecture, positions).save_pretrained(folder)
    _save_tokenizer(folder, pad, specials=architecture != "gpt2")
    return folder


def _model(architecture: str, positions: int) -> Any:
    import transformers as t

    vocabulary = {"vocab_size": len(WORDS) + 4}
    if architecture == "bert":
        return t.BertModel(t.BertConfig(**vocabulary, **SIZES, max_position_embeddings=positions))
    if architecture == "roberta":
        sizes = {**SIZES, "max_position_embeddings": positions + 2, "pad_token_id": 1}
        return t.RobertaModel(t.RobertaConfig(**vocabulary, **sizes))
    if architecture == "distilbert":
        sizes = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
        return t.DistilBertModel(t.DistilBertConfig(**vocabulary, **sizes, max_position_embeddings=positions))
    if architecture == "modernbert":
        ids = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
        sizes = {**SIZES, "max_position_embeddings": positions, "local_attention": 16}
        return t.ModernBertModel(t.ModernBertConfig(**vocabulary, **sizes, **ids))
    if architecture == "t5":
        return t.T5Model(t.T5Config(**vocabulary, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4))
    return t.GPT2Model(
        t.GPT2Config(
            **vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=positions, bos_token_id=2, eos_token_id=3
        )
    )


def _save_tokenizer(folder: Path, pad: bool, specials: bool) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if specials:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    if pad:
        names["pad_token"] = "[PAD]"
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
