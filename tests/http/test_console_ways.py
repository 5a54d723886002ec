"""Ways to a page of the console: signing in, a reason, a number, two dates; and what pages send."""

import re
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest

from api.console.shell import POLICY
from tests.http.consoles import THEN, Console, Text, looked_at, shown

NHS_NUMBER = "9434765919"


@pytest.fixture(scope="module")
def console(postgres: str) -> Iterator[Console]:
    with looked_at(postgres) as made:
        yield made


def test_who_is_not_signed_in_is_led_to_sign_in(console: Console) -> None:
    with httpx.Client(base_url=console.service.url) as nobody:
        page = nobody.get(f"{console.place}?{THEN}")
        twin = nobody.get(f"{console.place}/bases.json")

    assert page.status_code == 303
    assert page.headers["location"] == (
        f"/console/sign-in?next=/console/people/{console.person}%3F"
        "effective_at%3D2024-03-14%26known_at%3D2024-04-01"
    )
    assert twin.status_code == 401
    assert twin.json()["type"] == "/problems/unauthenticated"


def test_a_reason_is_asked_once_and_leads_on(console: Console) -> None:
    reader = console.read_by("asked", reason=None)
    first = reader.get(f"{console.place}?{THEN}")
    assert first.status_code == 303
    assert first.headers["location"].startswith(f"{console.place}/reason?next=")
    form = reader.get(first.headers["location"])
    (onward,) = re.findall(r'name="next" value="([^"]+)"', form.text)
    sent = {"form_token": "form-of-asked", "next": onward.replace("&amp;", "&")}

    empty = reader.post(f"{console.place}/reason", data={**sent, "reason": "  "})
    assert empty.status_code == 400
    assert shown(empty, 400).title.startswith("Error: ")
    assert 'href="#reason"' in empty.text

    stated = reader.post(f"{console.place}/reason", data={**sent, "reason": "Case 12"})
    assert (stated.status_code, stated.headers["location"]) == (303, f"{console.place}?{THEN}")
    assert "Viewing for: Case 12" in shown(reader.get(stated.headers["location"])).said()
    assert console.rows("asked")[0][2] == "Case 12"


def test_a_person_is_found_by_a_number_that_stands_in_no_address(console: Console) -> None:
    sent = {"form_token": "form-of-ana", "scheme": "nhs_number", "value": "943 476 5919"}
    found = console.reader.post("/console/people/find", data=sent)
    again = console.reader.post("/console/people/find", data={**sent, "value": NHS_NUMBER})

    place = found.headers["location"]
    assert found.status_code == 303 and again.headers["location"] == place
    assert UUID(place.removeprefix("/console/people/"))
    assert NHS_NUMBER not in place
    assert shown(console.reader.get(place)).headings


@pytest.mark.parametrize(
    ("sent", "field", "says"),
    [
        ({"scheme": "nhs_number", "value": ""}, "value", "Enter the number or reference"),
        ({"scheme": "nhs_number", "value": "9434765918"}, "value", "An NHS number has ten digits"),
        ({"scheme": "other", "other": "No!", "value": "1"}, "other", "Use lower-case letters"),
        ({"subject": "no uuid"}, "subject", "36 characters"),
    ],
)
def test_what_cannot_be_found_is_told_beside_its_field(
    console: Console, sent: dict[str, str], field: str, says: str
) -> None:
    response = console.reader.post(
        "/console/people/find", data={"form_token": "form-of-ana", **sent}
    )

    assert says in shown(response, 400).said()
    assert f'href="#{field}"' in response.text
    assert re.search(rf'<input[^>]*id="{field}"', response.text)


def test_a_form_of_no_session_does_nothing(console: Console) -> None:
    sent = {"scheme": "nhs_number", "value": NHS_NUMBER, "form_token": "another"}
    refused = console.reader.post("/console/people/find", data=sent)
    assert "You may not see this page" in shown(refused, 403).said()
    json = console.reader.post("/console/people/find", json=sent)
    assert shown(json, 415).headings


