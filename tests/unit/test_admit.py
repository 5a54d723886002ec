"""Why an entry may not be recorded: each reason provoked, and gone when the entry is put right.

Which reason comes first, that no refusal repeats what the entry says, and that what a person asks
us to stop is refused for three reasons only. Not here: the entries themselves (`admissions`), or
what each rule lets through (`test_admit_rules`).
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ledger import admit as admission
from ledger.catalogue_checks import CHECKS as CATALOGUE_CHECKS
from ledger.events import ENTRY_TYPES, Fact
from ledger.history import Dossier
from ledger.rules.rulebook import uk_gdpr
from ledger.terms import Reason, Refusal
from ledger.wire import fact_to_builtins
from tests.unit.admissions import (
    CANARY,
    CASES,
    P18A,
    Provoked,
    Try,
    admitted,
    bolton,
    held,
    merged,
    with_entries,
)
from tests.unit.desk import NOW, Desk, fact, grant, instant
from tests.unit.facts import PROTECTIVE, bare, full

ORDER = list(Reason)
IDS = [f"{one.reason}-{number}" for number, one in enumerate(CASES)]


def refusal(found: Fact | Refusal) -> Refusal:
    assert isinstance(found, Refusal)
    return found


def outcome(found: Fact | Refusal) -> Reason | None:
    return found.reason if isinstance(found, Refusal) else None


# Each reason.


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_provoked_here(reason: Reason) -> None:
    assert [one for one in CASES if one.reason is reason]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_entry_is_refused_for_its_reason_at_its_field(case: Provoked) -> None:
    found = refusal(case.judge(case.desk(), case.wrong))

    assert (found.reason, found.pointer) == (case.reason, case.pointer)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_entry_put_right_may_be_recorded_as_it_is(case: Provoked) -> None:
    assert case.judge(case.desk(), case.right) == case.right.fact


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_refusal_is_one_plain_sentence_that_repeats_nothing_of_the_entry(case: Provoked) -> None:
    found = refusal(case.judge(case.desk(), case.wrong))

    assert CANARY not in f"{found.message} {found.pointer}"
    for text in texts(fact_to_builtins(case.wrong.fact)):
        assert text not in found.message
    assert len(found.message) >= 15
    assert not found.message.endswith(".")


def texts(value: object) -> Iterator[str]:
    """Every text of the fact that is no word of a closed list."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("type", "article6", "role", "catalogue"):
                yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def test_every_case_has_something_to_repeat_or_nothing_personal() -> None:
    """The canary stands in every wrong entry that has a text of the caller's own."""
    silent = [
        one.reason for one in CASES if CANARY not in msgspec.json.encode(one.wrong.fact).decode()
    ]

    assert set(silent) <= {
        Reason.GRANT_IN_FUTURE,
        Reason.PUBLIC_AUTHORITY_BAR,
        Reason.INCOMPATIBLE_18_CONSENT,
        Reason.UNKNOWN_ENTRY,
        Reason.UNKNOWN_SUBJECT,
        Reason.SELF_REFERENCE,
    }


# Which reason comes first.


def everything_wrong(desk: Desk, one: Try) -> list[Reason]:
    """What each check says first, in the order in which they are asked."""
    person = Dossier(one.subject, destroyed=True) if one.destroyed else desk.dossier(one.subject)
    case = admission.Admission(
        fact=one.fact,
        dossier=person,
        common=desk.dossier(None).at(instant(NOW)),
        rulebook=uk_gdpr(),
        now=instant(NOW),
    )
    firsts = [next(iter(check(case)), None) for check in admission.CHECKS]
    return [found.reason for found in firsts if found is not None]


def bolton_merged() -> Desk:
    desk = bolton()
    desk.records(fact("IdentityMerged", from_="A1", into="C1"), "A1")
    return desk


