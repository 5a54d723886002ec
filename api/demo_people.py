"""Two hundred made-up people for the demo, as the lines of an import.

Every one lives through one of the histories of `demo_consents` and `demo_rights`, some days apart
from the others of the same history; the days come from a seed, and are the same wherever and
whenever they are made.
Nobody is real: an identifier here is a number. Not here: the histories themselves.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from api.cli_words import file_bytes
from api.demo_consents import CONSENT, FAMILY
from api.demo_rights import CORRECTIONS, DUTIES, RIGHTS
from api.demo_words import Told
from api.import_lines import Raw

PEOPLE = 200
SEED = "bolton 4.0"
SCHEME = "demo_id"
STORIES: dict[str, Told] = {**CONSENT, **FAMILY, **RIGHTS, **DUTIES, **CORRECTIONS}
"""Every history, by the scenario that it follows; the demo asks about people of the first two."""
CATALOGUES = Path(__file__).parents[1] / "ops" / "catalogues"
ADOPTED = (("bolton-3.0.json", "2021-11-01"), ("bolton-4.0.json", "2026-07-01"))
"""The catalogues, with the day from which each is in force."""
COMMON: tuple[dict[str, object], ...] = (
    {"type": "NoticePublished", "effective_at": "2021-11-01", "notice": "V3.0"},
    {"type": "PolicyDocumentAdopted", "effective_at": "2022-02-14", "document": "APD-CSC"},
    {"type": "NoticePublished", "effective_at": "2026-07-01", "notice": "V4.0"},
    {
        "type": "PurposeMateriallyChanged",
        "effective_at": "2026-09-15",
        "purpose": "P18b",
        "notice": "V4.1",
    },
)


class Person:
    """One of them: who they are, and on which of the days that a history leaves open."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._random = random.Random(f"{SEED} {number}")  # noqa: S311 - nobody must not guess it
        self._shift = timedelta(days=self._random.randrange(6))

    def named(self, who: str = "") -> dict[str, str]:
        """The identifier of the person, or of somebody around them such as `mother`."""
        return {"scheme": SCHEME, "value": identifier(self.number, who)}

    def label(self, name: str) -> str:
        """The id of an entry of this person."""
        return f"{self.number}.{name}"

    def at(self, day: str, hour: int = 10) -> str:
        """An instant on the day of the history, or up to five days later."""
        start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
        minute = timedelta(hours=hour, minutes=self._random.randrange(60))
        return (start + self._shift + minute).isoformat()


def identifier(number: int, who: str = "") -> str:
    """What stands for a person of the demo where an identifier is asked for."""
    return f"demo-{number:03}{f'-{who}' if who else ''}"


def lines() -> Iterator[Raw]:
    """Catalogues, notices and policy documents, then everyone's history."""
    for n, value in enumerate(_values(), start=1):
        yield Raw(n, msgspec.json.encode(value))


def _values() -> Iterator[dict[str, object]]:
    for name, day in ADOPTED:
        document = msgspec.json.decode(file_bytes(CATALOGUES / name))
        yield {"type": "CatalogueAdopted", "effective_at": _midnight(day), "catalogue": document}
    yield from COMMON
    for number in range(1, PEOPLE + 1):
        person = Person(number)
        yield _background(person)
        yield from (_written(person, one) for one in story_of(number).then(person))


def story_of(number: int) -> Told:
    """The history that the person of this number lives through: all of them, in turn."""
    told = list(STORIES.values())
    return told[(number - 1) % len(told)]


def _midnight(day: str) -> str:
    return f"{day}T00:00:00Z"


def _background(person: Person) -> dict[str, object]:
    """Date of birth, who has parental responsibility, and the notices given, in one request."""
    told = story_of(person.number)
    entries: list[dict[str, object]] = [
        {
            "type": "DateOfBirthRecorded",
            "effective_at": told.since,
            "date_of_birth": told.born,
        },
        {"type": "NoticeProvided", "effective_at": person.at(told.since), "notice": "V3.0"},
    ]
    entries += [
        {
            "id": person.label(who),
            "type": "AuthorityStarted",
            "effective_at": told.since,
            "holder": person.named(who),
            "kind": "PR",
        }
        for who in told.parents
    ]
    if told.current_notice:
        provided = person.at("2026-07-02")
        entries.append({"type": "NoticeProvided", "effective_at": provided, "notice": "V4.0"})
    return {"subject": person.named(), "entries": entries}


def _written(person: Person, entry: dict[str, object]) -> dict[str, object]:
    return {"subject": person.named(), **entry}
