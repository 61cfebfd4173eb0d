"""A vocabulary made of the pool itself: byte-level BPE, for the small models that are trained on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

END = "<|end|>"  # stands between texts, and before each text that is judged
LEAST = 257  # the bytes, and the end
CHARACTERS = 20_000_000  # beyond these a vocabulary of thousands does not change, but for chance


def train_tokenizer(texts: Sequence[str], vocabulary: int) -> Any:
    """Byte-level BPE of at most `vocabulary` tokens (257 at least), a `PreTrainedTokenizerFast`.

    Any text in any script has tokens, and no token is unknown. It puts the end token before a text, as training does.
    The same texts in the same order give the same tokenizer. Of very many texts the first 20 million characters are
    read. Cost: a second or two per ten million characters.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=max(vocabulary, LEAST),
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_first_characters(texts, CHARACTERS), trainer)
    end = tokenizer.token_to_id(END)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{END} $A", special_tokens=[(END, end)])
    made: Any = PreTrainedTokenizerFast
    return made(tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=END)


def valid(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair, which no tokenizer takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _first_characters(texts: Sequence[str], characters: int) -> Iterator[str]:
    for text in texts:
        yield valid(text[:characters])
        characters -= len(text)
        if characters <= 0:
            return