ERASURE_OF_NOTHING = fact("ErasureExecuted", purpose="P99")
FUTURE = "2027-01-01T00:00"
MOVED = [{"entry": "m", "recorded_at": "2026-10-01T09:00:00Z", "fact": {}}]
MERGE = {"from_": "A1", "into": "A1"}
LADDERS: dict[str, list[tuple[Reason | None, Desk, Try]]] = {
    "a consent": [
        (
            Reason.WRONG_STREAM,
            bolton(),
            Try(fact=grant(FUTURE, purpose="P99"), subject=None, destroyed=True),
        ),
        (
            Reason.SUBJECT_ERASED,
            bolton(),
            Try(fact=grant(FUTURE, purpose="P99"), destroyed=True),
        ),
        (Reason.IDENTITY_MERGED, bolton_merged(), Try(fact=grant(FUTURE, purpose="P99"))),
        (Reason.UNKNOWN_PURPOSE, bolton(), Try(fact=grant(FUTURE, purpose="P99"))),
        (Reason.PURPOSE_NOT_RESOLVABLE, bolton(), Try(fact=grant(FUTURE, purpose="P18"))),
        (Reason.NO_CONSENT_LINE, bolton(), Try(fact=grant(FUTURE, purpose="P01"))),
        (Reason.CONSENT_FIELDS_MISSING, bolton(), Try(fact=grant(FUTURE, purpose="P18a"))),
        (Reason.GRANT_IN_FUTURE, bolton(), Try(fact=grant(FUTURE, **P18A))),
        (None, bolton(), Try(fact=grant(**P18A))),
    ],
    "a merge": [
        (
            Reason.WRONG_STREAM,
            merged(),
            Try(fact=fact("IdentityMerged", moved=MOVED, **MERGE), subject="C1", destroyed=True),
        ),
        (
            Reason.SUBJECT_ERASED,
            merged(),
            Try(fact=fact("IdentityMerged", moved=MOVED, **MERGE), destroyed=True),
        ),
        (Reason.RESERVED, merged(), Try(fact=fact("IdentityMerged", moved=MOVED, **MERGE))),
        (Reason.IDENTITY_MERGED, merged(), Try(fact=fact("IdentityMerged", **MERGE))),
        (Reason.SELF_REFERENCE, Desk(), Try(fact=fact("IdentityMerged", **MERGE))),
        (None, Desk(), Try(fact=fact("IdentityMerged", from_="A1", into="C1"))),
    ],
    "a reattribution": [
        (
            Reason.WRONG_STREAM,
            with_entries(),
            Try(fact=fact("EntryReattributed", entry="e9", from_="A1", to="A1"), subject="C1"),
        ),
        (
            Reason.UNKNOWN_ENTRY,
            with_entries(),
            Try(fact=fact("EntryReattributed", entry="e9", from_="A1", to="A1")),
        ),
        (
            Reason.NOT_ANNULLABLE,
            with_entries(),
            Try(fact=fact("EntryReattributed", entry="e2", from_="A1", to="A1")),
        ),
        (
            Reason.SELF_REFERENCE,
            with_entries(),
            Try(fact=fact("EntryReattributed", entry="e1", from_="A1", to="A1")),
        ),
    ],
    "a supersession": [
        (
            Reason.IDENTITY_MERGED,
            merged(),
            Try(fact=fact("EntrySuperseded", entry="e9", replacement="e9")),
        ),
        (
            Reason.UNKNOWN_ENTRY,
            with_entries(),
            Try(fact=fact("EntrySuperseded", entry="e9", replacement="e9")),
        ),
        (
            Reason.UNKNOWN_ENTRY,
            with_entries(),
            Try(fact=fact("EntrySuperseded", entry="e1", replacement="e9")),
        ),
        (
            Reason.NOT_ANNULLABLE,
            with_entries(),
            Try(fact=fact("EntrySuperseded", entry="e2", replacement="e2")),
        ),
    ],
    "a basis": [
        (Reason.WRONG_STREAM, Desk(), Try(fact=fact("NoticeProvided", notice="V4"), subject=None)),
        (
            Reason.UNKNOWN_PURPOSE,
            Desk(),
            Try(fact=fact("BasisDeclared", purpose="P99", article6="ea")),
        ),
        (
            Reason.ANNEX1_CONDITION_MISSING,
            Desk(),
            Try(fact=fact("BasisDeclared", purpose="PHOTO", article6="ea")),
        ),
    ],
    "an erasure": [
        (Reason.SUBJECT_ERASED, held(), Try(fact=ERASURE_OF_NOTHING, destroyed=True)),
        (Reason.UNKNOWN_PURPOSE, held(), Try(fact=ERASURE_OF_NOTHING)),
        (Reason.HOLD_IN_FORCE, held(), Try(fact=fact("ErasureExecuted", purpose="PHOTO"))),
    ],
}
STEPS = [(name, *step) for name, ladder in LADDERS.items() for step in ladder]


