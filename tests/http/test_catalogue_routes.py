"""The catalogue over HTTP: adopted whole and once, or refused with the place that bars it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.service import (
    CATALOGUE,
    IN_FORCE_SINCE,
    SETTINGS,
    Service,
    answer_of,
    malformed,
    recorded,
    refusal,
    scratch,
    served,
    subject,
)
from tests.integration.wired import born, consent
from tests.unit.catalogues import FILES

BOLTON = (FILES / "bolton-3.0.json").read_bytes()
LIMIT = SETTINGS.catalogue_bytes_max


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


@pytest.fixture(scope="module")
def bolton(postgres: str) -> Iterator[Service]:
    """A ledger whose catalogue is the council's notice of 2021."""
    with scratch(postgres) as where, served(where, catalogue=BOLTON) as made:
        yield made


def changed(**purposes: dict[str, Any] | None) -> bytes:
    """The scenarios' catalogue with fields of a purpose replaced, or the purpose left out."""
    document = json.loads(CATALOGUE)
    document["purposes"] = [
        one | (purposes.get(one["id"]) or {})
        for one in document["purposes"]
        if purposes.get(one["id"], {}) is not None
    ]
    return json.dumps(document).encode()


def place(document: bytes, purpose: str) -> int:
    return [one["id"] for one in json.loads(document)["purposes"]].index(purpose)


def test_the_catalogue_adopted_last_is_answered(service: Service) -> None:
    response = service.caller.http.get("/v1/catalogue")

    document = answer_of(response)
    assert {one["id"] for one in document["purposes"]} == {
        one["id"] for one in json.loads(CATALOGUE)["purposes"]
    }
    assert response.headers["cache-control"] == "no-store"


def test_an_adoption_is_recorded_as_one_entry(service: Service) -> None:
    before = service.size()

    body = recorded(service.caller.adopt(CATALOGUE, effective_at=IN_FORCE_SINCE))

    assert [one["type"] for one in body["entries"]] == ["CatalogueAdopted"]
    assert body["position"] == body["entries"][0]["position"]
    assert service.size() == before + 1


def test_the_next_answer_rests_on_the_catalogue_acknowledged(service: Service) -> None:
    person = subject()
    before = answer_of(service.caller.check(person, "ASSESS"))

    position = recorded(service.caller.adopt(changed(ASSESS=None)))["position"]

    after = answer_of(service.caller.check(person, "ASSESS"))
    then = service.caller.check(
        person, "ASSESS", effective_at=before["effective_at"], known_at=before["known_at"]
    )
    assert (before["decision"], after["decision"]) == ("PERMIT", "DENY")
    assert (after["catalogue"], after["flags"]) == (position, ["UNKNOWN_PURPOSE"])
    assert answer_of(then) == before
    recorded(service.caller.adopt(CATALOGUE))


def test_a_catalogue_of_the_past_is_in_force_from_its_own_moment(service: Service) -> None:
    person = subject()
    recorded(service.caller.adopt(changed(ASSESS=None), effective_at="2020-01-01T00:00:00Z"))
    recorded(service.caller.adopt(CATALOGUE, effective_at="2021-01-01T00:00:00Z"))

    decisions = [
        answer_of(service.caller.check(person, "ASSESS", effective_at=f"{year}-06-01T00:00:00Z"))
        for year in (2019, 2020, 2021)
    ]

    assert [one["decision"] for one in decisions] == ["PERMIT", "DENY", "PERMIT"]


def test_the_same_adoption_sent_again_is_answered_as_the_first_time(service: Service) -> None:
    first = service.caller.adopt(CATALOGUE, idempotency_key="again")
    before = service.size()

    again = service.caller.adopt(CATALOGUE, idempotency_key="again")
    other = service.caller.adopt(changed(ASSESS=None), idempotency_key="again")
    moment = service.caller.adopt(CATALOGUE, effective_at=IN_FORCE_SINCE, idempotency_key="again")

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert [one.json()["type"] for one in (other, moment)] == ["/problems/key-reused"] * 2
    assert service.size() == before


def test_the_same_adoption_may_be_spelt_otherwise(service: Service) -> None:
    first = service.caller.adopt(CATALOGUE, effective_at=IN_FORCE_SINCE, idempotency_key="spelt")
    before = service.size()
    document = dict(reversed(json.loads(CATALOGUE).items()))
    respelt = json.dumps(document, indent=3, ensure_ascii=False).encode()

    again = service.caller.adopt(
        respelt, effective_at="2018-05-25T01:00:00+01:00", idempotency_key="spelt"
    )

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["etag"] == first.headers["etag"]
    assert service.size() == before


def test_an_adoption_on_a_version_not_seen_is_not_recorded(service: Service) -> None:
    seen = service.caller.http.get("/v1/catalogue").headers["etag"]
    recorded(service.caller.adopt(CATALOGUE, if_match=seen))
    before = service.size()

    stale = service.caller.adopt(changed(ASSESS=None), if_match=seen)

    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/version-conflict")
    assert service.size() == before


# What the law bars.


