"""What the controller must do by when, as far as the question's purpose is concerned.

The clocks themselves are `deadlines`; this says which of them run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import cast

import msgspec

from ledger.civil import london_date
from ledger.deadlines import Deadline, RightsRequest, complaint_acknowledgement, rights_request
from ledger.errors import Malformed
from ledger.events import (
    ComplaintAcknowledged,
    ComplaintClosed,
    ComplaintReceived,
    ErasureExecuted,
    ErasureRefused,
    ErasureRequested,
)
from ledger.history import Item, together, until
from ledger.rules.case import Case
from ledger.rules.rights import pending
from ledger.terms import EVERY_PURPOSE

Clock = Callable[[date], Deadline]


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A duty, the last day to fulfil it (Europe/London), and the entry it comes from."""

    what: str
    at: date
    entry: str
    basis_of_clock: str


def due_for(case: Case) -> tuple[Due, ...]:
    """Every clock that runs for the person and purpose at the moment asked about."""
    if case.person.destroyed:
        return ()
    found = [
        *_running("objection response", _to_objection, pending(case)),
        *_running("erasure response", _to_erasure, _unanswered_erasures(case)),
        *_running("complaint acknowledgement", _to_complaint, _unacknowledged(case)),
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.entry)))


def _to_objection(received: date) -> Deadline:
    return rights_request(received=received, request=RightsRequest.OBJECTION)


def _to_erasure(received: date) -> Deadline:
    return rights_request(received=received, request=RightsRequest.ERASURE)


def _to_complaint(received: date) -> Deadline:
    return complaint_acknowledgement(received=received)


@lru_cache(maxsize=4096)
def _on(clock: Clock, received: date) -> Deadline:
    return clock(received)


def _running(what: str, clock: Clock, received: Iterable[Item]) -> Iterator[Due]:
    """The duties that arise; none where no calendar of working days reaches so far."""
    for one in received:
        try:
            deadline = _on(clock, london_date(_received(one)))
        except Malformed:
            continue
        if deadline.due is not None:
            basis = deadline.basis_of_clock
            yield Due(what=what, at=deadline.due, entry=one.entry, basis_of_clock=basis)


def _received(one: Item) -> datetime:
    """When it reached us: a later effect, asked for or claimed, puts no deadline off."""
    told = getattr(one.fact, "received_at", None)
    return min(one.at, one.recorded_at, told or one.recorded_at)


def _unanswered_erasures(case: Case) -> list[Item]:
    requests = case.for_purpose(ErasureRequested)
    if not requests:
        return []
    answers = together(case.by_now(ErasureRefused), case.by_now(ErasureExecuted))
    newest = {cast(ErasureRequested, one.fact).purpose: one for one in answers}
    return [one for one in requests if not _answered(one, newest)]


def _answered(request: Item, newest: dict[str, Item]) -> bool:
    """Refused or carried out since, for the purpose that it names or for every purpose."""
    purposes = (cast(ErasureRequested, request.fact).purpose, EVERY_PURPOSE)
    return any(newest[name].order > request.order for name in purposes if name in newest)


def _unacknowledged(case: Case) -> list[Item]:
    return [
        one
        for one in case.for_purpose(ComplaintReceived)
        if not any(
            until(case.person.said_of(one.entry, kind), case.at)
            for kind in (ComplaintAcknowledged, ComplaintClosed)
        )
    ]
