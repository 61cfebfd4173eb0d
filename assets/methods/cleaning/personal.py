"""Where personal data stands in one text: e-mail addresses, phone numbers, IP addresses, payment cards, national ids.

Each kind is found by its form and then by an exact check, and the forms are narrow: a number that could as well be a
date, a version, an ISBN or a sum is left alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Literal

from assets.methods.cleaning import national_ids

Kind = Literal["email", "ip", "card", "national_id", "phone"]
Span = tuple[int, int, Kind]

_EMAIL = re.compile(
    r"(?<![\w.+\-/@])[\w](?:[\w.+'%\-]{0,62}[\w+\-])?@(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}(?![\w@]|-\w)"
)
_IPV4 = re.compile(r"(?<![\w.\-])\d{1,3}(?:\.\d{1,3}){3}(?![\w\-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[^\s]*\d)(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:]|\.\d)")
# Outlines and releases are numbered like addresses.
_NUMBERED = re.compile(
    r"(?:version|release|build|firmware|section|chapter|clause|article|appendix|§|\bv\.?)\s*$", re.IGNORECASE
)
_CARD = re.compile(r"(?<![\w.\-+])\d(?:[ -]?\d){12,18}(?![\w]|[.\-]\d)")
_PHONE = re.compile(
    r"""(?<![\w.\-/+=*])(?:
      (?:\+|00(?=[1-9]\d?[ ]))[1-9](?:(?:[ .\-/]|[ ]?\(|\)[ \-]?)?\d){7,14}  # international
    | (?:1[ .\-])?\(\d{3}\)[ ]?\d{3}[ .\-]\d{4}                   # (212) 555-0123
    | (?:1[ .\-])?[2-9]\d{2}(?P<by>[.\-])\d{3}(?P=by)\d{4}        # 212-555-0123
    | \((?:0\d{1,4}|[1-9]\d)\)[ ]?\d{3,5}[ \-]?\d{3,5}(?:[ ]\d{2,4})?  # (030) 123 4567
    | 0[1-9]\d{0,4}[ /\-]\d{2,8}(?:[ \-]\d{2,6}){0,4}             # 030 1234567, 06 12 34 56 78
    | 1[3-9]\d(?:[ \-]?\d{4}){2}                                  # Chinese mobile
    | 555-\d{4}                                                   # as in films
    )(?!\w|[.\-/]\d|[ ]?[=*+])""",
    re.VERBOSE,
)
_PHONE_WORD = r"(?:tele)?phone|tel|telefone?|téléphone|teléfono|mobile?|cell(?:ular)?|fax|whatsapp|call|sms|handy"
_NEAR_PHONE = re.compile(
    rf"(?:(?<![^\W_])(?:{_PHONE_WORD})(?![^\W_])|电话|手机|電話|전화)[^\d\n]{{0,20}}"
    r"(?P<number>[+(]?\d(?:[ .\-/()]{0,2}\d){6,14})(?!\w|[.\-/]\d)",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?<!\d)(?:\d{1,2}[./ -]\d{1,2}[./ -](?:19|20)\d\d|(?:19|20)\d\d[./ -]\d{1,2}[./ -]\d{1,2})(?!\d)")
_BOOK = re.compile(r"(?:isbn|issn|doi|ean|upc|arxiv)[^\n]{0,20}$", re.IGNORECASE)


def find(text: str) -> list[Span]:
    """Start, end and kind of every piece of personal data, in order and without overlap. Linear in the text.

    Where two kinds claim the same characters, the one that is checked more strictly has them: e-mail, IP, card,
    national id, phone.
    """
    return claimed((*_emails(text), *_ips(text), *_cards(text), *_ids(text), *_phones(text)))


def claimed(spans: Iterable[Span]) -> list[Span]:
    """Those of k spans, none of them empty, that overlap none which came before and was taken; in order of place.

    Cost: linear in the places up to the last one's end and the lengths of the spans, and the sort.
    """
    listed = list(spans)
    taken = bytearray(max((end for _, end, _ in listed), default=0))
    found = []
    for start, end, kind in listed:
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\x01" * (end - start)
            found.append((start, end, kind))
    return sorted(found)


def _emails(text: str) -> Iterator[Span]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            is_remote = text.startswith(":", match.end()) and match.group().startswith("git@")
            if not is_remote and ".." not in match.group():
                yield *match.span(), "email"


def _ips(text: str) -> Iterator[Span]:
    for match in _IPV4.finditer(text):
        if not _NUMBERED.search(text[max(match.start() - 12, 0) : match.start()]) and _names_a_machine(match.group()):
            yield *match.span(), "ip"
    if ":" in text:
        for match in _IPV6.finditer(text):
            groups = [group for group in match.group().split(":") if group]
            # `a::b` is a name in some languages; an address of two groups begins like a real one.
            is_long = len(groups) >= 3 or (len(groups) == 2 and len(groups[0]) == 4 and groups[0][0] in "23fF")
            if is_long and _names_a_machine(match.group()):
                yield *match.span(), "ip"


def _names_a_machine(text: str) -> bool:
    """Whether this is an address, and not that of no machine, of oneself, of all, or a mask."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    is_nobody = address.is_unspecified or address.is_loopback or address.is_multicast
    return not is_nobody and not text.startswith(("255.", "0."))


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        places = [i for i in range(*match.span()) if text[i].isdigit()]
        # What follows a card's number (its date, say) may look like more of it: try the longest first, up to a break.
        for count in range(len(places), 12, -1):
            end = places[count - 1] + 1
            at_break = count == len(places) or places[count] > end
            blocks = re.split("[ -]", text[match.start() : end])
            in_blocks = len(blocks) == 1 or (len(blocks[0]) == 4 and min(map(len, blocks)) >= 3)
            if at_break and in_blocks and _is_card("".join(blocks)):
                yield match.start(), end, "card"
                break


