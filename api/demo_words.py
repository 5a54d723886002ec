"""How a history of the demo is told: a person, and entries as an import takes them.

Not here: the histories (`demo_consents`, `demo_rights`), or who lives through them (`demo_people`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

import msgspec

Entry = dict[str, object]
ADULT, CHILD, TEEN = "1986-04-12", "2017-03-08", "2012-05-20"
MOTHER, FATHER = "mother", "father"
FORM = f"sha256:{hashlib.sha256(b'the form as printed').hexdigest()}"
SIGNED: Entry = {"contemporaneous_evidence": "record of processing, signed at the time"}
TASK: Entry = {"source": "CA1989 s.17"}


class Someone(Protocol):
    """Whom a history happens to."""

    def named(self, who: str = "") -> dict[str, str]:
        """The person, or somebody around them."""

    def label(self, name: str) -> str:
        """The id of an entry of this person."""

    def at(self, day: str, hour: int = 10) -> str:
        """An instant on that day, or a few days later."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A history: when the person was born and first known, and what happened then."""

    then: Callable[[Someone], list[Entry]]
    born: str = ADULT
    since: str = "2022-03-01"
    parents: tuple[str, ...] = ()
    current_notice: bool = True


def entry(p: Someone, kind: str, day: str, name: str | None = None, /, **fields: object) -> Entry:
    """An entry of the type on that day, with an id where others refer to it."""
    made: Entry = {"type": kind, "effective_at": p.at(day), **fields}
    return made if name is None else {"id": p.label(name), **made}


def granted(p: Someone, day: str, purpose: str = "P18a", by: str = "", **more: object) -> Entry:
    """A consent on paper, by the person or by a parent."""
    usual: Entry = {
        "given_by": p.named(by),
        "capacity": "PR" if by else "SELF",
        "evidence": f"form {p.label(purpose)}",
        "notice": "V4.0",
        "method": "paper",
        "statement_digest": FORM,
    }
    return entry(p, "ConsentGranted", day, "grant", **{"purpose": purpose, **usual, **more})


def again(p: Someone, day: str, purpose: str = "P18a", by: str = "", **more: object) -> Entry:
    """A second consent to the same."""
    return {**granted(p, day, purpose, by, **more), "id": p.label("again")}


def withdrawn(p: Someone, day: str, purpose: str = "P18a", by: str = "", **more: object) -> Entry:
    """A withdrawal, by whatever channel."""
    usual: Entry = {"given_by": p.named(by), "capacity": "PR" if by else "SELF"}
    usual |= {"channel": "home visit", "received_at": p.at(day)}
    return entry(p, "ConsentWithdrawn", day, "withdrawal", **{"purpose": purpose, **usual, **more})


def objected(p: Someone, day: str, purpose: str, kind: str = "ART21_1") -> Entry:
    """An objection under article 21."""
    return entry(p, "ObjectionReceived", day, "objection", purpose=purpose, kind=kind)


def decided(p: Someone, day: str, outcome: str, informed: str) -> Entry:
    """The decision on the objection, and when the person heard of it."""
    told: Entry = {"outcome": outcome, "informed_at": p.at(informed), "grounds": "see the file"}
    return entry(p, "ObjectionDecided", day, objection=p.label("objection"), **told)


def status(p: Someone, kind: str, started: str, ended: str | None = None) -> list[Entry]:
    """A status that triggers duties, over an interval."""
    start = entry(p, "StatusStarted", started, kind, kind=kind)
    if ended is None:
        return [start]
    return [start, entry(p, "StatusEnded", ended, kind=kind, status=p.label(kind))]


def competent(p: Someone, day: str, *, able: bool, purpose: str = "*") -> Entry:
    """A professional's judgement whether the person can decide."""
    return entry(p, "CompetenceAssessed", day, purpose=purpose, competent=able, assessed_by="SW 7")


def declared(p: Someone, day: str, purpose: str, article6: str, **more: object) -> Entry:
    """A basis that the council declares for the person."""
    return entry(p, "BasisDeclared", day, "basis", purpose=purpose, article6=article6, **more)


def restricted(p: Someone, day: str, purpose: str, ground: str = "a") -> Entry:
    """A restriction under article 18."""
    return entry(p, "RestrictionApplied", day, "restriction", purpose=purpose, ground=ground)


def ended(p: Someone, day: str) -> Entry:
    """The father's parental responsibility ended."""
    about: Entry = {"holder": p.named(FATHER), "kind": "PR", "authority": p.label(FATHER)}
    return entry(p, "AuthorityEnded", day, **about)
