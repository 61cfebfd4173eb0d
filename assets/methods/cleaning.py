"""What a sound record is: text normalisation, and the reason why a record is not sound.

Normalisation changes as little as a trainer could want: Unicode NFC, line ends, and white space around a turn. What is
inside a turn (indentation, blank lines, spacing) stays, because code and tables need it.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

Turns = Sequence[dict[str, str]]


@dataclass(frozen=True)
class Rules:
    """Bounds in characters of all turns together, and the answers that say that there is no answer."""

    min_chars: int
    max_chars: int
    placeholders: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """Why a record is dropped: a countable reason, the value that was found and the bound it missed."""

    reason: str
    value: str
    threshold: str


def normalise(text: str) -> str:
    """`text` in Unicode NFC, with line feeds as line ends, without white space at its two ends."""
    text = unicodedata.normalize("NFC", text)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def normalise_turns(turns: Turns) -> list[dict[str, str]]:
    """Every turn with its content normalised; roles and order stay."""
    return [{"role": turn["role"], "content": normalise(turn["content"])} for turn in turns]


def fault(turns: Turns, rules: Rules) -> Fault | None:
    """The first reason to drop a record of normalised turns, or None; linear in the text.

    Reasons: `empty_prompt`, `empty_answer`, `placeholder_answer`, `too_short`, `too_long`. A record that ends with
    anything but an assistant's turn (a labelled text) has no answer that could be empty.
    """
    answer = turns[-1]["content"] if turns[-1]["role"] == "assistant" else None
    if not any(turn["content"] for turn in turns if turn["role"] != "assistant"):
        return Fault("empty_prompt", "", "some text")
    if answer == "":
        return Fault("empty_answer", "", "some text")
    if answer is not None and is_placeholder(answer, rules.placeholders):
        return Fault("placeholder_answer", answer, "an answer")
    length = sum(len(turn["content"]) for turn in turns)
    if length < rules.min_chars:
        return Fault("too_short", str(length), f"at least {rules.min_chars} characters")
    if length > rules.max_chars:
        return Fault("too_long", str(length), f"at most {rules.max_chars} characters")
    return None


def is_placeholder(answer: str, placeholders: Sequence[str]) -> bool:
    """Whether an answer only says that there is none: it is a placeholder, or opens with one in angle brackets.

    "<nooutput> This cannot be done in text" is as much of a placeholder as "<nooutput>" alone; only an opening
    "<noinput>" is not, since an answer often follows it. Case, and a full stop at the end, do not matter.
    """
    text = answer.casefold().strip().rstrip(".")
    for placeholder in placeholders:
        known = placeholder.casefold()
        if text == known or (known.startswith("<") and "output" in known and text.startswith(known.rstrip(">"))):
            return True
    return False


def duplicate_key(turns: Turns, label: str | None) -> bytes:
    """A 16-byte key that records share when they differ in nothing but the amount of white space."""
    content = [[turn["role"], re.sub(r"\s+", " ", turn["content"])] for turn in turns]
    canonical = json.dumps([content, label], ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode("utf-8"), digest_size=16).digest()
