"""The straightforward way: one row at a time, transformers' own losses by `labels=`, no padding, no sharing."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

Conversation = list[dict[str, str]]


def asked(*contents: str, system: str | None = None) -> Conversation:
    """Contents of a user and an assistant by turns."""
    turns = [{"role": ("user", "assistant")[i % 2], "content": content} for i, content in enumerate(contents)]
    return [{"role": "system", "content": system}, *turns] if system else turns


class Reference:
    """A model as transformers loads it, and what it makes of one conversation."""

    def __init__(self, folder: Path, auto_class: str, chat: bool = False, max_tokens: int = 10**9) -> None:
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        self.model: Any = getattr(transformers, auto_class).from_pretrained(folder).eval()
        self.chat, self.max_tokens = chat, max_tokens

    def rendered(self, conversation: Conversation) -> tuple[str, list[tuple[int, int]]]:
        """The text, and where its responses lie: each found behind the rendered prefix."""
        if not self.chat:
            text = "\n".join(turn["content"] for turn in conversation)
        else:
            text = self.tokenizer.apply_chat_template(conversation, tokenize=False)
        spans = []
        for i, turn in enumerate(conversation):
            if turn["role"] != "assistant":
                continue
            if self.chat:
                prefix = self.tokenizer.apply_chat_template(
                    conversation[:i], tokenize=False, add_generation_prompt=True
                )
            else:
                prefix = "".join(before["content"] + "\n" for before in conversation[:i])
            assert text.startswith(prefix)
            content = turn["content"].strip() if self.chat else turn["content"]
            assert text.startswith(content, len(prefix))
            spans.append((len(prefix), len(prefix) + len(content)))
        return text, spans or [(0, len(text))]

    def tokens(self, text: str, special: bool) -> tuple[list[int], list[tuple[int, int] | None]]:
        found = self.tokenizer(
            text, add_special_tokens=special, return_offsets_mapping=True, return_special_tokens_mask=True
        )
        places = [
            None if around else tuple(place)
            for place, around in zip(found["offset_mapping"], found["special_tokens_mask"], strict=True)
        ]
        return found["input_ids"], places

    def causal_sums(self, ids: list[int], wanted: list[int]) -> tuple[float, float]:
        """Mean loss of the tokens at `wanted`, by labels, and the mean entropy in bits of their predictions."""
        labels = torch.tensor([[token if i in wanted else -100 for i, token in enumerate(ids)]])
        with torch.no_grad():
            out = self.model(input_ids=torch.tensor([ids]), labels=labels)
        logs = torch.log_softmax(out.logits[0].double(), -1)
        bits = [-(logs[i - 1].exp() * logs[i - 1]).sum().item() / math.log(2) for i in wanted]
        return out.loss.item(), float(np.mean(bits))

    def causal(self, conversation: Conversation) -> tuple[dict[str, float], list[dict[str, float]]]:
        """The row's scores, and those of each turn."""
        text, spans = self.rendered(conversation)
        is_text = all(turn["role"] != "assistant" for turn in conversation)
        ids, places = self.tokens(text, special=not self.chat or is_text)
        turns = []
        for start, end in spans:
            # A token of nothing but spaces has a place of no width, at its end.
            every = [
                i
                for i, p in enumerate(places)
                if i and p and (start <= p[0] < p[1] <= end or (p[0] == p[1] and start < p[0] <= end))
            ]
            wanted = [i for i in every if i < self.max_tokens]
            if not wanted:
                turns.append({"tokens": 0, "cut": len(every)})
                continue
            loss, bits = self.causal_sums(ids[: self.max_tokens], wanted)
            turn = {"tokens": len(wanted), "cut": len(every) - len(wanted), "loss": loss, "token_entropy": bits}
            alone, alone_places = self.tokens(text[start:end], special=True)
            last = places[wanted[-1]]
            assert last is not None
            kept = end if len(wanted) == len(every) else last[1]
            some = [i for i, p in enumerate(alone_places) if i and p and p[1] <= kept - start]
            if some:
                turn |= {"loss_without_instruction": self.causal_sums(alone, some)[0], "alone": len(some)}
                turn["ifd"] = math.exp(loss - turn["loss_without_instruction"])
            turns.append(turn)
        return _joined(turns), turns

    def masked(self, conversation: Conversation) -> tuple[float, list[float]]:
        """Pseudo-perplexity of the row, and of each turn: one copy at a time."""
        text, spans = self.rendered(conversation)
        is_text = all(turn["role"] != "assistant" for turn in conversation)
        ids, places = self.tokens(text, special=not self.chat or is_text)
        if len(ids) > self.max_tokens:
            ids, places = [*ids[: self.max_tokens - 1], ids[-1]], [*places[: self.max_tokens - 1], None]
        every: list[float] = []
        turns = []
        for start, end in spans:
            losses = []
            for i, place in enumerate(places):
                if place and start <= place[0] and place[1] <= end and place != (start, start):
                    masked = torch.tensor([ids])
                    masked[0, i] = self.tokenizer.mask_token_id
                    labels = torch.full_like(masked, -100)
                    labels[0, i] = ids[i]
                    with torch.no_grad():
                        losses.append(self.model(input_ids=masked, labels=labels).loss.item())
            turns.append(math.exp(np.mean(losses)))
            every += losses
        return math.exp(np.mean(every)), turns

    def seq2seq(self, conversation: Conversation) -> tuple[dict[str, float], list[dict[str, float]]]:
        """The row's scores and each turn's: everything before a response is its source."""
        turns = []
        for i, turn in enumerate(conversation):
            if turn["role"] == "assistant":
                source = "\n".join(before["content"] for before in conversation[:i])
                inputs = self.tokenizer(source, return_tensors="pt", truncation=True, max_length=self.max_tokens)
                inputs.pop("token_type_ids", None)
                labels = self.tokenizer(
                    text_target=turn["content"], return_tensors="pt", truncation=True, max_length=self.max_tokens
                )["input_ids"]
                with torch.no_grad():
                    out = self.model(**inputs, labels=labels)
                logs = torch.log_softmax(out.logits[0].double(), -1)
                bits = -(logs.exp() * logs).sum(-1).mean().item() / math.log(2)
                turns.append({"tokens": labels.shape[1], "loss": out.loss.item(), "token_entropy": bits})
        return _joined(turns), turns


def _joined(turns: list[dict[str, float]]) -> dict[str, float]:
    """Means over all tokens of all turns."""
    scored = [turn for turn in turns if turn["tokens"]]
    row = {
        name: float(np.average([turn[name] for turn in scored], weights=[turn["tokens"] for turn in scored]))
        for name in ("loss", "token_entropy")
    }
    row["perplexity"] = math.exp(row["loss"])
    if alone := [turn for turn in scored if "alone" in turn]:
        losses, weights = [turn["loss_without_instruction"] for turn in alone], [turn["alone"] for turn in alone]
        row["loss_without_instruction"] = float(np.average(losses, weights=weights))
        row["ifd"] = math.exp(row["loss"] - row["loss_without_instruction"])
    row["tokens"] = sum(turn["tokens"] for turn in turns)
    row["cut"] = sum(turn.get("cut", 0) for turn in turns)
    return row
