"""Streams grown as the recorder grows them: every entry admitted, and with an id of its own.

Not here: any expectation, sealing or storage.
"""

from datetime import timedelta
from itertools import count
from typing import Any

from ledger.admit import admit
from ledger.answer import Answer, answer
from ledger.counterparts import Planned, Spread, obstacle
from ledger.events import Fact
from ledger.history import Dossier, Item, item
from ledger.rules.case import Question
from ledger.rules.rulebook import uk_gdpr
from ledger.terms import Refusal
from ledger.wire import basis_of
from tests.unit.desk import Desk, fact, grant, instant

END = instant("2026-11-23T09:00")


class Books:
    """What has been recorded so far about some people, an hour between requests."""

    def __init__(self) -> None:
        self.common = Desk().dossier(None)
        self.now = instant("2026-10-05T09:00")
        self._items: dict[str | None, list[Item]] = {}
        self._ids = count(1)
        self._n = count(1)
        self._destroyed: set[str] = set()
        self.at_once = False

    def dossier(self, subject: str | None) -> Dossier:
        """All entries of the stream; none where its keys were destroyed."""
        if subject in self._destroyed:
            return Dossier(subject, destroyed=True)
        return Dossier(subject, self._items.get(subject, ()))

    def destroys(self, subject: str) -> None:
        """Every key of the person is gone."""
        self._destroyed.add(subject)

    def tries(self, one: Fact, subject: str) -> list[tuple[str, str]] | Refusal:
        """The streams and ids under which the fact is now recorded, or why it is not."""
        self.now += timedelta(hours=0 if self.at_once else 1)
        verdict = admit(
            one,
            dossier=self.dossier(subject),
            catalogue=self.common,
            rulebook=uk_gdpr(),
            now=self.now,
        )
        return verdict if isinstance(verdict, Refusal) else self._spread(verdict, subject)

    def _spread(self, one: Fact, subject: str) -> list[tuple[str, str]] | Refusal:
        spread = Spread(Planned(subject=subject, entry=self._id(), fact=one))
        grown: list[Planned] = []
        while (step := spread.next()) is not None:
            dossier = self.dossier(step.subject)
            refusal = obstacle(step, dossier=dossier, now=self.now)
            if refusal is not None:
                return refusal
            grown += spread.onto(step, dossier=dossier, now=self.now, entry_ids=self._id)
        for each in grown:
            stream = self._items.setdefault(each.subject, [])
            stream.append(
                item(
                    n=next(self._n),
                    entry=each.entry,
                    recorded_at=self.now,
                    fact=basis_of(each.fact),
                )
            )
        self.last = grown
        return [(str(each.subject), each.entry) for each in grown]

    def _id(self) -> str:
        return f"id{next(self._ids)}"

    def records(self, one: Fact, subject: str) -> str:
        """The id of the entry on that stream."""
        found = self.tries(one, subject)
        assert not isinstance(found, Refusal), found
        return found[0][1]

    def streams(self, one: Fact, subject: str) -> list[str]:
        """The streams on which the fact is now recorded, that of the request first."""
        found = self.tries(one, subject)
        assert not isinstance(found, Refusal), found
        return [stream for stream, _ in found]

    def grants(self, subject: str, at: str = "2026-10-01T09:00") -> str:
        """A consent for PHOTO by the person, an adult."""
        born = fact("DateOfBirthRecorded", date_of_birth="1980-05-05")
        for person in ("A1", "B1", "C1", "D1"):
            if not self._items.get(person):
                self.records(born, person)
        return self.records(grant(at, given_by=subject), subject)

    def moves(self, entry: str, origin: str, target: str) -> str:
        """The entry is the other person's."""
        one = fact("EntryReattributed", entry=entry, from_=origin, to=target, reason="wrong child")
        return self.records(one, origin)

    def merges(self, origin: str, into: str) -> str:
        """The two are one person."""
        return self.records(fact("IdentityMerged", from_=origin, into=into), origin)

    def annuls(self, entry: str, subject: str) -> str:
        """The entry was a mistake."""
        return self.records(fact("EntryAnnulled", entry=entry, reason="mis-keyed"), subject)

    def counting(self, entry: str) -> list[str]:
        """The people for whom the entry counts now."""
        return sorted(
            str(subject)
            for subject in self._items
            for one in self.dossier(subject).at(self.now).items
            if one.entry == entry
        )

    def permitted(self) -> list[str]:
        """The people whose photographs may be used now."""
        return [name for name in ("A1", "B1", "C1", "D1") if self.asks(name).decision == "PERMIT"]

    def unmerges(self, origin: str, into: str) -> str:
        """The two are two after all."""
        return self.records(fact("IdentityUnmerged", from_=origin, into=into), origin)

    def asks(self, subject: str, purpose: str = "PHOTO", *, known: Any = END) -> Answer:
        """The answer for the purpose now."""
        question = Question(purpose=purpose, effective_at=self.now, known_at=known)
        return answer(question, self.dossier(subject), self.common, uk_gdpr())
