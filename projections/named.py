"""Whether anything recorded about a person is for a purpose: who only has to do with that purpose
may know of such people alone.

A fact that was moved here, or was taken back since, names its purpose all the same. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ledger.history import Dossier
from ledger.terms import EVERY_PURPOSE


def is_named(dossier: Dossier, purposes: Collection[str], known_at: datetime) -> bool:
    """Whether a fact known by then names one of these purposes, or every purpose."""
    facts = (one.fact for one in (*dossier.items, *dossier.at(known_at).items))
    wanted = {*purposes, EVERY_PURPOSE} if purposes else frozenset[str]()
    return any(getattr(fact, "purpose", None) in wanted for fact in facts)
