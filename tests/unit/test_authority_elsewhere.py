"""The end of an authority or a status that is another person's now ends nothing else here.

Nor does it hide a later end.
"""

from pathlib import Path

import pytest

from ledger.answer import answer
from ledger.catalogue import read_catalogue
from ledger.rules.rulebook import uk_gdpr
from ledger.scenario import Ask, Expect, Scenario, streams
from ledger.terms import Decision
from tests.unit.books import Books
from tests.unit.desk import fact, grant

CATALOGUE = Path(__file__).parent.parent / "scenarios" / "catalogue.json"


def entry(number: int, named: str, subject: str, day: str, **fields: object) -> dict[str, object]:
    moment = f"2026-{day}T10:00:00Z"
    return {
        "id": f"e{number}",
        "type": named,
        "subject": subject,
        "effective_at": moment,
        "recorded_at": moment,
        **fields,
    }


def decided(*given: dict[str, object]) -> Decision:
    document = read_catalogue(CATALOGUE.read_bytes())
    built = streams(Scenario(id="s", title="s", given=given, asks=()), document)
    ask = Ask(
        subject="C1",
        purpose="PHOTO",
        effective_at="2026-06-01T00:00:00Z",
        known_at="2026-06-01T00:00:00Z",
        expect=Expect(decision=Decision.DENY, live=(), conditions=(), flags=()),
    )
    found = answer(ask.question(), built.dossier("C1"), built.dossier(None), uk_gdpr())
    return found.decision


def test_an_end_that_counts_elsewhere_does_not_hide_a_later_one() -> None:
    mother = {"holder": "MUM", "kind": "PR"}
    father = {"holder": "DAD", "kind": "PR"}
    consent = {
        "purpose": "PHOTO",
        "given_by": "DAD",
        "capacity": "PR",
        "evidence": "form",
        "notice": "V3.0",
    }
    before = (
        entry(1, "DateOfBirthRecorded", "C1", "01-01", date_of_birth="2017-01-15"),
        entry(2, "AuthorityStarted", "C1", "01-02", **mother),
        entry(3, "AuthorityStarted", "C1", "01-03", **father),
        entry(4, "EntryReattributed", "C1", "01-04", entry="e2", **{"from": "C1", "to": "C2"}),
        entry(5, "AuthorityEnded", "C1", "01-05", authority="e2", **mother),
    )
    ended = entry(6, "AuthorityEnded", "C1", "01-06", authority="e3", **father)
    grant = entry(7, "ConsentGranted", "C1", "02-01", **consent)
    assert decided(*before, grant) is Decision.PERMIT
    assert decided(*before, ended, grant) is Decision.DENY


# Statuses and authorities that came with a merge, and went back.


def ended_while_merged(begun: str, ended: str, field: str, own: str | None, **fields: str) -> Books:
    """Both of A1 and B1 have one; B1 is told of the end of A1's while both are held to be B1."""
    books = Books()
    books.grants("D1")
    theirs = books.records(fact(begun, "2026-09-01T09:00", **fields), "A1")
    if own is not None:
        books.records(fact(begun, own, **fields), "B1")
    books.merges("A1", "B1")
    books.records(fact(ended, "2026-10-02T09:00", **{field: theirs}, **fields), "B1")
    return books


@pytest.mark.parametrize("own", ["2026-08-01T09:00", "2026-09-02T09:00"])
def test_the_end_of_a_status_that_went_back_ends_no_status_of_the_same_kind_here(own: str) -> None:
    books = ended_while_merged("StatusStarted", "StatusEnded", "status", own, kind="UCPP")
    assert books.asks("B1", "CPIS").decision == "PERMIT"
    books.unmerges("A1", "B1")

    assert books.asks("B1", "CPIS").decision == "PERMIT"
    assert books.asks("A1", "CPIS").flags == ("TRIGGER_NOT_MET",)


def test_a_status_that_began_after_a_status_went_back_is_not_ended_by_its_end() -> None:
    books = ended_while_merged("StatusStarted", "StatusEnded", "status", None, kind="UCPP")
    books.annuls(books.dossier("B1").items[1].entry, "B1")
    books.records(fact("StatusStarted", "2026-10-01T09:00", kind="UCPP"), "B1")

    assert books.asks("B1", "CPIS").decision == "PERMIT"
    assert books.asks("A1", "CPIS").flags == ("TRIGGER_NOT_MET",)


def test_the_end_of_a_status_that_was_a_mistake_ends_the_latest_of_its_kind_after_a_merge_too() -> (
    None
):
    """Nobody else has it: what the end says is true of the person."""
    books = Books()
    books.grants("D1")
    books.records(fact("StatusStarted", "2026-08-01T09:00", kind="UCPP"), "A1")
    wrong = books.records(fact("StatusStarted", "2026-09-01T09:00", kind="UCPP"), "A1")
    books.records(fact("StatusEnded", "2026-10-02T09:00", status=wrong, kind="UCPP"), "A1")
    assert books.asks("A1", "CPIS").decision == "PERMIT"
    books.annuls(wrong, "A1")
    assert books.asks("A1", "CPIS").flags == ("TRIGGER_NOT_MET",)
    books.merges("A1", "B1")

    assert books.asks("B1", "CPIS").flags == ("TRIGGER_NOT_MET",)


def test_the_end_of_an_authority_that_went_back_ends_no_authority_here() -> None:
    mother = {"holder": "MUM", "kind": "DEPUTY"}
    books = ended_while_merged(
        "AuthorityStarted", "AuthorityEnded", "authority", "2026-08-01T09:00", **mother
    )
    books.unmerges("A1", "B1")
    for person in ("A1", "B1"):
        books.records(grant("2026-10-03T09:00", given_by="MUM", capacity="DEPUTY"), person)

    assert books.asks("B1").decision == "PERMIT"
    assert books.asks("A1").flags == ("NO_AUTHORITY",)
