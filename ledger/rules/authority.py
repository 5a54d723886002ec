"""Who may act for the person at a moment: what was begun, and neither ended nor restricted by then.

Sources: Children Act 1989 sections 2, 3 and 33; Mental Capacity Act 2005. Not here: what may be
done with an authority (`consent`).
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from ledger.events import AuthorityEnded, AuthorityRestricted, AuthorityStarted, Fact
from ledger.history import History, Item, since

Held = tuple[str, str]
"""Who may act, and as what."""


def may_act(person: History, *, holder: str, kind: str, at: datetime) -> bool:
    """Whether the holder has an authority of that kind at `at`."""
    restricted = person.once(_restricted).get((holder, kind))
    if restricted is not None and restricted <= at:
        return False
    spells = person.once(_spells).get((holder, kind), ())
    return any(start <= at and (stop is None or at < stop) for start, stop in spells)


def _restricted(person: History) -> dict[Held, datetime]:
    """When each authority was first restricted."""
    newest_first = reversed(person.of(AuthorityRestricted))
    return {_held(one.fact): one.at for one in newest_first}


def _spells(person: History) -> dict[Held, list[tuple[datetime, datetime | None]]]:
    """When each authority began, and when it stopped.

    An end that names a start stops that alone; any other, what its holder had of that kind by then.
    """
    starts = person.of(AuthorityStarted)
    named, others = _ends(person) if starts else ({}, {})
    found: dict[Held, list[tuple[datetime, datetime | None]]] = {}
    for one in starts:
        ends = [*named.get(one.entry, ()), *since(others.get(_held(one.fact), ()), one.at)[:1]]
        stop = min((end.at for end in ends), default=None)
        found.setdefault(_held(one.fact), []).append((one.at, stop))
    return found


def _ends(person: History) -> tuple[dict[str, list[Item]], dict[Held, list[Item]]]:
    """The ends by the start that they name, and by what was held where they name none."""
    known = {one.entry for one in person.of(AuthorityStarted)}
    named: dict[str, list[Item]] = {}
    others: dict[Held, list[Item]] = {}
    for one in person.of(AuthorityEnded):
        start = cast(AuthorityEnded, one.fact).authority
        if start in person.elsewhere:
            continue
        if start is not None and start in known:
            named.setdefault(start, []).append(one)
        else:
            others.setdefault(_held(one.fact), []).append(one)
    return named, others


def _held(fact: Fact) -> Held:
    authority = cast(AuthorityStarted, fact)
    return authority.holder, authority.kind