@pytest.mark.parametrize(
    ("reason", "desk", "one"),
    [step[1:] for step in STEPS],
    ids=[f"{step[0]}-{step[1]}" for step in STEPS],
)
def test_of_several_reasons_the_most_fundamental_is_given(
    reason: Reason | None, desk: Desk, one: Try
) -> None:
    assert outcome(admitted(desk, one)) == reason
    wrong = everything_wrong(desk, one)
    assert wrong == sorted(wrong, key=ORDER.index)
    assert wrong[:1] == ([] if reason is None else [reason])


def test_the_ladders_have_steps_with_several_reasons() -> None:
    assert sum(len(everything_wrong(desk, one)) > 1 for _, _, desk, one in STEPS) > 12


# What a person asks us to stop, or to look into.


def nowhere() -> Desk:
    """A1 merged away, a hold, and no entry or purpose that anything could name."""
    desk = merged()
    desk.records(fact("HoldPlaced"), None)
    return desk


PURPOSES = ("PHOTO", "NEVER_DECLARED", "P18", "*")
MOMENTS = ("0001-01-02T00:00", "2019-01-01T00:00", NOW, "9999-12-30T00:00")


def test_what_is_protected_is_what_a_person_says() -> None:
    assert [kind.__name__ for kind in PROTECTIVE] == [
        "ComplaintReceived",
        "ConsentRefused",
        "ConsentWithdrawn",
        "EqualityOptOutReceived",
        "ErasureRequested",
        "ObjectionReceived",
        "RestrictionApplied",
    ]


@pytest.mark.parametrize("kind", PROTECTIVE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("at", MOMENTS)
def test_a_protective_fact_is_recorded_whatever_it_relates_to(
    kind: type[Fact], purpose: str, at: str
) -> None:
    given: dict[str, Any] = {"purpose": purpose, "effective_at": instant(at), "note": "x"}
    for one in (bare(kind, **given), full(kind, **given, **_reserved_left_out(kind))):
        for desk, subject in ((Desk(), "A1"), (nowhere(), "A1"), (nowhere(), "C1")):
            assert desk.tries(one, subject) == one


def _reserved_left_out(kind: type[Fact]) -> dict[str, None]:
    return {name: None for name in ("moved", "counterpart") if name in kind.__struct_fields__}


@pytest.mark.parametrize("kind", PROTECTIVE, ids=lambda kind: kind.__name__)
def test_a_protective_fact_is_refused_without_keys_or_on_the_ledgers_own_stream(
    kind: type[Fact],
) -> None:
    one = bare(kind, purpose="PHOTO")

    assert outcome(nowhere().tries(one, None)) is Reason.WRONG_STREAM
    assert outcome(nowhere().tries(one, destroyed=True)) is Reason.SUBJECT_ERASED


@pytest.mark.parametrize("kind", PROTECTIVE, ids=lambda kind: kind.__name__)
def test_a_protective_fact_cannot_say_what_the_ledger_says_of_it(kind: type[Fact]) -> None:
    for field in ("moved", "counterpart"):
        if field in kind.__struct_fields__:
            found = refusal(Desk().tries(bare(kind, purpose="PHOTO", **{field: "x"})))
            assert (found.reason, found.pointer) == (Reason.RESERVED, field)


def test_only_those_three_checks_look_at_a_protective_fact() -> None:
    every = {
        outcome(desk.tries(bare(kind, purpose=purpose), subject, destroyed=destroyed))
        for kind in PROTECTIVE
        for purpose in PURPOSES
        for desk in (Desk(), nowhere())
        for subject in ("A1", "C1", None)
        for destroyed in (False, True)
    }

    assert every == {None, Reason.WRONG_STREAM, Reason.SUBJECT_ERASED}


# Every type.


@pytest.mark.parametrize("kind", ENTRY_TYPES, ids=lambda kind: kind.__name__)
def test_a_type_is_recorded_on_its_own_stream_and_not_on_the_other(kind: type[Fact]) -> None:
    found = {
        subject: outcome(Desk().tries(bare(kind), subject)) is Reason.WRONG_STREAM
        for subject in ("A1", None)
    }
    two_people = "from_" in kind.__struct_fields__

    assert found == {
        "A1": kind.stream == "ledger" or two_people,
        None: kind.stream == "subject",
    }


def test_every_check_of_a_catalogue_that_refuses_has_a_reason() -> None:
    codes = {check.code for check in CATALOGUE_CHECKS if check.refuses}

    assert codes.intersection(Reason.__members__) == {
        "PUBLIC_AUTHORITY_BAR",
        "INCOMPATIBLE_18_CONSENT",
    }
