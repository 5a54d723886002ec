"""The entries of a pack: which of their fields are shown, which are left out and why, and what of
them is erased.

With purposes named, content recorded for other purposes alone is left out: what answers need of
those entries stays, so that every answer can be computed again. Not here: reading them
(`gathering`), or their lines (`files`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Literal

import msgspec

from ledger.disclosure import JSON, digest, parse_disclosure
from ledger.errors import Malformed
from ledger.events import BY_NAME, ENTRY_TYPES
from ledger.history import Dossier
from ledger.seal import PAD
from ledger.sealing import content_purpose, opened_fact
from ledger.store import Stored
from projections.packs.order import Order, Withhold
from projections.verification import Verified

About = Literal["subject", "ledger"]
OF_ANOTHER_PURPOSE = "recorded for another purpose"
_ENVELOPE = frozenset({"schema", "recorded_by"})
_WORDS_MIN = 6
"""Shorter words stand by chance in others."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as the pack shows it: `fields` those of `disclosures`; `withheld` by name and why.

    `asked` are the values that somebody asked to withhold.
    """

    row: Stored
    about: About
    fields: Mapping[str, JSON]
    disclosures: tuple[str, ...]
    withheld: Mapping[str, str]
    asked: Mapping[str, JSON]
    erased: Literal["L1", "L2"] | None

    @property
    def index(self) -> int:
        """Its place in the tree, from 0."""
        return self.row.n - 1

    @property
    def digests(self) -> list[bytes]:
        """What its leaf commits to, in order."""
        data = self.row.digests
        return [data[at : at + 32] for at in range(0, len(data), 32)]


class _Field(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    value: JSON
    text: str
    content: bool


def shown(one: Verified, about: About, order: Order, dossier: Dossier) -> Shown:
    """The entry, of the stream of this dossier, with the fields that the order leaves in."""
    fields = list(_fields(one))
    other = _of_another_purpose(one, order, dossier)
    reasons = {each.name: _reason(each, one.row, order, other=other) for each in fields}
    kept = [each for each in fields if reasons[each.name] is None]
    asked = {each.name for each in fields if _rule(each, one.row, order) is not None}
    return Shown(
        row=one.row,
        about=about,
        fields={each.name: each.value for each in kept if each.name != PAD},
        disclosures=tuple(sorted((each.text for each in kept), key=digest)),
        withheld={name: reason for name, reason in reasons.items() if reason is not None},
        asked={each.name: each.value for each in fields if each.name in asked},
        erased=_erased(one),
    )


def check_withheld(entries: Sequence[Shown], order: Order) -> None:
    """Raise `Malformed` where the order would leave out what nothing has, for a slip shows all."""
    ids = {one.row.event_id: one for one in entries}
    for rule in order.withhold:
        if rule.field not in _names():
            raise Malformed("names a field that no type of entry has", field="withhold")
        if rule.entry is None:
            continue
        named = ids.get(rule.entry)
        if named is None:
            raise Malformed("names an entry that is not in the pack", field="withhold")
        if rule.field not in named.asked and not named.erased:
            raise Malformed("names a field that its entry does not have", field="withhold")


def check_unsaid(entries: Sequence[Shown], elsewhere: Mapping[str, Iterable[object]]) -> None:
    """Raise `Malformed` where words that are left out stand in what is shown, which it names."""
    said = {f"entry {one.index}": list(_strings(one.fields)) for one in entries}
    said |= {where: list(_strings(list(values))) for where, values in elsewhere.items()}
    for one in entries:
        words = secret_words([one])
        for where, texts in said.items():
            if any(repeats(text, words) for text in texts):
                message = f"what is withheld of entry {one.index} also stands in {where}"
                raise Malformed(f"{message}: withhold that too, or ask for less", field="withhold")


def secret_words(entries: Iterable[Shown]) -> set[str]:
    """The free text that is left out because somebody asked for it."""
    found: set[str] = set()
    for one in entries:
        content = BY_NAME[one.row.name].content if one.row.name in BY_NAME else frozenset()
        for name, value in one.asked.items():
            texts = _strings(value)
            found.update(text for text in texts if name in content or " " in text)
    return found


def repeats(text: str, words: Iterable[str]) -> bool:
    """Whether the text is, or has in it, any of the words."""
    return any(text == each or (len(each) >= _WORDS_MIN and each in text) for each in words)


def _fields(one: Verified) -> Iterator[_Field]:
    for group, texts in one.opened.disclosures.items() if one.opened else ():
        for text in texts:
            name, value = parse_disclosure(text)
            yield _Field(name=name, value=value, text=text, content=group == "content")


def _of_another_purpose(one: Verified, order: Order, dossier: Dossier) -> bool:
    fact = None if one.opened is None else opened_fact(one.opened)
    purpose = None if fact is None else content_purpose(fact, dossier)
    return purpose is not None and not order.covers(purpose)


def _reason(field: _Field, row: Stored, order: Order, *, other: bool) -> str | None:
    """Why the field is left out; None where it is shown."""
    rule = _rule(field, row, order)
    if rule is not None:
        return rule.reason
    return OF_ANOTHER_PURPOSE if other and field.content and field.name != PAD else None


def _rule(field: _Field, row: Stored, order: Order) -> Withhold | None:
    for rule in order.withhold:
        if rule.entry in (None, row.event_id) and _holds(field, rule.field):
            return rule
    return None


def _holds(field: _Field, name: str) -> bool:
    """Whether it is the field, its digest, or facts that were moved here and have it."""
    names = {name, f"{name}_digest"}
    return field.name in names or (
        field.name == "moved" and not names.isdisjoint(_members(field.value))
    )


def _members(value: JSON) -> Iterator[str]:
    """The names of all members of objects in the value."""
    inside: list[JSON] = []
    if isinstance(value, dict):
        yield from value
        inside = list(value.values())
    elif isinstance(value, list):
        inside = value
    for each in inside:
        yield from _members(each)


def _strings(value: object) -> Iterator[str]:
    """Every text in the value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)


def _erased(one: Verified) -> Literal["L1", "L2"] | None:
    if not one.row.leaf:
        return "L2"
    return "L1" if one.opened is None or one.opened.erased else None


@cache
def _names() -> frozenset[str]:
    """Every field that some type of entry has."""
    fields = (each for kind in ENTRY_TYPES for each in msgspec.structs.fields(kind))
    return _ENVELOPE.union(each.encode_name for each in fields)
