"""How answers and entries are said on pages; the words themselves are data, in `words.toml`.

Not here: dates (`civil_words`), or what anything means in law (`ledger.rules`).
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import cast

import msgspec

from ledger.rules.case import Step
from ledger.terms import Article6, Decision, Flag

LATE = "record.late"
"""The step that answers add after all rules."""
_DIGEST = len("sha256:") + 12


class Said(msgspec.Struct, frozen=True):
    """A label for a table, and a sentence."""

    label: str
    says: str
    tag: str = "grey"


class Asked(msgspec.Struct, frozen=True):
    """A rule as a question; what it means that it found nothing, or something without a flag.

    `ends` is for what a rule found that decides, so that none is asked after it.
    """

    ask: str
    no: str
    yes: str
    ends: str = ""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    decision: dict[Decision, Said]
    basis: dict[Article6, Said]
    rule: dict[str, Asked]
    flag: dict[Flag, Said]
    entry: dict[str, str]
    field: dict[str, str]
    value: dict[str, str]
    due: dict[str, str]
    glossary: dict[str, str]


@cache
def words() -> Words:
    """The words that ship with the console."""
    text = (files("api") / "console" / "words.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Words)


def decision(one: Decision) -> Said:
    """What a check says."""
    return words().decision[one]


def basis(letter: str) -> Said:
    """A ground of article 6(1)."""
    return words().basis[cast(Article6, letter)]


def flag(one: Flag) -> Said:
    """What an answer wants noticed."""
    return words().flag[one]


def question(step: Step) -> str:
    """What the rule asks."""
    return words().rule[step.rule].ask


def finding(step: Step, *, last: bool = False) -> str:
    """What the rule found, in a sentence; `last` where no rule was asked after it."""
    if step.flag is not None:
        return flag(step.flag).says
    said = words().rule[step.rule]
    if not step.matched:
        return said.no
    return (last and said.ends) or said.yes


def value(text: str) -> str:
    """A word of a closed list as people say it; any other as it stands."""
    return words().value.get(text, text)


def short(text: str) -> str:
    """A digest as people compare it: its beginning. Any other text as it stands."""
    return f"{text[:_DIGEST]}…" if text.startswith("sha256:") else text
