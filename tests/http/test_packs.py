"""Packs over HTTP: who may have one, what it holds, and for how long it can be had again."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from litestar import Litestar

from api.app import create_app
from api.erasing import opened as erasers
from api.issuer import Issuer
from api.packing import KEPT
from api.packs import MAKING
from api.runtime import Places, Runtime, running
from projections.packs.recompute import recomputed
from projections.packs.verifier.evidence import Evidence
from projections.packs.verifier.main import holds
from projections.packs.verifier.main import verified as claims_of
from tests.http.audited import digest, left
from tests.http.bound import bound, forbidden
from tests.http.packing import publish
from tests.http.service import SETTINGS, Service, malformed, recorded, scratch, served, subject
from tests.integration.erasing import erasure
from tests.integration.packing import files_of, lines_of, verified
from tests.integration.wired import born, consent, withdrawal
from tests.packs import disclosed

GIVEN, TAKEN_BACK = "2026-03-02T10:00:00Z", "2026-05-01T10:00:00Z"
NOTE = "Jane Roe told us on the telephone"


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


@pytest.fixture
def person(service: Service) -> UUID:
    """Somebody who took back a consent to PHOTO."""
    made = subject()
    recorded(service.caller.record(made, born(), consent(made, GIVEN, note=NOTE)))
    recorded(service.caller.record(made, withdrawal(made, TAKEN_BACK)))
    return made


def ordered(service: Service, person: UUID, **words: Any) -> httpx.Response:
    """A pack asked for."""
    body = {"subject": str(person), "moments": [GIVEN], **words}
    return service.caller.post("/v1/packs", body)


def had(service: Service, response: httpx.Response) -> bytes:
    """The bytes of the pack that was made."""
    assert response.status_code == 201, response.text
    assert response.headers["location"] == f"/v1/packs/{response.json()['pack']}"
    content = service.caller.http.get(response.json()["content"])
    assert content.status_code == 200, content.text
    assert content.headers["content-type"] == "application/zip"
    assert content.headers["cache-control"] == "no-store"
    return content.content


def test_a_pack_that_was_made_is_one_that_a_stranger_passes(
    service: Service, person: UUID, tmp_path: Path
) -> None:
    policy = publish(service).encode()
    response = ordered(service, person, purposes=["PHOTO"])
    data = had(service, response)
    assert verified(data, policy, tmp_path)["verdict"] == "PASS"
    claims = claims_of(Evidence(pack=data, policy=policy, recompute=recomputed))
    assert holds(claims)
    assert next(one for one in claims if one.claim == "answers").result == "PASS"
    asked = lines_of(data, "answers.jsonl")
    assert [one["answer"]["decision"] for one in asked] == ["DENY", "PERMIT"]
    assert "report.pdf" in str(files_of(data).keys())


def test_the_row_of_the_read_audit_is_the_pack(service: Service, person: UUID) -> None:
    publish(service)
    response = ordered(service, person, purposes=["PHOTO"], withhold=[
        {"field": "note", "reason": "names others"},
    ])  # fmt: skip
    made = response.json()
    query = "SELECT kind, subject, purpose, id, position, answer_digest FROM read_audit"
    ((kind, whom, purpose, id_, position, told),) = service.sql(
        f"{query} WHERE request = %s", response.headers["ledger-read-id"]
    )
    assert (kind, whom, purpose) == ("PACK", person, "PHOTO")
    assert (str(id_), position) == (made["pack"], made["position"])
    assert told.hex() == made["sha256"]
    data = had(service, response)
    assert sha256(data).hexdigest() == made["sha256"], "nothing was erased since"
    assert NOTE.encode() not in data
    for path in (f"/v1/packs/{made['pack']}", made["content"]):
        again = service.caller.http.get(path)
        (row,) = left(service, again)
        assert (row["kind"], row["subject"]) == ("PACK", person)
        assert row["answer_digest"] == digest(again)
        assert json.loads(row["question"]) == {"pack": made["pack"]}
        # A look at a pack is none itself.
        assert service.caller.http.get(f"/v1/packs/{row['id']}").status_code == 404
    assert service.caller.http.get(f"/v1/packs/{made['pack']}").json() == made


def test_what_is_erased_is_in_no_pack_that_is_had_later(service: Service, person: UUID) -> None:
    publish(service)
    response = ordered(service, person)
    assert NOTE in opened(had(service, response))
    recorded(service.caller.record(person, erasure()))
    assert asyncio.run(executed(service.where)) == ["EXECUTED"]
    assert NOTE not in opened(had(service, response))
    publish(service)
    later = had(service, ordered(service, person))
    assert b"Erasure executed" in files_of(later)["data/report.html"]
    assert NOTE not in opened(later)


async def executed(where: Places) -> list[str]:
    """What another process makes of the erasures that are recorded."""
    async with running(where, SETTINGS) as ledger, erasers(ledger) as made:
        return [one.outcome for one in await made.eraser.work()]


def opened(data: bytes) -> str:
    """Every field that is shown."""
    texts = [text for one in lines_of(data, "events.jsonl") for text in one.get("disclosures", ())]
    return json.dumps([disclosed([text]) for text in texts])


def test_a_pack_can_be_had_for_a_day(service: Service, person: UUID) -> None:
    publish(service)
    made = ordered(service, person).json()
    path = f"/v1/packs/{made['pack']}"
    assert service.caller.http.get(path).status_code == 200
    clock(service, KEPT + timedelta(minutes=1))
    try:
        for each in (path, made["content"]):
            response = service.caller.http.get(each)
            assert response.status_code == 404
            assert "within the last day" in response.json()["detail"]
    finally:
        clock(service, timedelta())


def clock(service: Service, later: timedelta) -> None:
    """The ledger's clock is so much ahead."""
    seconds = int(later.total_seconds())
    with psycopg.connect(service.where.database) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION ledger_clock() RETURNS timestamptz LANGUAGE sql VOLATILE"
            f" RETURN clock_timestamp() + {seconds} * interval '1 second'".encode()
        )


