"""Reading a catalogue document: every field named that cannot be read, and none of its values."""

import json
from datetime import date

import msgspec
import pytest

from ledger.catalogue import CatalogueDocument, Condition, Line, Purpose, read_catalogue
from ledger.civil import start_of_day
from ledger.errors import Malformed
from tests.unit.catalogues import BOLTON_3, BOLTON_4, PURPOSE, SCENARIOS, SOUND, with_field


def written(document: CatalogueDocument) -> bytes:
    return msgspec.json.encode(document)


@pytest.mark.parametrize(
    "document", [SCENARIOS, BOLTON_3, BOLTON_4, SOUND], ids=["scenarios", "3.0", "4.0", "small"]
)
def test_a_document_reads_back_as_it_was_written(document: CatalogueDocument) -> None:
    assert read_catalogue(written(document)) == document


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("purposes/0/controller", "NOBODY", "catalogue.purposes[0].controller"),
        ("purposes/0/recipients", ("SCHOOL", "NOBODY"), "catalogue.purposes[0].recipients[1]"),
        ("purposes", (PURPOSE, PURPOSE), "catalogue.purposes[1].id"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(path: str, value: object, field: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_catalogue(written(with_field(SOUND, path, value)))

    assert refused.value.field == field
    assert "NOBODY" not in str(refused.value)


@pytest.mark.parametrize("value", ["Jane Doe", "x - at `$.Jane", "Jane's\n'"])
def test_a_word_on_no_list_is_named_by_its_field_and_not_repeated(value: str) -> None:
    document = json.loads(written(SOUND))
    document["purposes"][0]["lines"][0]["article6"] = value

    with pytest.raises(Malformed, match="Invalid enum value") as refused:
        read_catalogue(json.dumps(document).encode())

    assert refused.value.field == "catalogue.purposes[0].lines[0].article6"
    assert "Jane" not in str(refused.value)


def test_an_unknown_field_is_refused() -> None:
    document = {**json.loads(written(SOUND)), "default_decision": "PERMIT"}

    with pytest.raises(Malformed, match="catalogue: Object contains unknown field"):
        read_catalogue(json.dumps(document).encode())


@pytest.mark.parametrize("name", ["Sam Example", "9434765919", "a" * 41, "a" * 200_000])
def test_a_field_that_is_no_word_is_not_repeated(name: str) -> None:
    text = written(SOUND)[:-1] + f', "{name}": 1}}'.encode()

    with pytest.raises(Malformed, match="catalogue: Object contains unknown field$") as refused:
        read_catalogue(text)

    assert name not in str(refused.value)


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(Malformed, match="catalogue: is not JSON"):
        read_catalogue(b"{")


def test_a_purpose_left_bare_permits_nothing() -> None:
    """No default of a purpose gives it a line, a condition, a route, or a lighter rule."""
    bare = Purpose(id="P", controller="C", title="t", task=True, optional=False, lines=())

    assert (bare.lines, bare.conditions, bare.offence_route) == ((), (), None)
    assert not (bare.research or bare.direct_marketing or bare.nhs_number_matching)
    assert not bare.child_service
    assert bare.resolvable


def test_a_purpose_says_itself_whether_it_is_a_task_and_optional() -> None:
    for field in ("task", "optional", "lines", "controller"):
        document = json.loads(written(SOUND))
        del document["purposes"][0][field]
        with pytest.raises(Malformed, match=f"missing required field `{field}`"):
            read_catalogue(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("offered", "counselling", "expected"),
    [(True, None, True), (True, False, True), (True, True, False), (False, None, False)],
)
def test_an_online_service_for_children_has_the_age_rule(
    offered: bool, counselling: bool | None, expected: bool
) -> None:
    purpose = msgspec.structs.replace(
        PURPOSE,
        information_society_service=True,
        offered_to_children=offered,
        preventive_or_counselling=counselling,
    )

    assert purpose.child_service is expected
    offline = msgspec.structs.replace(purpose, information_society_service=False)
    assert not offline.child_service


def test_a_line_covers_whole_days_in_london() -> None:
    line = Line(article6="e", effective_from=date(2026, 7, 1), effective_until=date(2026, 12, 1))

    assert line.start() == start_of_day(date(2026, 7, 1))
    assert line.end() == start_of_day(date(2026, 12, 1))
    assert Line(article6="e", effective_from=date(2026, 7, 1)).end() is None


def test_a_condition_is_spelt_as_answers_name_it() -> None:
    assert Condition(article9="h", schedule1=2).spelt() == "9(2)(h)+Sch1(2)"
    assert Condition(article9="a").spelt() == "9(2)(a)"
