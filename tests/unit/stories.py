"""A story: entries recorded one after another, and questions about what they came to.

Entries are written as scenario files write them. Not here: any expectation.
"""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger.answer import Answer, answer, answer_day
from ledger.catalogue import CatalogueDocument, read_catalogue
from ledger.history import Dossier
from ledger.rules.case import Question
from ledger.rules.rulebook import RuleBook, uk_gdpr
from ledger.scenario import Given, Streams, read_given

SCENARIOS = Path(__file__).parents[1] / "scenarios"
RAW_CATALOGUE = json.loads((SCENARIOS / "catalogue.json").read_text(encoding="utf-8"))
CATALOGUE = read_catalogue((SCENARIOS / "catalogue.json").read_bytes())
NOW = "2026-11-23T09:00"
ADULT = "1980-05-05"


def instant(text: str) -> datetime:
    """The instant that a story writes without seconds or offset: it is UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def written(text: str) -> str:
    """As entries carry it: a date stays a date, an instant gets its offset."""
    return text if len(text) == len("YYYY-MM-DD") else instant(text).isoformat()


def catalogue_with(purposes: Sequence[dict[str, Any]] = (), **more: Any) -> CatalogueDocument:
    """The catalogue of the scenarios with these purposes and lists as well."""
    document = {**RAW_CATALOGUE, **more}
    document["purposes"] = [*RAW_CATALOGUE["purposes"], *purposes]
    return read_catalogue(json.dumps(document).encode())


def purpose(name: str, *articles: str, **more: Any) -> dict[str, Any]:
    """A purpose of the council with these lines, as a catalogue document has it."""
    lines = [{"article6": article, "effective_from": "2018-05-25"} for article in articles]
    usual = {"controller": "BOLTON", "title": name, "task": True, "optional": False}
    return {"id": name, **usual, "lines": lines, **more}


class Story:
    """What has been recorded so far about A1 and others, under one catalogue and policy."""

    def __init__(
        self,
        *,
        born: str | None = ADULT,
        document: CatalogueDocument = CATALOGUE,
        policy: dict[str, bool | int | str] | None = None,
        law: RuleBook | None = None,
    ) -> None:
        self.document = document
        self.policy = policy or {}
        self.law = law or uk_gdpr()
        self.given: list[Given] = []
        if born is not None:
            self.record("DateOfBirthRecorded", "2018-05-25T00:00", date_of_birth=born)

    def record(
        self,
        name: str,
        at: str,
        /,
        *,
        recorded: str | None = None,
        subject: str | None = "A1",
        **more,
    ) -> str:
        """The id of a new entry, recorded when it took effect unless said otherwise."""
        entry_id = f"e{len(self.given) + 1}"
        times = {field: written(value) for field, value in more.items() if field.endswith("_at")}
        entry = {
            "id": entry_id,
            "type": name,
            "subject": subject,
            "effective_at": written(at),
            "recorded_at": written(recorded or at),
            **more,
            **times,
        }
        self.given.append(read_given(entry))
        return entry_id

    def grant(self, at: str = "2026-01-10T10:00", **more: Any) -> str:
        """A consent for PHOTO that the person gave and that can be proved."""
        usual = {"purpose": "PHOTO", "given_by": "A1", "capacity": "SELF", "evidence": "form 1"}
        return self.record("ConsentGranted", at, **{**usual, **more})

    def withdraw(self, at: str, **more: Any) -> str:
        """A withdrawal for PHOTO by the person."""
        usual = {"purpose": "PHOTO", "given_by": "A1", "capacity": "SELF"}
        return self.record("ConsentWithdrawn", at, **{**usual, **more})

    def parent(self, at: str = "2019-01-01T00:00", holder: str = "MUM", **more: Any) -> str:
        """Parental responsibility for the person."""
        return self.record("AuthorityStarted", at, **{"holder": holder, "kind": "PR", **more})

    def by_mother(self, at: str = "2026-01-10T10:00", **more: Any) -> str:
        """A consent for PHOTO by the mother as a holder of parental responsibility."""
        return self.grant(at, **{"given_by": "MUM", "capacity": "PR", **more})

    def dossier(self, subject: str | None = "A1") -> Dossier:
        """All entries about the subject as recorded; None is the ledger's own stream."""
        return self.streams().dossier(subject)

    def streams(self) -> Streams:
        """Every dossier, built in the order of recording."""
        built = Streams(self.document, self.policy)
        for one in sorted(self.given, key=lambda each: each.recorded_at):
            built.record(one)
        return built

    def ask(self, name: str = "PHOTO", at: str = NOW, *, known: str = NOW, **more: Any) -> Answer:
        """The answer for a purpose at an instant, or at the least permissive moment of a date."""
        subject, destroyed = more.pop("subject", "A1"), more.pop("destroyed", False)
        built = self.streams()
        person = Dossier(subject, built.dossier(subject).items, destroyed=destroyed)
        common = built.dossier(None)
        if len(at) == len("YYYY-MM-DD"):
            question = question_about(name, f"{at}T00:00", known=known, **more)
            return answer_day(question, date.fromisoformat(at), person, common, self.law)
        return answer(question_about(name, at, known=known, **more), person, common, self.law)


def child(born: str = "2013-06-01", **more: Any) -> Story:
    """A child with a mother who has parental responsibility."""
    story = Story(born=born, **more)
    story.parent()
    return story


def question_about(name: str, at: str, *, known: str = NOW, **more: Any) -> Question:
    """The question for a purpose at an instant."""
    return Question(purpose=name, effective_at=instant(at), known_at=instant(known), **more)


def flags(found: Answer) -> list[str]:
    """The flags as words."""
    return [str(flag) for flag in found.flags]


def just_before(text: str) -> str:
    """The last microsecond before that instant."""
    return (datetime.fromisoformat(text) - timedelta(microseconds=1)).isoformat()


def steps(found: Answer, rule: str) -> list[tuple[bool, str | None, tuple[str, ...]]]:
    """What the trace says of one rule: whether it matched, its flag, and the entries it used."""
    return [
        (step.matched, step.flag and str(step.flag), step.entries)
        for step in found.because
        if step.rule == rule
    ]
