"""What one version of a catalogue changes in another, and which of it is material."""

from datetime import date

import msgspec
import pytest

from ledger.catalogue import CatalogueDocument, Condition
from ledger.catalogue_diff import Change, diff
from ledger.notice import Category, Recipient
from tests.unit.catalogues import BOLTON_3, BOLTON_4, CONSENT_LINE, PURPOSE, SOUND, with_field

FIRST, LINE = "purposes/0", "purposes/0/lines/0"


def only(document: CatalogueDocument, old: CatalogueDocument = SOUND) -> Change:
    [change] = diff(old, document)
    return change


def test_a_catalogue_changes_nothing_in_itself() -> None:
    assert diff(SOUND, SOUND) == []
    assert diff(BOLTON_3, BOLTON_3) == []


def test_a_purpose_that_comes_or_goes_always_matters() -> None:
    more = msgspec.structs.replace(PURPOSE, id="EXTRA")
    both = with_field(SOUND, "purposes", (PURPOSE, more))

    assert diff(SOUND, both) == [Change(purpose="EXTRA", kind="ADDED")]
    assert diff(both, SOUND) == [Change(purpose="EXTRA", kind="REMOVED")]
    assert diff(both, SOUND)[0].material
    assert diff(SOUND, both)[0].material


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (f"{FIRST}/controller", "CHARITY", "controller"),
        (f"{FIRST}/lines", (*PURPOSE.lines, CONSENT_LINE), "lines"),
        (f"{LINE}/source", "CA1989 s.47", "lines"),
        (f"{LINE}/effective_until", date(2030, 1, 1), "lines"),
        (f"{FIRST}/conditions", (Condition(article9="h", schedule1=2),), "conditions"),
        (f"{FIRST}/categories", (), "categories"),
        (f"{FIRST}/recipients", (), "recipients"),
        ("controllers/0/public_authority", False, "controller"),
        ("categories/0/classes", ("ordinary",), "categories"),
        ("recipients/0/title", "College", "recipients"),
        ("recipients/0/effective_until", date(2030, 1, 1), "recipients"),
        ("recipients/0/role", "processor", "recipients"),
    ],
)
def test_a_material_change_names_its_field(path: str, value: object, field: str) -> None:
    change = only(with_field(SOUND, path, value))

    assert (change.kind, change.fields, change.material_fields) == ("CHANGED", (field,), (field,))
    assert change.material


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (f"{FIRST}/title", "Home visits", "title"),
        (f"{FIRST}/triggers", ("CPP",), "triggers"),
        (f"{FIRST}/impact_assessment", "DPIA-2", "impact_assessment"),
        (f"{LINE}/objection_handling", "decided by the head of service", "lines"),
        (f"{LINE}/note", "as before", "lines"),
        (f"{FIRST}/conditions/0/reason", "cannot_give", "conditions"),
    ],
)
def test_words_that_change_no_basis_are_minor(path: str, value: object, field: str) -> None:
    change = only(with_field(SOUND, path, value))

    assert (change.fields, change.material_fields, change.material) == ((field,), (), False)


def test_a_recipient_on_our_instructions_is_minor_and_one_of_unknown_role_is_not() -> None:
    """Who decides over the data matters; a role that nobody states may be a controller's."""
    named = with_field(SOUND, f"{FIRST}/recipients", ("SCHOOL", "PRINTER"))
    old = with_field(SOUND, "recipients", (*SOUND.recipients, Recipient(id="PRINTER", title="P")))
    new = with_field(old, f"{FIRST}/recipients", named.purposes[0].recipients)

    assert only(new, old).material
    by_instruction = {"path": "recipients/1/role", "value": "processor"}
    assert not only(with_field(new, **by_instruction), with_field(old, **by_instruction)).material


def test_the_order_of_lines_and_lists_is_no_material_change() -> None:
    lines = (CONSENT_LINE, *PURPOSE.lines)
    old = with_field(SOUND, f"{FIRST}/lines", lines)
    new = with_field(SOUND, f"{FIRST}/lines", lines[::-1])

    assert (only(new, old).fields, only(new, old).material) == (("lines",), False)


def test_a_category_that_no_purpose_uses_changes_none() -> None:
    more = Category(id="UNUSED", title="Unused", classes=("special",))

    assert diff(SOUND, with_field(SOUND, "categories", (*SOUND.categories, more))) == []


def test_the_illustrative_notice_splits_and_replaces_purposes() -> None:
    changes = {change.purpose: change for change in diff(BOLTON_3, BOLTON_4)}
    kinds = {kind: {n for n, one in changes.items() if one.kind == kind} for kind in
             ("ADDED", "REMOVED")}  # fmt: skip

    assert kinds["ADDED"] == {"P02a", "P02b", "P02c", "CPIS_RECENT", "P18a", "P18b"}
    assert kinds["REMOVED"] == {"P02", "P18"}
    assert not changes["P19"].material
    assert changes["P10"].material_fields == ("recipients",)
