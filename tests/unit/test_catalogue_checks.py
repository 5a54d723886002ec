"""CV1 to CV15 and the refusals: each check passes a sound catalogue and fails it by a field."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from ledger.catalogue import CatalogueDocument, Condition, Line, OffenceRoute
from ledger.catalogue_checks import CHECKS
from ledger.events import LawLoaded
from ledger.findings import validate
from ledger.history import item
from ledger.notice import PurposeBasis
from tests.unit.catalogues import (
    BOLTON_3,
    BOLTON_4,
    CHOICE,
    CONSENT_LINE,
    NOW,
    PURPOSE,
    SCENARIOS,
    SOUND,
    law,
    with_field,
)

FROM = date(2018, 5, 25)
EA = Line(
    article6="ea",
    annex1=("RLI-6",),
    effective_from=date(2026, 2, 5),
    objection_handling="decided within one month",
)
F = msgspec.structs.replace(EA, article6="f", source="LIA-1", annex1=(), effective_from=FROM)
FIRST, LINE = "purposes/0", "purposes/0/lines/0"
RELIES_ON_EA = {
    "notice/purpose_bases": (PurposeBasis(purpose="VISIT", article6=("ea",)),),
    "purposes/0/controller": "CHARITY",
}


def changed(document: CatalogueDocument, **fields: object) -> CatalogueDocument:
    for path, value in fields.items():
        document = with_field(document, path, value)
    return document


def codes(document: CatalogueDocument, at: datetime = NOW) -> list[str]:
    return list(dict.fromkeys(one.code for one in validate(document, at=at, law=law())))


def route(*paragraphs: int, **more: object) -> OffenceRoute:
    return msgspec.structs.replace(OffenceRoute(schedule1=paragraphs), **more)


@pytest.mark.parametrize("document", [SOUND, CHOICE, BOLTON_4], ids=["task", "consent", "ours"])
def test_a_sound_catalogue_has_no_findings(document: CatalogueDocument) -> None:
    assert codes(document) == []


@pytest.mark.parametrize(
    ("code", "path", "value"),
    [
        ("CV3", f"{FIRST}/conditions", ()),
        ("CV3", f"{FIRST}/conditions/0/reason", "because"),
        ("CV3", f"{FIRST}/conditions/1", Condition(article9="j", schedule1=4)),
        ("CV4", f"{FIRST}/offence_route", None),
        ("CV4", f"{FIRST}/offence_route", route()),
        ("CV4", f"{FIRST}/offence_route", route(official_authority=True)),
        ("CV8", f"{LINE}/objection_handling", None),
        ("CV9", f"{FIRST}/retention", ()),
        ("CV9", "retention/0/terms", ()),
        ("CV10", "recipients/0/role", None),
        ("CV10", "recipients/0/effective_from", None),
        ("CV11", f"{LINE}/while_", "S47"),
        ("CV11", f"{FIRST}/lookback_months", 12),
        ("CV12", f"{FIRST}/impact_assessment", None),
        ("CV13", "notice/purpose_list", ()),
        ("CV13", "notice/purpose_list", ("VISIT", "OTHER")),
        ("CV13", "notice/purpose_bases", ()),
        ("CV13", "notice/purpose_bases/0/article6", ("c",)),
        ("CV14", "contacts/0/role", "team"),
        ("CV14", "notice/controller_complaint", None),
        ("CV15", f"{LINE}/legal_sources", ()),
        ("CV15", f"{LINE}/legal_sources", ("Magna Carta 1215",)),
        ("CV15", f"{LINE}/legal_sources", ("CA2004 s.16LA",)),
        ("CV15", f"{LINE}/legal_sources", ("DPA2018 s.164A",)),
        ("CV15", f"{LINE}/legal_sources", ("HSCA2012 s.251A",)),
    ],
)
def test_a_field_at_fault_is_found_by_its_check_alone(code: str, path: str, value: object) -> None:
    assert codes(with_field(SOUND, path, value)) == [code]


def test_cv1_wants_a_line_for_every_purpose() -> None:
    bare = changed(SOUND, **{f"{FIRST}/lines": (), "notice/purpose_bases/0/article6": ()})

    assert codes(bare) == ["CV1"]


@pytest.mark.parametrize("letter", ["b", "c", "e", "f"])
def test_cv1_wants_the_source_of_a_line(letter: str) -> None:
    line = msgspec.structs.replace(PURPOSE.lines[0], article6=letter, source=None, legal_sources=())

    assert "CV1" in codes(with_field(SOUND, LINE, line))
    assert "CV1" not in codes(with_field(SOUND, LINE, msgspec.structs.replace(line, source="x")))


def test_cv1_wants_a_condition_of_annex_1_for_a_recognised_interest() -> None:
    of_a_charity = changed(SOUND, **{LINE: EA}, **RELIES_ON_EA)

    assert codes(of_a_charity) == []
    assert codes(with_field(of_a_charity, f"{LINE}/annex1", ())) == ["CV1"]


@pytest.mark.parametrize(
    ("begins", "at"),
    [(date(2026, 2, 4), NOW), (date(2025, 1, 1), datetime(2025, 6, 1, tzinfo=UTC))],
)
def test_cv2_wants_a_line_in_force_from_its_first_day(begins: date, at: datetime) -> None:
    line = msgspec.structs.replace(EA, effective_from=begins)

    assert codes(changed(SOUND, **{LINE: line}, **RELIES_ON_EA), at)[:1] == ["CV2"]


@pytest.mark.parametrize("line", [EA, F], ids=["ea", "f"])
def test_cv2_bars_a_public_authority_from_interests_for_its_tasks(line: Line) -> None:
    barred = with_field(SOUND, LINE, line)

    assert {"PUBLIC_AUTHORITY_BAR", "CV2"} <= set(codes(barred))
    for lawful in ({f"{FIRST}/controller": "CHARITY"}, {f"{FIRST}/task": False}):
        assert {"PUBLIC_AUTHORITY_BAR", "CV2"}.isdisjoint(codes(changed(barred, **lawful)))


def test_a_future_recognised_interest_of_a_council_is_barred_at_load_time() -> None:
    """CT03: when the document is read, not only when a question is asked."""
    later = msgspec.structs.replace(EA, effective_from=date(2030, 1, 1))
    barred = with_field(BOLTON_3, "purposes/0/lines", (*BOLTON_3.purposes[0].lines, later))

    refusing = [one for one in validate(barred, at=NOW, law=law()) if one.refuses_adoption]
    assert [(one.code, one.pointer) for one in refusing] == [
        ("PUBLIC_AUTHORITY_BAR", "/purposes/0/lines/1/article6")
    ]


@pytest.mark.parametrize(
    "condition",
    [
        Condition(article9="g"),
        Condition(article9="g", schedule1=1, policy_document=True),
        Condition(article9="h", schedule1=6, policy_document=True),
        Condition(article9="b"),
        Condition(article9="f", schedule1=6),
        Condition(article9="g", schedule1=6),
        Condition(article9="g", schedule1=5, policy_document=True),
        Condition(article9="i", schedule1=4),
        Condition(article9="j", schedule1=2),
    ],
    ids=lambda one: one.spelt(),
)
def test_a_condition_that_the_law_does_not_have_refuses_adoption(condition: Condition) -> None:
    """Answers would take it for met, with no policy document to ask for."""
    alone = with_field(SOUND, f"{FIRST}/conditions", (condition,))

    assert codes(alone) == ["IMPOSSIBLE_CONDITION", "CV3"]
    assert all(
        one.refuses_adoption is (one.code == "IMPOSSIBLE_CONDITION")
        for one in validate(alone, at=NOW, law=law())
    )


@pytest.mark.parametrize(
    "condition",
    [
        Condition(article9="b", schedule1=1, policy_document=True),
        Condition(article9="c"),
        Condition(article9="f"),
        Condition(article9="g", schedule1=6, policy_document=True),
        Condition(article9="g", schedule1=10),
        Condition(article9="h", schedule1=2),
        Condition(article9="i", schedule1=3),
    ],
    ids=lambda one: one.spelt(),
)
def test_a_condition_that_the_law_has_reaches_special_data(condition: Condition) -> None:
    assert codes(with_field(SOUND, f"{FIRST}/conditions", (condition,))) == []


def test_research_has_its_safeguards_by_name() -> None:
    research = with_field(SOUND, f"{FIRST}/conditions", (Condition(article9="j", schedule1=4),))

    assert codes(with_field(research, f"{FIRST}/safeguards_84", "A84-1")) == []


@pytest.mark.parametrize("paragraph", [8, 9, 16, 19, 21, 22])
def test_a_paragraph_that_is_not_for_offence_data_refuses_adoption(paragraph: int) -> None:
    alone = with_field(SOUND, f"{FIRST}/offence_route", route(paragraph))
    beside = with_field(SOUND, f"{FIRST}/offence_route", route(paragraph, 6))

    assert codes(alone) == ["IMPOSSIBLE_CONDITION", "CV4"]
    assert codes(beside) == ["IMPOSSIBLE_CONDITION"]


def test_official_authority_with_its_law_is_a_route() -> None:
    by_law = route(official_authority=True, source="CA1989 s.47")

    assert codes(with_field(SOUND, f"{FIRST}/offence_route", by_law)) == []


def test_cv4_asks_for_no_route_where_no_offence_data_stand() -> None:
    harmless = changed(
        SOUND, **{f"{FIRST}/offence_route": None, "categories/0/classes": ("ordinary", "special")}
    )

    assert codes(harmless) == []


def test_cv5_offers_no_consent_where_there_is_no_choice() -> None:
    assert codes(with_field(CHOICE, f"{FIRST}/optional", False)) == ["CV5"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{FIRST}/conditions", (PURPOSE.conditions[0],)),
        (f"{FIRST}/offence_route", route(18)),
    ],
)
def test_cv6_keeps_paragraph_18_apart_from_consent(path: str, value: object) -> None:
    """CT02: the paragraph asserts that there is none."""
    both = with_field(CHOICE, path, value)

    assert codes(both) == ["INCOMPATIBLE_18_CONSENT", "CV6"]
    assert [one.code for one in validate(both, at=NOW, law=law()) if one.refuses_adoption] == [
        "INCOMPATIBLE_18_CONSENT"
    ]


def test_cv6_keeps_paragraph_18_apart_from_explicit_consent() -> None:
    both = (*PURPOSE.conditions, Condition(article9="a"))

    assert codes(with_field(SOUND, f"{FIRST}/conditions", both)) == [
        "INCOMPATIBLE_18_CONSENT",
        "CV6",
    ]


@pytest.mark.parametrize("field", ["notice_text", "withdrawal_channel", "freely_given_assessment"])
def test_cv7_wants_consent_equipped(field: str) -> None:
    assert codes(with_field(CHOICE, f"{LINE}/{field}", None)) == ["CV7"]


def test_cv7_wants_no_assessment_of_imbalance_from_a_charity() -> None:
    of_a_charity = with_field(CHOICE, f"{FIRST}/controller", "CHARITY")

    assert codes(with_field(of_a_charity, f"{LINE}/freely_given_assessment", None)) == []


def test_cv11_wants_every_status_among_the_triggers() -> None:
    driven = with_field(SOUND, f"{LINE}/while_", "S47")

    assert codes(with_field(driven, f"{FIRST}/triggers", ("S47", "CPP"))) == []
    assert codes(with_field(driven, f"{FIRST}/triggers", ("CPP",))) == ["CV11"]


def test_cv13_wants_a_notice_and_links_to_purposes_that_exist() -> None:
    strange = PurposeBasis(purpose="OTHER", article6=("e",))
    rows = (*SOUND.notice.purpose_bases, strange) if SOUND.notice else ()

    assert codes(with_field(SOUND, "notice/purpose_bases", rows)) == ["CV13"]
    assert codes(with_field(SOUND, "notice", None)) == ["CV13", "CV14"]


def test_cv14_wants_complaints_to_us_only_since_the_law_does() -> None:
    silent = with_field(SOUND, "notice/controller_complaint", None)

    assert codes(silent, datetime(2026, 6, 18, 22, 59, tzinfo=UTC)) == []
    assert codes(silent, datetime(2026, 6, 18, 23, 0, tzinfo=UTC)) == ["CV14"]


def test_cv15_counts_a_commencement_that_was_recorded() -> None:
    begun = datetime(2018, 1, 1, tzinfo=UTC)
    loaded = LawLoaded(
        effective_at=begun,
        provision="ca2004.16LA",
        article="CA 2004 s.16LA",
        link="https://www.legislation.gov.uk/ukpga/2004/31/section/16LA",
        in_force_from=begun,
    )
    recorded = item(n=1, entry="l1", recorded_at=begun, fact=loaded)
    document = with_field(SOUND, f"{LINE}/legal_sources", ("CA2004 s.16LA",))

    assert validate(document, at=NOW, law=law(recorded)) == []


def test_a_line_that_has_ended_is_checked_no_more() -> None:
    ended = Line(article6="e", effective_from=FROM, effective_until=date(2020, 1, 1))

    assert codes(with_field(SOUND, f"{FIRST}/lines", (*PURPOSE.lines, ended))) == []


def test_a_line_that_ends_before_it_begins_refuses_adoption() -> None:
    never = with_field(SOUND, f"{LINE}/effective_until", FROM)

    assert codes(never) == ["EMPTY_LINE"]
    assert codes(with_field(SOUND, f"{LINE}/effective_until", date(2018, 5, 26))) == []


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("purposes/0/controller", "NOBODY", "/purposes/0/controller"),
        ("purposes/0/categories", ("NOTES", "MORE"), "/purposes/0/categories/1"),
        ("purposes/0/recipients", ("NOBODY",), "/purposes/0/recipients/0"),
        ("purposes/0/retention", ("NEVER",), "/purposes/0/retention/0"),
        ("controllers/1/id", "COUNCIL", "/controllers/1/id"),
        ("purposes", (PURPOSE, PURPOSE), "/purposes/1/id"),
    ],
)
def test_a_reference_that_leads_nowhere_refuses_adoption(
    path: str, value: object, pointer: str
) -> None:
    broken = validate(with_field(SOUND, path, value), at=NOW, law=law())

    assert ("UNRESOLVED_REFERENCE", pointer) in [
        (one.code, one.pointer) for one in broken if one.refuses_adoption
    ]


def test_a_controller_that_nobody_describes_is_held_to_the_stricter_rule() -> None:
    unknown = changed(SOUND, **{f"{FIRST}/controller": "NOBODY", LINE: EA})

    assert "PUBLIC_AUTHORITY_BAR" in codes(unknown)


@pytest.mark.parametrize(
    "document", [SCENARIOS, BOLTON_3, BOLTON_4], ids=["scenarios", "bolton-3.0", "bolton-4.0"]
)
def test_debts_do_not_refuse_an_adoption(document: CatalogueDocument) -> None:
    assert not any(one.refuses_adoption for one in validate(document, at=NOW, law=law()))


def test_the_real_catalogue_owes_what_its_notice_does_not_say() -> None:
    owed = "CV3 CV4 CV7 CV8 CV9 CV10 CV12 CV13 CV14"

    assert codes(BOLTON_3) == owed.split()


def test_the_checks_are_cv1_to_cv15_after_the_refusals() -> None:
    owed = [check.code for check in CHECKS if not check.refuses]

    assert owed == [f"CV{n}" for n in range(1, 16)]
    assert [check.refuses for check in CHECKS] == sorted(
        (check.refuses for check in CHECKS), reverse=True
    )


def test_consent_beside_a_duty_is_sound() -> None:
    both = (CONSENT_LINE, PURPOSE.lines[0])
    bases = (PurposeBasis(purpose="GROUP", article6=("a", "e")),)
    document = changed(CHOICE, **{f"{FIRST}/lines": both, "notice/purpose_bases": bases})

    assert codes(document) == []
