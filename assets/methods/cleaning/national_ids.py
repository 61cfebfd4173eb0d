"""Numbers that states give to people: how each is written, and when one is believed.

A form that could be any number is believed only near a word that says what it is; a form with letters or check digits
of its own, by its checksum (python-stdnum, where there is one).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

Check = Callable[[str], bool]

CONTEXT = 40  # characters before a number in which a word is looked for

# Where any of them may begin: at most six letters, then a digit with four more letters or digits close behind.
_START = re.compile(r"(?<![\w.\-/+])(?=[A-Za-z]{0,6}[ -]?\d(?:[ .\-]?[\dA-Za-z]){4})")


@dataclass(frozen=True)
class _Kind:
    form: re.Pattern[str]
    check: str  # the module of stdnum that checks it, or an empty text
    context: re.Pattern[str] | None = None  # a word that must stand before it


def _kind(form: str, check: str = "", context: str = "") -> _Kind:
    near = re.compile(rf"(?<![^\W_])(?:{context})(?![^\W_])", re.IGNORECASE) if context else None
    return _Kind(re.compile(rf"(?<![\w.\-/+])(?:{form})(?![\w]|[.\-/]\w)"), check, near)


_KINDS = (
    _kind(r"\d{3}-\d{2}-\d{4}", "us.ssn"),
    _kind(r"\d{3}[ -]?\d{2}[ -]?\d{4}", "us.ssn", "ssn|social security(?: number| no\\.?| #)?"),
    # The United Kingdom's National Insurance number has no check digit, but letters that no other number has.
    _kind(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]"),
    _kind(r"\d{17}[\dXx]", "cn.ric"),
    _kind(r"\d{8}-?[ACDEFHJLNPQRSVWXYZ]", "es.dni"),  # K, M, G, T and B are also units
    _kind(r"\d{8}[ -]?[A-HJ-NP-TV-Z]", "es.dni", "dni|nif|documento|identidad|identificación"),
    _kind(r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", "es.nie"),
    _kind(r"[12] ?\d{2} ?[0-9]{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}", "fr.nir"),
    _kind(r"\d{3}\.\d{3}\.\d{3}-\d{2}", "br.cpf"),
    _kind(r"\d{11}", "br.cpf", "cpf"),
    _kind(r"(?<!\d )[2-9]\d{3} \d{4} \d{4}(?! ?\d)", "in_.aadhaar"),
    _kind(r"[2-9]\d{11}", "in_.aadhaar", "aadhaar|aadhar|uidai"),
    _kind(r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", "in_.pan", "pan|permanent account number"),
    _kind(r"\d{4}[. ]?\d{2}[. ]?\d{3}", "nl.bsn", "bsn|burgerservicenummer|sofinummer"),
    _kind(r"[A-Za-z]{6}\d{2}[A-Za-z]\d{2}[A-Za-z]\d{3}[A-Za-z]", "it.codicefiscale"),
    _kind(r"\d{11}", "pl.pesel", "pesel"),
    _kind(r"(?:19|20)?\d{6}[-+]\d{4}", "se.personnummer"),
    _kind(r"\d{6}-[1-8]\d{6}", "kr.rrn"),
    _kind(r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "de.idnr", "steuer-?id|steueridentifikationsnummer|idnr"),
    _kind(r"\d{3}[- ]?\d{3}[- ]?\d{3}", "ca.sin", "sin|social insurance(?: number)?"),
    _kind(r"[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d", "mx.curp"),
)


@cache
def _checks() -> tuple[Check, ...]:
    from stdnum.br import cpf
    from stdnum.ca import sin
    from stdnum.cn import ric
    from stdnum.de import idnr
    from stdnum.es import dni, nie
    from stdnum.fr import nir
    from stdnum.in_ import aadhaar, pan
    from stdnum.it import codicefiscale
    from stdnum.kr import rrn
    from stdnum.mx import curp
    from stdnum.nl import bsn
    from stdnum.pl import pesel
    from stdnum.se import personnummer
    from stdnum.us import ssn

    modules = (
        aadhaar, bsn, codicefiscale, cpf, curp, dni, idnr, nie, nir, pan, personnummer, pesel, ric, rrn, sin, ssn,
    )  # fmt: skip
    by_name = {module.__name__.removeprefix("stdnum."): module.is_valid for module in modules}
    return tuple(by_name[kind.check] if kind.check else _always for kind in _KINDS)


def _always(_: str) -> bool:
    return True


def find(text: str) -> Iterator[tuple[int, int]]:
    """Where a national id stands in `text`: start and end of each; two may overlap."""
    for start in _START.finditer(text):
        for kind, check in zip(_KINDS, _checks(), strict=True):
            match = kind.form.match(text, start.start())
            if match is None or not check(match.group()):
                continue
            if kind.context is None or kind.context.search(text, max(match.start() - CONTEXT, 0), match.start()):
                yield match.span()