def test_nobody_but_an_auditor_of_all_purposes_has_one(service: Service, person: UUID) -> None:
    publish(service)
    made = ordered(service, person).json()
    narrow = bound(service, "PHOTO")
    forbidden(narrow.post("/v1/packs", {"subject": str(person), "purposes": ["PHOTO"]}))
    forbidden(narrow.http.get(f"/v1/packs/{made['pack']}"))
    forbidden(narrow.http.get(made["content"]))
    assert service.caller_with("history").http.get(made["content"]).status_code == 403
    assert service.caller.http.get(f"/v1/packs/{uuid4()}").status_code == 404
    assert service.caller.http.get(f"/v1/packs/{uuid4()}/content").status_code == 404


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"moments": ["2026"]}, "moments"),
        ({"from": "yesterday"}, "from"),
        ({"from": TAKEN_BACK, "until": GIVEN}, "until"),
        ({"withhold": [{"field": "nnote", "reason": "why"}]}, "withhold"),
        ({"subject": None, "moments": []}, "subject"),
        ({"purposes": ["\0"]}, "purposes"),
        ({"at": [GIVEN]}, "body"),
    ],
)
def test_an_order_that_cannot_be_carried_out_names_the_field(
    service: Service, person: UUID, words: dict[str, Any], field: str
) -> None:
    publish(service)
    malformed(ordered(service, person, **words), field=field)


def test_without_a_checkpoint_none_can_be_made(postgres: str) -> None:
    with scratch(postgres) as where, served(where) as made:
        response = ordered(made, subject())
        assert (response.status_code, response.json()["type"]) == (503, "/problems/behind")
        assert "no checkpoint" in response.json()["detail"]


def test_one_pack_is_made_at_a_time(postgres: str) -> None:
    apps: list[Litestar] = []

    def make_app(ledger: Runtime, issuer: Issuer) -> Litestar:
        apps.append(create_app(ledger, issuer))
        return apps[0]

    with scratch(postgres) as where, served(where, make_app=make_app) as made:
        publish(made)
        lock: asyncio.Lock = apps[0].state[MAKING]
        assert asyncio.run(lock.acquire())
        response = ordered(made, subject())
        assert (response.status_code, response.json()["type"]) == (503, "/problems/overloaded")
        lock.release()
        assert ordered(made, subject()).status_code == 201
