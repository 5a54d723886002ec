"""The fixture of the AuthZEN certification scenario: its requests, who they are here, its checks.

Source: OpenID AuthZEN WG, "AuthZEN Authorization API 1.0 - Certification Scenario". Requests are
those of the scenario, word for word; the fixture is a person (`record-1`) who consented to two
purposes (`read`, `write`), and recipients of their data (`alice` of both, `bob` of the first), told
to the service in a file of words. What is claimed of it is in ops/docs/authzen.md.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from api.authzen_words import read_words
from tests.http.authzen import EVALUATION, EVALUATIONS, PUBLIC_URL, Json, face
from tests.http.service import CATALOGUE, Service, recorded, scratch
from tests.integration.wired import born, consent

RECORD_1 = UUID("5b0c2f4e-8f5f-4a53-9f0e-2f6c1d7a9b10")
WORDS = f"""
[types]
user = "recipient"
record = "person"
[people]
record-1 = "{RECORD_1}"
[actions]
read = {{ action = "share", purpose = "READING" }}
write = {{ action = "share", purpose = "WRITING" }}
"""

ALICE, BOB = ({"type": "user", "id": name} for name in ("alice", "bob"))
READ, WRITE = {"name": "read"}, {"name": "write"}
FIRST, SECOND = ({"type": "record", "id": name} for name in ("record-1", "record-2"))
TIME = "2025-06-27T18:03-07:00"
PERMITTED = {"subject": ALICE, "action": READ, "resource": FIRST}
"""Decision rule 1."""

CLAIMED = {
    "Basic Core": [
        "c-2-2-1", "c-2-2-2", "c-2-2-3", "c-2-2-8", "c-2-2-9", "c-2-3-1", "c-2-3-2", "c-2-4-1",
        "c-2-4-2", "c-2-4-3", "c-2-4-4", "c-2-4-5", "c-2-4-6", "c-2-5-1", "c-2-5-2", "c-2-6",
    ],
    "Batch Core": [
        "c-3-2-1", "c-3-2-2", "c-3-2-5", "c-3-2-6", "c-3-3-1", "c-3-3-2", "c-3-3-3", "c-3-3-4",
        "c-3-4-1", "c-3-4-2", "c-3-4-3",
    ],
    "Discovery": ["c-6-1", "c-6-2", "c-6-3", "c-6-4", "c-6-5", "c-6-6"],
}  # fmt: skip
TRANSPORT = ["c-5"]
OF_ACTION_SEARCH = [
    "c-4-4-1", "c-4-4-2", "c-4-5-1", "c-4-5-2", "c-4-5-3", "c-4-5-4", "c-4-6-1", "c-4-6-2",
    "c-4-7-1", "c-4-7-2",
]  # fmt: skip
"""Cases of Search Core, which is not claimed: two of its three searches are not offered."""
NOT_CLAIMED = [
    "c-2-2-4", "c-2-2-5", "c-2-2-6", "c-2-2-7", "c-3-2-3", "c-3-2-4", "c-3-2-7", "c-4-2-1",
    "c-4-2-2", "c-4-2-3", "c-4-2-4", "c-4-3-1", "c-4-3-2", "c-4-3-3", "c-4-3-4", "c-4-4-3",
]  # fmt: skip


def catalogue() -> bytes:
    """The scenarios' catalogue, with the two purposes and the two recipients."""
    document = json.loads(CATALOGUE)
    photo = next(one for one in document["purposes"] if one["id"] == "PHOTO")
    document["recipients"] = [
        {"id": name, "title": name, "role": "internal", "effective_from": "2018-05-25"}
        for name in ("alice", "bob")
    ]
    document["purposes"] += [
        photo | {"id": "READING", "title": "Reading", "recipients": ["alice", "bob"]},
        photo | {"id": "WRITING", "title": "Writing", "recipients": ["alice"]},
    ]
    return json.dumps(document).encode()


@contextlib.contextmanager
def certified(postgres: str, folder: Path) -> Iterator[Service]:
    """The service with the fixture."""
    path = folder / "words.toml"
    path.write_text(WORDS)
    words = read_words(str(path))
    with (
        scratch(postgres) as where,
        face(where, catalogue=catalogue(), words=words, public_url=PUBLIC_URL) as made,
    ):
        given = [consent(RECORD_1, "2025-01-02", purpose) for purpose in ("READING", "WRITING")]
        recorded(made.caller.record(RECORD_1, born(), *given))
        yield made


def evaluate(service: Service, body: object) -> Json:
    return decision_in(service.caller.post(EVALUATION, body))


def decision_in(response: httpx.Response) -> Json:
    """The decision, after the checks of c-2-3-1 and c-2-3-2, which hold for every response."""
    found: Json = json_of(response)
    require_decision(found)
    return found


def json_of(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()


def require_decision(found: Json) -> None:
    assert isinstance(found["decision"], bool)
    assert isinstance(found.get("context", {}), dict)


def batch(service: Service, body: Json) -> list[Json]:
    """The decisions, after the checks of c-3-3, which hold for every response."""
    found = json_of(service.caller.post(EVALUATIONS, body))
    assert len(found["evaluations"]) == len(body["evaluations"])
    for one in found["evaluations"]:
        require_decision(one)
    return found["evaluations"]


def decisions(found: list[Json]) -> list[bool]:
    return [one["decision"] for one in found]


def bad_request(response: httpx.Response) -> None:
    assert response.status_code == 400, response.text