@pytest.mark.parametrize("article6", ["ea", "f"])
def test_a_line_barred_for_a_public_authority_is_refused_with_its_pointer(
    service: Service, article6: str
) -> None:
    barred = {"article6": article6, "source": "none", "effective_from": "2026-02-05"}
    lines = [*_lines("ASSESS"), barred]
    document = changed(ASSESS={"lines": lines})
    before = service.size()

    response = service.caller.adopt(document)

    pointer = f"/entries/0/catalogue/purposes/{place(document, 'ASSESS')}/lines/1/article6"
    assert refusal(response) == ("PUBLIC_AUTHORITY_BAR", pointer)
    assert service.size() == before


def test_paragraph_18_beside_consent_is_refused(service: Service) -> None:
    document = changed(
        SAFEGUARD={"lines": [*_lines("SAFEGUARD"), *_lines("PHOTO")], "optional": True}
    )

    reason, pointer = refusal(service.caller.adopt(document))

    assert reason == "INCOMPATIBLE_18_CONSENT"
    assert pointer.startswith(f"/entries/0/catalogue/purposes/{place(document, 'SAFEGUARD')}/")


def _lines(purpose: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = next(
        one["lines"] for one in json.loads(CATALOGUE)["purposes"] if one["id"] == purpose
    )
    return lines


def test_consent_to_no_specific_purpose_is_refused(bolton: Service) -> None:
    person = subject()
    before = bolton.size()

    response = bolton.caller.record(person, born(), consent(person, "2026-03-02", purpose="P18"))

    assert refusal(response) == ("PURPOSE_NOT_RESOLVABLE", "/entries/1/purpose")
    assert bolton.size() == before
    assert answer_of(bolton.caller.check(person, "P18"))["decision"] == "DENY"


def test_the_councils_notice_answers_for_somebody_never_heard_of(bolton: Service) -> None:
    answer = answer_of(bolton.caller.check(subject(), "P01"))

    assert answer["catalogue"].startswith("0:1:")
    assert (answer["decision"], answer["live"]) == ("PERMIT", ["e"])


# What is no catalogue.


def put(service: Service, content: bytes | Iterator[bytes], **headers: str) -> Any:
    named = {"content-type": "application/json", "idempotency-key": "put"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    sent = {name: value for name, value in named.items() if value}
    return service.caller.http.put("/v1/catalogue", content=content, headers=sent)


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "application/jsonx"])
def test_what_does_not_say_it_is_json_is_not_read(service: Service, media_type: str) -> None:
    response = put(service, CATALOGUE, content_type=media_type)

    assert (response.status_code, response.json()["type"]) == (415, "/problems/media-type")


def test_json_may_name_its_character_set(service: Service) -> None:
    response = put(service, CATALOGUE, content_type="Application/JSON; charset=utf-8")

    recorded(response)


def test_a_catalogue_too_large_is_not_read(service: Service) -> None:
    declared = put(service, b" " * (LIMIT + 1))
    in_pieces = put(service, iter([b" " * LIMIT, b" "]))

    for response in (declared, in_pieces):
        assert (response.status_code, response.json()["type"]) == (413, "/problems/too-large")


def test_an_adoption_needs_a_key(service: Service) -> None:
    response = put(service, CATALOGUE, idempotency_key="")

    assert (response.status_code, response.json()["type"]) == (428, "/problems/key-required")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "catalogue"),
        (b'{"purposes": []}', "catalogue"),
        (b'{"controllers": [], "purposes": [], "nope": 1}', "catalogue"),
        (b'{"controllers": [], "purposes": [], "purposes": []}', "body"),
        (changed(PHOTO={"controller": "NOBODY"}), "catalogue.purposes[9].controller"),
        (changed(PHOTO={"optional": "yes"}), "catalogue.purposes[9].optional"),
        (changed(PHOTO={"lines": [{"article6": "z"}]}), "catalogue.purposes[9].lines[0].article6"),
    ],
    ids=range(9),
)
def test_what_is_no_catalogue_is_refused_and_the_field_named(
    service: Service, content: bytes, field: str
) -> None:
    before = service.size()

    malformed(put(service, content), field=field)

    assert service.size() == before


@pytest.mark.parametrize("text", ["20240314", "2024-03-14T00:00:00", "yesterday", ""])
def test_the_moment_of_an_adoption_is_an_instant(service: Service, text: str) -> None:
    response = service.caller.http.put(
        "/v1/catalogue",
        params={"effective_at": text},
        content=CATALOGUE,
        headers={"content-type": "application/json", "idempotency-key": "moment"},
    )

    malformed(response, field="effective_at")


def test_a_ledger_without_a_catalogue_denies_and_has_none_to_show(postgres: str) -> None:
    with scratch(postgres) as where, served(where, catalogue=None) as service:
        shown = service.caller.http.get("/v1/catalogue")
        answer = answer_of(service.caller.check(subject()))
        bases = answer_of(service.caller.http.get(f"/v1/subjects/{subject()}/bases"))

    assert (shown.status_code, shown.json()["type"]) == (404, "/problems/not-found")
    assert (answer["decision"], answer["flags"]) == ("DENY", ["UNKNOWN_PURPOSE"])
    assert (answer["position"], answer["catalogue"]) == ("0:0", "0:0")
    assert bases == {"bases": []}
