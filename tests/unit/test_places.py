"""Where in a request something stands: fields as errors name them, and places as callers find."""

import pytest

from api.places import located, pointer


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("body", ""),
        ("body.subject", "/subject"),
        ("body.checks", "/checks"),
        ("checks[1].known_at", "/checks/1/known_at"),
        ("entries[12].civil_dates[...]", "/entries/12/civil_dates"),
        ("catalogue.purposes[9].lines[0].article6", "/purposes/9/lines/0/article6"),
        ("entries[0].catalogue.purposes[1].id", "/entries/0/catalogue/purposes/1/id"),
        ("a~b/c", "/a~0b~1c"),
    ],
)
def test_a_field_of_the_body_has_a_pointer(field: str, place: str) -> None:
    assert pointer(field) == place
    assert located(field, elsewhere=()) == {"pointer": place}


def test_what_is_not_in_the_body_is_named_by_what_it_is() -> None:
    assert located("limit", elsewhere={"limit"}) == {"parameter": "limit"}
    assert located("effective_at", elsewhere={"limit"}) == {"pointer": "/effective_at"}
    assert located("If-Match", elsewhere=()) == {"header": "If-Match"}
    assert located("Prefer", elsewhere=()) == {"header": "Prefer"}
    assert located("query", elsewhere=()) == located("path", elsewhere=()) == {}
