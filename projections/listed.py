"""What lists about people leave in the read audit: a row a person, or one where nobody is on it.

Of two moments compared, a row for each answer; of a timeline and of the read audit itself, a row a
page. Not here: how rows are written (`read_chains`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from ledger.answer import encode
from ledger.reader import Loaded, Reader, position
from ledger.store import Identity
from projections.compare import Compared
from projections.exposure import Exposure
from projections.population import Page
from projections.read_audit import About, Kind, question, sha256


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A list: its kind, the clock when it was begun, and its question but for the purpose."""

    kind: Kind
    identity: Identity
    answered_at: datetime
    asked: Mapping[str, object]
    purpose: str | None = None

    @classmethod
    async def begun(
        cls, reader: Reader, kind: Kind, asked: Mapping[str, object], *, purpose: str | None = None
    ) -> Listing:
        """The list begins now, by the database's clock."""
        now = (await reader.own()).head.now
        return cls(
            kind=kind, identity=reader.identity, answered_at=now, asked=asked, purpose=purpose
        )

    def page(self, body: bytes, *, subject: UUID | None, last: str | None = None) -> About:
        """Of a page about one person, or about nobody by name; `last` is where its list ends."""
        log = 0 if subject is None else self.identity.log_of(subject)
        return self._about(log, sha256(body), subject=subject, position=last)

    def people(self, page: Page) -> list[About]:
        """Of a page of the people who stand so for a purpose."""
        places = dict(enumerate(page.positions))
        found = [
            self._about(
                (log := self.identity.log_of(one.subject)),
                sha256(msgspec.json.encode(one)),
                subject=one.subject,
                position=places[log],
                catalogue=page.catalogue,
                effective_at=page.effective_at,
                known_at=page.known_at,
                decision=one.decision.value,
            )
            for one in page.people
        ]
        return found or [self._about(0, sha256(b""), position=places[0], catalogue=page.catalogue)]

    def exposed(self, people: Iterable[Exposure], positions: list[str]) -> list[About]:
        """Of everyone with a gap."""
        found = [
            self._about(
                (log := self.identity.log_of(one.subject)),
                sha256(msgspec.json.encode(one)),
                subject=one.subject,
                position=positions[log],
            )
            for one in people
        ]
        return found or [self._about(0, sha256(b""), position=positions[0])]

    def compared(self, some: Iterable[Compared], subject: UUID, loaded: Loaded) -> list[About]:
        """Of each purpose at both moments, on what had been recorded when this was asked."""
        log = self.identity.log_of(subject)
        own = loaded.catalogue_place
        return [
            self._about(
                log,
                sha256(encode(answer)),
                subject=subject,
                purpose=one.purpose,
                position=position(log, loaded.head.size, loaded.head.leaf_hash),
                catalogue=position(0, own.n, own.leaf_hash) if own else position(0, 0, None),
                rulebook=answer.rulebook,
                effective_at=answer.effective_at,
                known_at=answer.known_at,
                decision=answer.decision.value,
            )
            for one in some
            for answer in (one.before, one.after)
        ]

    def _about(self, log: int, digest: bytes, **more: object) -> About:
        return About(
            kind=self.kind,
            log=log,
            answered_at=self.answered_at,
            question=question(**self.asked),
            digest=digest,
            **{"purpose": self.purpose, **more},  # type: ignore[arg-type]
        )
