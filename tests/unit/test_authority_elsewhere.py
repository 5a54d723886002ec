"""The end of an authority that counts for another person now ends nothing else, and hides none."""

from pathlib import Path

from ledger.answer import answer
from ledger.catalogue import read_catalogue
from ledger.rules.rulebook import uk_gdpr
from ledger.scenario import Ask, Expect, Scenario, streams
from ledger.terms import Decision

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
