"""The same people as dossiers, and questions about them: `answer` without a server."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from api.demo_people import CATALOGUES
from ledger.history import Dossier, item
from ledger.rules.case import Question
from ledger.wire import read_fact
from ops.bench.fill import CATALOGUE
from ops.bench.people import COMMON, PURPOSE, Entry, Person

ASKED_AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
RECORDED_AT = datetime(2026, 10, 1, tzinfo=UTC)


def dossier_of(one: Person) -> Dossier:
    """What is recorded about the person."""
    return _dossier(str(one.subject), one.entries)


def common_dossier() -> Dossier:
    """The catalogue, and what is recorded about no one person."""
    document = msgspec.json.decode((CATALOGUES / CATALOGUE).read_bytes())
    adopted = {"type": "CatalogueAdopted", "effective_at": "2021-11-01", "catalogue": document}
    return _dossier(None, [adopted, *COMMON])


def question(n: int) -> Question:
    """May photographs be used: each at a moment of its own."""
    moment = ASKED_AT + timedelta(seconds=n)
    return Question(
        purpose=PURPOSE,
        operation="USE",
        data="ordinary",
        effective_at=moment,
        known_at=moment,
        position="0:1",
        catalogue="0:1",
    )


def _dossier(subject: str | None, entries: Iterable[Entry]) -> Dossier:
    return Dossier(
        subject,
        [
            item(
                n=n,
                entry=f"e{n}",
                recorded_at=RECORDED_AT + timedelta(microseconds=n),
                fact=read_fact(dict(one)),
            )
            for n, one in enumerate(entries, start=1)
        ],
    )
