"""What Bolton's catalogues answer by themselves: about strangers, and about recipients.

Not here: what a person's own entries change (`test_bolton`).
"""

import pytest

from ledger.catalogue import CatalogueDocument, Purpose
from ledger.terms import Flag
from tests.unit.bolton import CASES, CHILD, asked, council, happened, short
from tests.unit.catalogues import BOLTON_3, BOLTON_4
from tests.unit.desk import Desk

# From the catalogue alone.


def expected(purpose: Purpose) -> tuple[str, tuple[str, ...]]:
    """For a person never heard of: a task needs no entry, a status or a consent does."""
    if purpose.triggers:
        return "DENY", ()
    letters = tuple(sorted({line.article6 for line in purpose.lines} - {"a"}))
    return ("PERMIT", letters) if letters else ("DENY", ())


@pytest.mark.parametrize(
    ("document", "at", "name"), CASES, ids=[f"{one.version}-{name}" for one, _, name in CASES]
)
def test_a_person_never_heard_of_is_answered_from_the_catalogue(
    document: CatalogueDocument, at: str, name: str
) -> None:
    found = asked(council(), name, at, "nobody")

    assert short(found) == expected(document.purpose_by_id[name])
    assert (Flag.TRIGGER_NOT_MET in found.flags) is bool(document.purpose_by_id[name].triggers)


def test_nothing_was_permitted_before_the_month_of_the_notice() -> None:
    for purpose in BOLTON_3.purposes:
        assert asked(council(), purpose.id, "2021-10-31T23:59", "nobody").decision == "DENY"
    assert asked(council(), "P01", "2021-11-01T00:00", "nobody").decision == "PERMIT"


# Recipients.


@pytest.mark.parametrize(
    ("document", "at", "name"), CASES, ids=[f"{one.version}-{name}" for one, _, name in CASES]
)
def test_data_are_shared_with_the_recipients_of_the_purpose_and_with_no_other(
    document: CatalogueDocument, at: str, name: str
) -> None:
    desk, purpose = council(), document.purpose_by_id[name]
    for status in purpose.triggers[:1]:
        happened(desk, CHILD, "StatusStarted", "2026-01-12T14:00", kind=status)
    for recipient in document.recipients:
        found = asked(desk, name, at, operation="SHARE", recipient=recipient.id)
        ended = recipient.effective_until is not None
        declared = recipient.id in purpose.recipients and not ended
        assert (Flag.RECIPIENT_NOT_DECLARED in found.flags) is not declared
        if not declared:
            assert found.decision == "DENY"


def test_what_was_shared_with_a_body_is_answered_under_the_name_it_had_then() -> None:
    """Bolton's commissioning group was succeeded on 1 July 2022."""
    desk = Desk(BOLTON_4)
    for at, had in (("2022-06-30T22:59", "R02c"), ("2022-06-30T23:00", "R02d")):
        for recipient in ("R02c", "R02d"):
            found = asked(desk, "P12", at, operation="SHARE", recipient=recipient)
            assert found.decision == ("PERMIT" if recipient == had else "DENY")