def _is_card(digits: str) -> bool:
    """Whether an issuer numbers its cards so, and the check digit is right (Luhn)."""
    head, size = int(digits[:4]), len(digits)
    issued = (
        (digits[0] == "4" and size in (13, 16, 19))
        or (size == 16 and (5100 <= head <= 5599 or 2221 <= head <= 2720))
        or (size == 15 and digits[:2] in ("34", "37"))
        or (16 <= size <= 19 and (digits[:2] in ("35", "62", "64", "65") or head == 6011))
        or (14 <= size <= 19 and (digits[:2] in ("36", "38", "39") or 3000 <= head <= 3059))
        or (16 <= size <= 19 and digits[:2] in ("50", "56", "57", "58", "63", "67", "69"))
    )
    if not issued or len(set(digits)) < 2:
        return False
    doubled = (int(d) * 2 for d in digits[-2::-2])
    return (sum(int(d) for d in digits[-1::-2]) + sum(d - 9 if d > 9 else d for d in doubled)) % 10 == 0


def _ids(text: str) -> Iterator[Span]:
    for start, end in national_ids.find(text):
        yield start, end, "national_id"


def _phones(text: str) -> Iterator[Span]:
    for match in _PHONE.finditer(text):
        if _is_phone(match.group(), text[max(match.start() - 30, 0) : match.start()]):
            yield *match.span(), "phone"
    for match in _NEAR_PHONE.finditer(text):
        if _is_phone(match["number"], text[max(match.start() - 30, 0) : match.start()]):
            yield *match.span("number"), "phone"


def _is_phone(number: str, before: str) -> bool:
    digits = re.sub(r"\D", "", number)
    enough = 7 <= len(digits) <= 15 and (number[0] != "0" or len(digits) >= 9)
    return enough and len(set(digits)) > 1 and not _DATE.search(number) and not _BOOK.search(before)
