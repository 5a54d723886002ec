"""Clients of a narrow grant, requests of every call about people, and what a response betrays.

A new call is entered here: in `REQUESTS` where it is about one person, in `LISTS` where it is about
people, in `COMMON` where it is about nobody or is for grants over every purpose alone.
"""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx

from api.access import SCOPES
from tests.http.routes import Call
from tests.http.service import Caller, Service, recorded
from tests.integration.wired import consent, entry, withdrawal

GRANTED, OTHER = "PHOTO", "STUDY"
MOMENT, LATER = "2026-06-01T00:00:00Z", "2026-09-01T00:00:00Z"

Request = tuple[str, str, dict[str, Any]]
Told = tuple[int, dict[str, str], str]


def bound(service: Service, *purposes: str, types: tuple[str, ...] = ("*",)) -> Caller:
    """A client with every scope whose grant is over these purposes and types of entry."""
    token = service.issuer.token(
        "narrow", SCOPES, seconds=3600, purposes=purposes, entry_types=types
    )
    return service.stranger(token)


def known_otherwise(service: Service, person: UUID) -> None:
    """Much is recorded of the person, all of it for other purposes than the granted one."""
    for facts in (
        [consent(person, "2026-02-01", OTHER), consent(person, "2026-02-02", "GROUP")],
        [withdrawal(person, "2026-03-01", OTHER)],
        [
            entry("ObjectionReceived", "2026-03-02", purpose="RESEARCH") | {"kind": "ART21_6"},
            entry("RestrictionApplied", "2026-03-03", purpose=OTHER, ground="a"),
            entry("ComplaintReceived", "2026-03-04", purpose=OTHER),
            entry("DisclosureRecorded", "2026-03-05", purpose=OTHER, recipient="PRESS"),
        ],
    ):
        recorded(service.caller.record(person, *facts))


def forbidden(response: httpx.Response) -> None:
    """The client may not ask this."""
    assert response.status_code == 403, response.text
    assert response.json()["type"] == "/problems/forbidden"
    assert response.headers["www-authenticate"].endswith('error="insufficient_scope"')


def known_now(service: Service) -> str:
    """The stamp of the last entry: what is known then has every entry so far."""
    query = """
        SELECT to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        FROM log_head WHERE log = 0
    """
    return str(service.sql(query)[0][0])


def asking(call: Call, person: UUID, purpose: str, known: str) -> list[Request]:
    """Requests of the call about this person and purpose, in all the ways that there are."""
    method, path = call
    path = path.replace("{subject:uuid}", str(person))
    return [(method, path, one) for one in REQUESTS[call](str(person), purpose, known)]


def _question(person: str, purpose: str, **more: Any) -> dict[str, Any]:
    return {"subject": person, "purpose": purpose, "effective_at": MOMENT, **more}


def _checks(person: str, purpose: str, known: str) -> list[dict[str, Any]]:
    ways: list[dict[str, Any]] = [
        {"explain": "full"},
        {"explain": "none"},
        {"known_at": known},
        {"known_at": MOMENT},
        {"at_position": "0:1"},
        {"min_position": "0:1"},
        {"effective_at": "2026-06-01"},
        {"data": ["NOTES"]},
        {"operation": "SHARE", "recipient": "PRESS"},
        {"exception": "none"},
    ]
    return [{"json": _question(person, purpose, **one)} for one in ways]


def _batch(person: str, purpose: str, _: str) -> list[dict[str, Any]]:
    checks = [{"id": "1", **_question(person, purpose)}]
    checks.append({"id": "2", **_question(person, GRANTED, explain="full")})
    return [{"json": {"checks": checks}}]


def _evaluation(person: str, purpose: str) -> dict[str, Any]:
    return {
        "subject": {"type": "service", "id": "case-system"},
        "action": {"name": "process", "properties": {"processing_activity_id": purpose}},
        "resource": {"type": "person", "id": person},
        "context": {"time": MOMENT},
    }


def _search(person: str, _: str, __: str) -> list[dict[str, Any]]:
    asked = {name: value for name, value in _evaluation(person, "").items() if name != "action"}
    return [{"json": asked | {"page": {"limit": limit}}} for limit in (0, 1, 100)]


def _bases(_: str, __: str, known: str) -> list[dict[str, Any]]:
    every = ({"effective_at": MOMENT}, {"effective_at": LATER, "known_at": known})
    return [{"params": one} for one in every]


