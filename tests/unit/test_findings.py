"""The gaps of the real notice: exactly G01 to G32, each cured by its one field."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from ledger.catalogue import CatalogueDocument
from ledger.findings import validate
from ledger.notice import (
    Contact,
    IncorporatedNotice,
    Link,
    NhsNumberObjection,
    PurposeBasis,
    Recipient,
)
from ledger.notice_findings import CPIS_ALSO_SHARED, RIGHTS, gaps
from tests.unit.catalogues import BOLTON_3, BOLTON_4, NOW, SCENARIOS, law, with_field

SEED = [f"G{n:02}" for n in range(1, 33)]
PRIMARY = {"G04", "G06", "G07", "G08", "G09", "G10", "G28", "G31"}
EVERY_PURPOSE = tuple(purpose.id for purpose in BOLTON_3.purposes)

Value = object | Callable[[CatalogueDocument], object]


def without_labels(document: CatalogueDocument) -> object:
    return tuple(
        msgspec.structs.replace(one, notice_calls=one.law, notice_omits=())
        for one in document.categories
    )


def plain_recipients(document: CatalogueDocument) -> object:
    return tuple(Recipient(id=one.id, title=one.title) for one in document.recipients)


def with_officer(document: CatalogueDocument) -> object:
    officer = Contact(id="Z04", title="Officer", role="data_protection_officer")
    return (*document.contacts, officer)


# One field each: its path, and what it should have held.
CURES: dict[str, tuple[str, Value]] = {
    "G01": ("notice/article9_conditions", ("9(2)(g)+Sch1(18)",)),
    "G02": ("notice/article10_route", "official authority"),
    "G03": (
        "notice/purpose_bases",
        tuple(PurposeBasis(purpose=name, article6=("e",)) for name in EVERY_PURPOSE),
    ),
    "G04": ("notice/withdrawal_route", "tell any member of staff"),
    "G05": ("purposes/17/resolvable", True),
    "G06": ("notice/objection_purposes", EVERY_PURPOSE),
    "G07": ("notice/controller_complaint", "write to us"),
    "G08": ("notice/retention_rules", lambda one: tuple(rule.id for rule in one.retention)),
    "G09": ("notice/rights", RIGHTS),
    "G10": ("contacts", with_officer),
    "G11": ("notice/purpose_list", EVERY_PURPOSE),
    "G12": ("notice/research_data_called", "pseudonymised"),
    "G13": ("categories", without_labels),
    "G14": ("notice/bases/0/text", "It is necessary to protect somebody's vital interests."),
    "G15": ("notice/bases/1/article6", ("e",)),
    "G16": (
        "notice/nhs_number_objection",
        NhsNumberObjection(
            legal_hook="UK GDPR Art 21(1)", scope="P11", consequence="by name", effect_on_cpis="no"
        ),
    ),
    "G17": ("notice/cpis_statuses", CPIS_ALSO_SHARED),
    "G18": ("notice/addressees", ("children", "families", "expectant mothers")),
    "G19": ("notice/sources_of_data", ("schools",)),
    "G20": ("recipients", plain_recipients),
    "G21": ("notice/human_involvement", "meaningful"),
    "G22": ("notice/consequences_of_not_providing", ("no service",)),
    "G23": ("notice/reviewed", "2026-07"),
    "G24": ("notice/links", (Link(label="CP-IS", address="www.bolton.example"),)),
    "G25": ("notice/formats", ("adult register", "child-friendly")),
    "G26": (
        "notice/incorporates",
        (IncorporatedNotice(title="primary", address="www.bolton.example", version="7"),),
    ),
    "G27": ("contacts/1/doubtful_from", None),
    "G28": ("notice/transfers", "none"),
    "G29": ("notice/bases/1/acts", ("Children Act 1989", "Children Act 2004")),
    "G30": ("notice/notifies_changes", True),
    "G31": ("notice/policy_document", "APD-1"),
    "G32": ("notice/references", ("ROPA", "DPIA")),
}


def codes(document: CatalogueDocument, at: datetime = NOW) -> list[str]:
    return [finding.code for finding in gaps(document, at=at)]


def cured(document: CatalogueDocument, code: str) -> CatalogueDocument:
    path, value = CURES[code]
    return with_field(document, path, value(document) if callable(value) else value)


def test_the_real_notice_has_exactly_these_gaps_in_this_order() -> None:
    assert codes(BOLTON_3) == SEED


@pytest.mark.parametrize("code", SEED)
def test_curing_the_field_of_a_gap_removes_that_gap_and_adds_none(code: str) -> None:
    assert codes(cured(BOLTON_3, code)) == [other for other in SEED if other != code]


@pytest.mark.parametrize("code", SEED)
def test_a_gap_points_at_the_field_that_cures_it(code: str) -> None:
    pointer = next(one.pointer for one in gaps(BOLTON_3, at=NOW) if one.code == code)

    assert pointer.startswith(f"/{CURES[code][0]}")


def test_curing_every_field_leaves_no_gap() -> None:
    document = BOLTON_3
    for code in SEED:
        document = cured(document, code)

    assert codes(document) == []


def test_a_gap_that_the_primary_notice_may_cure_says_so() -> None:
    found = gaps(BOLTON_3, at=NOW)

    assert {one.code for one in found if one.depends_on_primary_notice} == PRIMARY
    assert {one.code for one in found if "depends on primary notice" in one.message} == PRIMARY


def test_no_gap_depends_on_a_primary_notice_that_is_not_made_part_of_this_one() -> None:
    alone = with_field(BOLTON_3, "notice/incorporates", ())

    assert not any(one.depends_on_primary_notice for one in gaps(alone, at=NOW))


def test_the_severities_are_those_of_the_list() -> None:
    by_severity: dict[str, list[str]] = {}
    for one in gaps(BOLTON_3, at=NOW):
        by_severity.setdefault(one.severity, []).append(one.code)

    errors = "G02 G03 G04 G05 G06 G07 G08 G09 G10 G12 G31"
    assert by_severity.pop("ERROR") == errors.split()
    assert by_severity.pop("INFO") == ["G30", "G32"]
    assert set(by_severity) == {"WARN"}


def test_a_gap_begins_with_the_law_that_makes_it_one() -> None:
    """The notice as it stood on its own day: complaints, Article 22A and the review came later."""
    later = {"G07", "G20", "G21", "G23", "G27"}
    vague = {"G20"}  # Some recipients were vague from the start.

    then = codes(BOLTON_3, datetime(2021, 11, 30, tzinfo=UTC))

    assert then == [code for code in SEED if code not in later - vague]


@pytest.mark.parametrize(
    ("code", "path", "value"),
    [
        ("G12", "notice/research_data_called", None),
        ("G16", "notice/nhs_number_objection", None),
        ("G23", "notice/reviewed", "2026-06"),
        ("G23", "notice/reviewed", None),
        ("G27", "contacts/1/doubtful_from", date(2027, 1, 1)),
        ("G27", "contacts/1/doubtful_from", date(2026, 11, 23)),
    ],
)
def test_what_a_field_holds_decides(code: str, path: str, value: object) -> None:
    changed = codes(with_field(BOLTON_3, path, value))

    silent = value == date(2027, 1, 1) or path.endswith("research_data_called")
    assert (code in changed) is not silent


@pytest.mark.parametrize("field", ["legal_hook", "scope", "consequence", "effect_on_cpis"])
def test_objecting_to_the_nhs_number_needs_all_four_said(field: str) -> None:
    clear = cured(BOLTON_3, "G16")

    assert "G16" in codes(with_field(clear, f"notice/nhs_number_objection/{field}", None))


def test_a_hook_in_a_law_for_adults_is_no_hook() -> None:
    clear = cured(BOLTON_3, "G16")
    hooked = with_field(clear, "notice/nhs_number_objection/legal_hook", "HSCA2012 s.251A")

    assert "G16" in codes(hooked)


def test_an_offence_label_is_mislabelled_once_there_is_a_route() -> None:
    """Until then it is part of the missing route, so that each gap has its own field."""
    routed = cured(BOLTON_3, "G02")
    calls = [one.law if one.law != "offence" else "special" for one in routed.categories]
    labels = tuple(
        msgspec.structs.replace(one, notice_calls=call, notice_omits=())
        for one, call in zip(routed.categories, calls, strict=True)
    )

    assert "G13" in codes(msgspec.structs.replace(routed, categories=labels))
    assert "G13" not in codes(msgspec.structs.replace(BOLTON_3, categories=labels))


def test_a_part_left_out_is_a_gap_even_under_the_right_label() -> None:
    right = cured(BOLTON_3, "G13")
    omitting = with_field(right, "categories/8/notice_omits", ("sex life",))

    assert [one.pointer for one in gaps(omitting, at=NOW) if one.code == "G13"] == [
        "/categories/8/notice_omits"
    ]


def test_a_catalogue_without_a_notice_has_no_text_to_find_gaps_in() -> None:
    assert SCENARIOS.notice is None
    assert codes(SCENARIOS) == []


def test_what_the_notice_need_not_speak_of_is_no_gap() -> None:
    """No consent, no unborn child, no NHS number and no indirect data: nothing to say of them."""
    plain = msgspec.structs.replace(
        BOLTON_3,
        purposes=tuple(one for one in BOLTON_3.purposes if one.id in ("P01", "P09")),
        categories=tuple(msgspec.structs.replace(c, indirect=False) for c in BOLTON_3.categories),
    )
    plain = with_field(plain, "notice/bases", BOLTON_3.notice.bases[:2] if BOLTON_3.notice else ())

    gone = {"G04", "G05", "G12", "G16", "G17", "G18", "G19"}
    assert gone.isdisjoint(codes(plain))


def test_the_illustrative_notice_leaves_what_no_catalogue_can_resolve() -> None:
    assert codes(BOLTON_4) == ["G25", "G27"]
    assert validate(BOLTON_4, at=NOW, law=law()) == []
    assert BOLTON_4.illustrative
    assert all(code in (BOLTON_4.note or "") for code in ("G25", "G27"))


def test_the_seed_has_everything_that_the_notice_has() -> None:
    notice = BOLTON_3.notice
    assert notice is not None
    assert [one.id for one in BOLTON_3.purposes] == [f"P{n:02}" for n in range(1, 21)]
    assert [one.id for one in BOLTON_3.categories] == [f"D{n:02}" for n in range(1, 20)]
    assert [one.id for one in BOLTON_3.recipients] == [f"R{n:02}" for n in range(1, 14)]
    assert [one.id for one in notice.bases] == ["L1", "L2", "L3"]
    assert [one.id for one in BOLTON_3.contacts] == ["Z01", "Z02", "Z03"]
    said = {one.id for one in notice.statements}
    assert said >= {*(f"X{n:02}" for n in range(1, 8)), *(f"Y{n:02}" for n in range(1, 5)), "N01"}


def test_only_the_unspecified_consent_purpose_cannot_be_resolved() -> None:
    assert [one.id for one in BOLTON_3.purposes if not one.resolvable] == ["P18"]
    assert all(one.resolvable for one in BOLTON_4.purposes)


def words_of(document: CatalogueDocument) -> Iterator[str]:
    assert document.notice is not None
    yield from (one.seed_quote for one in document.purposes if one.seed_quote)
    yield from (one.text for one in document.notice.bases)
    yield from (one.text for one in document.notice.statements if one.text)


def test_the_seed_quotes_only_what_was_read_in_the_notice() -> None:
    read = Path(__file__).with_name("notice_quotes.txt").read_text(encoding="utf-8").splitlines()

    assert set(words_of(BOLTON_3)) == set(read)
    assert all(one.seed_quote for one in BOLTON_3.purposes)
    assert not any(one.seed_quote for one in BOLTON_4.purposes)


def test_the_lines_of_the_seed_are_among_the_candidates() -> None:
    for purpose in BOLTON_3.purposes:
        assert purpose.candidates is not None
        assert {one.article6 for one in purpose.lines} <= set(purpose.candidates.article6)
        letters = {one.article9 for one in purpose.conditions}
        assert letters <= {name.removeprefix("9") for name in purpose.candidates.article9}
        paragraphs = {one.schedule1 for one in purpose.conditions if one.schedule1}
        assert paragraphs <= set(purpose.candidates.schedule1)


def test_no_last_resort_stands_in_a_catalogue() -> None:
    """(d) and 9(2)(c) belong to one person in one emergency: as standing lines they always live."""
    for document in (BOLTON_3, BOLTON_4):
        for purpose in document.purposes:
            assert all(one.article6 != "d" for one in purpose.lines)
            assert all(one.article9 != "c" for one in purpose.conditions)


def test_every_finding_names_its_article_and_holds_a_pointer() -> None:
    found = [*gaps(BOLTON_3, at=NOW), *validate(BOLTON_3, at=NOW, law=law())]

    assert all(one.rule and re.fullmatch(r"(/[A-Za-z0-9_]+)+", one.pointer) for one in found)
