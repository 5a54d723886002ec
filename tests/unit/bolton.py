"""Bolton's two catalogues as they were adopted, a child and a mother, and two moments to ask about.

Not here: any expectation.
"""

from typing import Any

import pytest

from ledger.answer import Answer
from tests.unit.catalogues import BOLTON_3, BOLTON_4
from tests.unit.desk import Desk, fact

THEN, SINCE = "2026-03-02T10:00", "2026-09-01T10:00"
"""A moment under the notice of 2021, and one under its successor."""

BOTH = pytest.mark.parametrize("at", [THEN, SINCE], ids=["3.0", "4.0"])
CHILD, MOTHER = "C1", "A1"


def council(*, policy_document: bool = True) -> Desk:
    """A child of seven and a mother of thirty, and the catalogues as they were adopted."""
    desk = Desk(BOLTON_3)
    if policy_document:
        adopted = fact("PolicyDocumentAdopted", "2021-11-01T00:00", document="APD")
        desk.records(adopted, None, at="2021-11-01T00:00")
    desk.adopts(BOLTON_4, "2026-07-01T00:00")
    for subject, born in ((CHILD, "2018-11-20"), (MOTHER, "1996-01-15")):
        desk.records(
            fact("DateOfBirthRecorded", "2022-01-01T09:00", date_of_birth=born),
            subject,
            at="2022-01-01T09:00",
        )
    return desk


def happened(desk: Desk, subject: str, name: str, when: str, **more: Any) -> str:
    """The id of an entry recorded when it took effect."""
    recorded = more.pop("recorded", when)
    return desk.records(fact(name, when, **more), subject, at=recorded)


def asked(desk: Desk, purpose: str, at: str, subject: str = CHILD, **more: Any) -> Answer:
    return desk.asks(purpose, at, subject, **more)


def short(found: Answer) -> tuple[str, tuple[str, ...]]:
    return str(found.decision), found.live


CASES = [
    (document, at, purpose.id)
    for document, at in ((BOLTON_3, THEN), (BOLTON_4, SINCE))
    for purpose in document.purposes
]