def _diff(_: str, __: str, known: str) -> list[dict[str, Any]]:
    before = {"effective_at": MOMENT, "known_at": known}
    ways = ({"then_effective_at": LATER, "then_known_at": known},
            {"then_effective_at": MOMENT, "then_known_at": MOMENT})  # fmt: skip
    return [{"params": before | one} for one in ways]


REQUESTS: dict[Call, Callable[[str, str, str], list[dict[str, Any]]]] = {
    ("POST", "/v1/checks"): _checks,
    ("POST", "/v1/checks/batch"): _batch,
    ("GET", "/v1/subjects/{subject:uuid}/bases"): _bases,
    ("GET", "/v1/subjects/{subject:uuid}/bases/diff"): _diff,
    ("GET", "/v1/subjects/{subject:uuid}/entries"): lambda *_: [
        {"params": {"limit": limit}} for limit in (1, 50)
    ],
    ("POST", "/access/v1/evaluation"): lambda person, purpose, _: [
        {"json": _evaluation(person, purpose)}
    ],
    ("POST", "/access/v1/evaluations"): lambda person, purpose, _: [
        {"json": {"evaluations": [_evaluation(person, one) for one in (purpose, GRANTED)]}}
    ],
    ("POST", "/access/v1/search/action"): _search,
    ("POST", "/v1/subjects/{subject:uuid}/entries"): lambda person, purpose, _: [
        {
            "json": {"entries": [consent(UUID(person), "2026-05-01", purpose)]},
            "headers": {"idempotency-key": person},
        }
    ],
    ("POST", "/v1/subjects/resolve"): lambda person, _, __: [
        {"json": {"scheme": "case_number", "value": person}}
    ],
}
RECORDING: set[Call] = {
    ("POST", "/v1/subjects/{subject:uuid}/entries"),
    ("POST", "/v1/subjects/resolve"),
}
LISTS: set[Call] = {
    ("GET", "/v1/purposes/{purpose:str}/subjects"),
    ("GET", "/v1/exposures"),
    ("GET", "/v1/feed"),
    ("GET", "/v1/feed/stream"),
}
COMMON: set[Call] = {
    ("POST", "/v1/entries"),
    ("GET", "/v1/catalogue"),
    ("PUT", "/v1/catalogue"),
    ("GET", "/v1/reads"),
    ("POST", "/v1/packs"),
    ("GET", "/v1/packs/{pack:uuid}"),
    ("GET", "/v1/packs/{pack:uuid}/content"),
    ("GET", "/v1/feed/consumers"),
    ("PUT", "/v1/feed/consumers/{consumer:str}"),
    ("GET", "/v1/feed/consumers/{consumer:str}"),
    ("DELETE", "/v1/feed/consumers/{consumer:str}"),
    ("POST", "/v1/feed/consumers/{consumer:str}/secrets"),
    ("POST", "/v1/feed/consumers/{consumer:str}/acknowledgements"),
    ("GET", "/v1/feed/overdue"),
    ("GET", "/v1/log/receipts/{entry:uuid}"),
    ("GET", "/v1/log/proof/{entry:uuid}"),
    ("GET", "/v1/log/proofs/inclusion"),
    ("GET", "/v1/log/proofs/consistency"),
    ("GET", "/v1/log/leaves"),
}

OWN = {"date", "x-request-id", "ledger-read-id", "ratelimit"}
"""Headers that the very request has, or that count what its client asked."""


def told(caller: Caller, request: Request, person: UUID) -> Told:
    """The whole response, but for the person's id and what no two responses share."""
    method, url, more = request
    response = caller.http.request(method, url, **more)
    headers = {name: text for name, text in response.headers.items() if name not in OWN}
    text = re.sub(r'"instance":"urn:uuid:[^"]*"', "", response.text)
    text = re.sub(r'"read":"[^"]*"', "", text)
    return response.status_code, headers, text.replace(str(person), "PERSON")


def unnumbered(response: Told) -> Told:
    """The same without what counts the entries of all people, and without random ids."""
    status, headers, text = response
    headers = {name: value for name, value in headers.items() if name != "content-length"}
    text = re.sub(r"0:\d+:[0-9a-f]{8}", "POSITION", text)
    text = re.sub(r'"leaf_index":\d+|"(leaf_hash|promise)":"[^"]*"', "RECEIPT", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
    return status, headers, re.sub(r'"recorded_at":"[^"]*"', "STAMP", text)
