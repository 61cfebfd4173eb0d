"""The step that changes as little as a trainer could want: Unicode form, line ends, white space, unseen characters.

What is inside a turn (indentation, blank lines, spacing) stays unless asked otherwise, because code and tables need
it. Each change first looks, with a cheap pass, for the texts that need it; plain ASCII costs next to nothing.
"""

from __future__ import annotations

import html
import unicodedata
from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from assets.methods.cleaning.steps import Columns, Faults
from assets.methods.cleaning.transforms import Change, transform_texts
from assets.methods.cleaning.utf8 import Mask, contains_byte, each, edit, mask
from assets.methods.conversations import Conversations

# Zero width space, word joiner, byte order mark and soft hyphen. Not the zero width (non-)joiners: scripts such as
# Persian and Devanagari, and composed emoji, are written with them.
ZERO_WIDTH = "\u200b\u2060\ufeff\u00ad"

# Characters that are in NFC whatever stands around them: none is decomposed, combines with one before it, or is
# reordered. Any other character only makes its text go through `unicodedata`. A test goes through all of them.
SAFE = (
    (0x0000, 0x02FF), (0x0400, 0x0482), (0x048A, 0x052F), (0x2010, 0x206F), (0x20A0, 0x20CF), (0x2190, 0x21FF),
    (0x2500, 0x27FF), (0x3000, 0x3029), (0x3030, 0x3098), (0x309B, 0x30FF), (0x3400, 0x9FFF), (0xAC00, 0xD7A3),
    (0xFF00, 0xFFEF), (0x1F300, 0x1FAFF),
)  # fmt: skip
_UNSAFE = "[^" + "".join(f"\\x{{{low:x}}}-\\x{{{high:x}}}" for low, high in SAFE) + "]"

_BLANKS = "[\\t\\v\\f\\x1c-\\x1f \\x{85}\\p{Zs}\\x{2028}\\x{2029}]"  # white space but for line ends


@dataclass(frozen=True)
class Normalise:
    """Changes texts and drops nothing.

    - `form`: Unicode normalisation form. NFKC also unifies full-width, circled and the like: it changes what is read.
    - `whitespace`: `ends` strips both ends of a turn and makes CRLF and CR line feeds; `lines` also strips the end of
      every line; `collapse` also folds runs of blanks to one space and of empty lines to one; `none` changes nothing.
    - `zero_width`: leave out zero width spaces, word joiners, byte order marks and soft hyphens.
    - `html_entities`: write `&amp;` as `&` and so on.

    Token labels keep their tokens: there only `form` is applied. Applying the step twice changes nothing more, but
    for entities that were escaped twice.
    """

    name: ClassVar[str] = "normalise"
    form: Literal["NFC", "NFKC", "none"] = "NFC"
    whitespace: Literal["ends", "lines", "collapse", "none"] = "ends"
    zero_width: bool = True
    html_entities: bool = False

    @property
    def transform_key(self) -> str:
        return f"normalise-1:{self.form}:{self.whitespace}:{self.zero_width:d}:{self.html_entities:d}"

    def transform(self, batch: Conversations) -> Conversations:
        """Cost: some passes over the bytes, and Python's `unicodedata` for texts with uncommon characters."""
        prose = batch.is_prose[batch.record_of]
        if prose.all():
            return transform_texts(batch, self._change, trim=self.whitespace != "none")
        done = transform_texts(batch, self._change, trim=self.whitespace != "none", turns=prose)
        return transform_texts(done, self._formed, turns=~prose)

    def statistics(self) -> dict[str, pa.DataType]:
        return {}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        return {}

    def judge(self, columns: Columns) -> Faults:
        return Faults.none()

    def _change(self, texts: pa.StringArray) -> pa.StringArray:
        # Unseen characters go before composing: an accent may stand behind one. White space goes last: NFKC makes some.
        if self.html_entities:
            texts = edit(texts, contains_byte(texts, ord("&")), each(html.unescape))
        if self.zero_width:
            texts = _among(texts, ~ascii_only(texts), f"[{ZERO_WIDTH}]", _without_zero_width)
        texts = self._formed(texts)
        if self.whitespace != "none":
            texts = edit(texts, contains_byte(texts, ord("\r")), _with_line_feeds)
        if self.whitespace in ("lines", "collapse"):
            texts = pc.replace_substring_regex(texts, f"{_BLANKS}+\\n", "\n")
        if self.whitespace == "collapse":
            texts = pc.replace_substring_regex(texts, f"{_BLANKS}+", " ")
            texts = pc.replace_substring_regex(texts, "\\n{3,}", "\n\n")
        return texts

    def _formed(self, texts: pa.StringArray) -> pa.StringArray:
        if self.form == "none":
            return texts
        form = self.form
        composed = each(lambda text: unicodedata.normalize(form, text))
        other = ~ascii_only(texts)
        return _among(texts, other, _UNSAFE, composed) if form == "NFC" else edit(texts, other, composed)


def ascii_only(texts: pa.StringArray) -> Mask:
    """(n,) whether a text is plain ASCII; a null is."""
    return mask(pc.fill_null(pc.string_is_ascii(texts), True))


def _among(texts: pa.StringArray, candidates: Mask, pattern: str, change: Change) -> pa.StringArray:
    """`change` applied to those candidates in which `pattern` is found."""
    if not candidates.any():
        return texts
    found = candidates.copy()
    found[candidates] = mask(pc.match_substring_regex(texts.filter(pa.array(candidates)), pattern))
    return edit(texts, found, change)


def _without_zero_width(texts: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(texts, f"[{ZERO_WIDTH}]", "")


def _with_line_feeds(texts: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring(pc.replace_substring(texts, "\r\n", "\n"), "\r", "\n")
