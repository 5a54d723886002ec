"""Questions of a caller about people: the one way from a request to an answer.

Every face (checks, batches, AuthZEN, bases, lists) asks here, so that what is asked of all holds
for all: an answer leaves its row in the read audit before it is given, and the response names it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from uuid import UUID

from msgspec.structs import replace

from api import noted
from api.access import client_of, covering
from api.body import AnyRequest
from api.exchange import promise
from api.headers import given
from api.runtime import Runtime
from api.state import runtime
from api.waiting import until_reached
from ledger.answer import Answer, encode, policy_at
from ledger.errors import Malformed, Unavailable
from ledger.seal import Destroyed, seal_bytes
from projections.checks import Answered, Query
from projections.read_audit import About, Asker, Read, of_answer, reads_of

READ_ID = "ledger-read-id"
REASON = "Ledger-Reason"
ON_BEHALF_OF = "Ledger-On-Behalf-Of"
WORDS_MAX = 200
"""Characters of a reason, and of whom somebody asks for."""
_REQUEST = "read_audit_request"
diagnostics = logging.getLogger("ledger")


def reader_of(request: AnyRequest) -> Asker:
    """Who asks, and for what stated reason; raises `Malformed` for a header that is no text."""
    return Asker(
        client=client_of(request).id,
        reason=_words(request, REASON),
        on_behalf_of=_words(request, ON_BEHALF_OF),
        trace=noted.trace_id(),
    )


async def asked(
    request: AnyRequest, query: Query, *, store: bool = False, on_behalf_of: str | None = None
) -> Answer:
    """The answer to one question, kept for a later comparison where `store` asks for that."""
    behalf = None if on_behalf_of is None else [on_behalf_of]
    return (await asked_together(request, [query], stored=(0,) if store else (), behalf=behalf))[0]


async def asked_together(
    request: AnyRequest,
    queries: Sequence[Query],
    *,
    stored: Collection[int] = (),
    behalf: Sequence[str] | None = None,
) -> list[Answer]:
    """The answers in the order of the questions, all of one log on one snapshot of it.

    `stored` are the places of those that are kept; `behalf` says of each on whose behalf it is
    asked, where that is not one for the whole request.
    """
    covering(request, [one.purpose for one in queries])
    for query in queries:
        check_purpose(query.purpose)
    asker, ledger = reader_of(request), runtime(request)
    await until_reached(request, [one.min_position for one in queries])
    found = await ledger.checks.batch(queries)
    abouts = [
        of_answer(one, "CHECK", stored=await _sealed(ledger, one) if n in stored else None)
        for n, one in enumerate(found)
    ]
    for each, theirs in _by_asker(asker, abouts, behalf):
        await audited(request, each, theirs)
    return [one.answer for one in found]


async def asked_of_all(
    request: AnyRequest, query: Query, *, on_behalf_of: str | None = None
) -> list[tuple[str, Answer]]:
    """Every granted purpose of the catalogue with its answer about one person at one moment."""
    asker = _for(reader_of(request), on_behalf_of)
    grant = client_of(request).grant
    await until_reached(request, [query.min_position])
    every = await runtime(request).checks.bases(query)
    found = [one for one in every if grant.covers(one.query.purpose)]
    await audited(request, asker, [of_answer(one, "BASES") for one in found])
    return [(one.query.purpose, one.answer) for one in found]


async def audited(request: AnyRequest, asker: Asker, abouts: Sequence[About]) -> list[UUID]:
    """The ids of the rows that were written; none where the controller lets answers go without.

    Raises `Unavailable` where they are required and cannot be written.
    """
    if not abouts:
        return []
    state = request.scope["state"]
    reads = reads_of(asker, abouts, request=state.get(_REQUEST), entropy=os.urandom)
    if not await written(runtime(request), reads):
        return []
    state.setdefault(_REQUEST, reads[0].request)
    promise(READ_ID, str(state[_REQUEST]))
    return [one.id for one in reads]


async def written(ledger: Runtime, reads: Sequence[Read]) -> bool:
    """Whether the rows are written, where the controller lets answers go without them.

    Raises `Unavailable` where they are required.
    """
    try:
        await ledger.reads.write(reads)
    except Unavailable:
        _let_go(ledger, reads)
        return False
    return True


def read_id(request: AnyRequest) -> str | None:
    """What the rows of this request are found by, once there are any."""
    found = request.scope["state"].get(_REQUEST)
    return None if found is None else str(found)


def _by_asker(
    asker: Asker, abouts: Sequence[About], behalf: Sequence[str] | None
) -> list[tuple[Asker, list[About]]]:
    """Everything that was asked on each one's behalf."""
    if behalf is None:
        return [(asker, list(abouts))]
    found: dict[str, list[About]] = {}
    for name, about in zip(behalf, abouts, strict=True):
        found.setdefault(name, []).append(about)
    return [(_for(asker, name), theirs) for name, theirs in found.items()]


def _for(asker: Asker, on_behalf_of: str | None) -> Asker:
    if on_behalf_of is None:
        return asker
    return replace(asker, on_behalf_of=_checked(on_behalf_of, field="on_behalf_of"))


def _let_go(ledger: Runtime, reads: Sequence[Read]) -> None:
    """Raises where the controller requires rows; else the answers go out, with an alarm."""
    common = ledger.reader.catalogue
    known = common.at(max((one.recorded_at for one in common.items), default=reads[0].answered_at))
    policy = policy_at(known, reads[0].answered_at, ledger.rulebook)
    failures = ledger.telemetry.metrics.read_audit_failures
    if policy["read_audit"] != "best_effort":
        failures.labels("refused").inc(len(reads))
        raise Unavailable("that this was asked cannot be recorded, and so it is not answered")
    failures.labels("answered").inc(len(reads))
    diagnostics.error("answers went out without their rows in the read audit: %d", len(reads))


async def _sealed(ledger: Runtime, one: Answered) -> bytes | None:
    """The answer under the person's key; None for an erased person, of whom nothing is kept."""
    subject = one.query.subject
    key = (await ledger.keys.subject_keys([subject], create=True))[subject]
    if isinstance(key, Destroyed):
        return None
    return seal_bytes(
        encode(one.answer), subject=subject, key=key, entropy=os.urandom, what="answer"
    )


def check_purpose(purpose: str) -> str:
    """The purpose, where a row can name it: one that no catalogue has is denied, not refused."""
    if len(purpose) > WORDS_MAX or "\0" in purpose:
        message = f"must be at most {WORDS_MAX} characters, none of them NUL"
        raise Malformed(message, field="purpose")
    return purpose


def _words(request: AnyRequest, header: str) -> str | None:
    """What the header says, in UTF-8; None where it was not sent."""
    sent = given(request.scope, header.lower().encode("latin-1"))
    if not sent:
        return None
    try:
        (text,) = sent
        words = text.encode("latin-1").decode("utf-8").strip()
    except ValueError:
        words = ""
    return _checked(words, field=header)


def _checked(words: str, *, field: str) -> str:
    if not 1 <= len(words) <= WORDS_MAX or not words.isprintable():
        message = f"must be from 1 to {WORDS_MAX} printable characters, in UTF-8"
        raise Malformed(message, field=field)
    return words
