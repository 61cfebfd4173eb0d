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


SENTENCES = [
    "Describe how the river runs through the northern mountains and reaches the sea.",
    "The answer is simple: water follows the lowest ground, and the mountains are higher than the sea.",
    "Name three colours, then say why they are called colours. Red, green and blue are often named first!",
    "def reaches(river, sea):\n    for mountain in river:\n        yield mountain\n    return sea",
    "User: what is called simple? Assistant: nothing that follows the ground, 12345 or 67890.",
]
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'system' and not loop.first %}"
    "{{ raise_exception('a system message must come first') }}{% endif %}"
    "<|{{ message.role }}|>\n{{ message.content | trim }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def save_language_model(
    folder: Path,
    architecture: str = "gpt2",
    positions: int = 128,
    template: str | None = None,
    side: str = "right",
    pad: bool = True,
    words: bool = False,
    seed: int = 0,
    **settings: Any,
) -> Path:
    """Save a random model with its head: gpt2, llama, gemma2 (caps its logits), bert, roberta, t5 or bart.

    Its tokenizer knows pieces of words, trained on `SENTENCES`, or whole `WORDS` only. GPT-2's adds nothing to a text,
    Llama's puts a token before it, T5's one behind it, and the others both. `settings` go to the configuration.
    """
    import torch
    import transformers as t

    torch.manual_seed(seed)
    size = _save_pieces(folder, architecture, template, side, pad, words)
    ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    common = {"vocab_size": size, "max_position_embeddings": positions, **ids, **settings}
    wide = {"initializer_range": 0.1 if architecture == "gemma2" else 0.3}  # so that predictions differ
    if architecture == "gpt2":
        small = {"vocab_size": size, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": positions}
        model: Any = t.GPT2LMHeadModel(t.GPT2Config(**small, **ids, **wide, **settings))
    elif architecture in ("llama", "gemma2"):
        kind, config = {
            "llama": (t.LlamaForCausalLM, t.LlamaConfig),
            "gemma2": (t.Gemma2ForCausalLM, t.Gemma2Config),
        }[architecture]
        heads = {"num_key_value_heads": 2, "head_dim": 8}
        model = kind(config(**common, **SIZES, **heads, **wide))
    elif architecture == "bert":
        model = t.BertForMaskedLM(t.BertConfig(**common, **SIZES, **wide))
    elif architecture == "roberta":
        common["max_position_embeddings"] += 1
        model = t.RobertaForMaskedLM(t.RobertaConfig(**common, **SIZES, **wide))
    elif architecture == "t5":
        sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "initializer_factor": 1.5}
        start = {"pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 0}
        model = t.T5ForConditionalGeneration(t.T5Config(vocab_size=size, **sizes, **start, **settings))
    else:
        sizes = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
        heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "decoder_start_token_id": 3}
        model = t.BartForConditionalGeneration(t.BartConfig(**common, **sizes, **heads, init_std=0.3))
    model.save_pretrained(folder)
    return folder


def _save_pieces(folder: Path, architecture: str, template: str | None, side: str, pad: bool, words: bool) -> int:
    """Save a tokenizer for `architecture`; return the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    if words:
        vocabulary = {word: i for i, word in enumerate([*specials, *WORDS])}
        tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=400, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
        )
        tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    around = {"gpt2": "$A", "llama": "[CLS] $A", "gemma2": "[CLS] $A", "t5": "$A [SEP]"}
    ids = [("[CLS]", 2), ("[SEP]", 3)]
    around_text = processors.TemplateProcessing(single=around.get(architecture, "[CLS] $A [SEP]"), special_tokens=ids)
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), around_text])
    names = {"unk_token": "[UNK]", "bos_token": "[CLS]", "eos_token": "[SEP]", "mask_token": "[MASK]"}
    if pad:
        names["pad_token"] = "[PAD]"
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, padding_side=side, **names)
    fast.chat_template = template
    fast.save_pretrained(folder)
    return len(fast)