def test_dates_are_typed_and_lead_to_an_address_that_has_them(console: Console) -> None:
    typed = {
        "effective_at-day": "14", "effective_at-month": "3", "effective_at-year": "2024",
        "known_at-day": "1", "known_at-month": "april", "known_at-year": "2024",
        "purpose": "PHOTO",
    }  # fmt: skip
    response = console.reader.get(f"{console.place}/travel", params=typed)
    assert response.status_code == 303
    assert response.headers["location"] == f"{console.place}?purpose=PHOTO&{THEN}"

    why = console.reader.get(f"{console.place}/travel", params={**typed, "to": "why"})
    assert why.headers["location"] == f"{console.place}/why?purpose=PHOTO&{THEN}"


def test_a_date_that_is_none_is_told(console: Console) -> None:
    typed = {
        "effective_at-day": "30", "effective_at-month": "2", "effective_at-year": "2024",
        "known_at-day": "1", "known_at-month": "1", "known_at-year": "2030",
    }  # fmt: skip
    response = console.reader.get(f"{console.place}/travel", params=typed)
    page = shown(response, 400)

    assert "What was true on must be a real date" in page.said()
    assert "As the council knew it on must be today or in the past" in page.said()
    assert 'value="30"' in response.text


@pytest.mark.parametrize(
    "query",
    [
        "effective_at=yesterday",
        "known_at=2030-01-01",
        "known_at=2030-01-01T00:00:00Z",
        "purpose=NOPE",
        "part=0",
        "unknown=1",
        "effective_at=1710374400",
    ],
)
def test_an_address_that_cannot_be_read_is_told_as_a_page(console: Console, query: str) -> None:
    page = shown(console.reader.get(f"{console.place}?{query}"), 400)

    assert page.headings == ["There is a problem with the address"]
    assert str(console.person) not in page.said()


ELSEWHERE = re.compile(r'(?:src|href)="(?!/console|#|https://www\.legislation\.gov\.uk/)')
"""An address that is neither ours nor the law's."""
PUBLIC = ("/console/glossary", "/console/accessibility", "/console/how-do-we-know")


@pytest.mark.parametrize("place", PUBLIC)
def test_how_the_console_works_is_told_to_everybody(console: Console, place: str) -> None:
    with httpx.Client(base_url=console.service.url) as nobody:
        assert len(shown(nobody.get(place)).headings) == 1


def test_every_page_is_titled_and_kept_to_itself(console: Console) -> None:
    places = [
        "/console",
        console.place,
        f"{console.place}?{THEN}",
        f"{console.place}/why?purpose=PHOTO",
        f"{console.place}/why?purpose=PHOTO&{THEN}",
        f"{console.place}/reason",
        f"{console.place}/travel?effective_at-day=99",
        "/console/nowhere",
        *PUBLIC,
    ]
    titles = []
    for place in places:
        response = console.reader.get(place)
        page = Text(response.text)
        titles.append(page.title)
        assert response.headers["content-security-policy"] == POLICY, place
        assert response.headers["cache-control"] == "no-store", place
        assert len(page.headings) == 1, place
        assert "<script>" not in response.text and " style=" not in response.text, place
        assert not re.search(
            r'(?:src|href)="(?!/console|#|https://www\.legislation\.gov\.uk/)', response.text
        ), place
        assert len(response.content) <= 100_000, place
    assert len(set(titles)) == len(titles)


def test_what_somebody_wrote_is_text_on_a_page(console: Console) -> None:
    reader = console.read_by("hostile", reason='<script>alert("x")</script>')
    page = reader.get(console.place).text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_an_asset_is_kept_for_ever_and_no_other_file_is_served(console: Console) -> None:
    page = console.reader.get("/console").text
    with httpx.Client(base_url=console.service.url) as nobody:
        for place in set(re.findall(r'(?:src|href)="(/console/assets/[^"]+)"', page)):
            response = nobody.get(place)
            assert response.status_code == 200, place
            assert "immutable" in response.headers["cache-control"]
        assert nobody.get("/console/assets/LICENSE").status_code == 404
        assert nobody.get("/console/assets/..%2fwords.toml").status_code == 404
