"""Receipts: given with every entry, the same whenever asked for, and kept by the log."""

import base64
from base64 import b64decode
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import psycopg
import pytest

from api.publishing import publishing
from ledger.tlog.keys import verified
from ledger.tlog.leaf import leaf_hash, parse_leaf
from ledger.tlog.note import parse_note
from ledger.tlog.proof import parse_proof, verify_proof
from ledger.tlog.receipt import read_receipt
from tests.http.bound import bound
from tests.http.publishing import ORIGIN, covered, log_keys, published, publishing_service
from tests.http.service import CATALOGUE, SETTINGS, Service, recorded, scratch, served, subject
from tests.integration.waiting import until
from tests.integration.wired import born, consent, entry

PENDING = {"status": "pending", "proof": None, "mmd_seconds": 5, "log": ORIGIN, "v": 1}


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with publishing_service(postgres) as made:
        yield made


def kept(service: Service, entry: dict[str, Any], receipt: dict[str, Any]) -> None:
    """The receipt is of the entry, signed by the log, and says what the log holds there."""
    promise = read_receipt(parse_note(receipt["promise"].encode()), log_keys(service)["receipts"])
    n = int(entry["position"].split(":")[1])
    ((hash_, leaf),) = service.sql("SELECT leaf_hash, leaf FROM entry WHERE n = %s", n)
    assert (promise.log, promise.index, promise.seconds) == (ORIGIN, n - 1, 5)
    assert (receipt["leaf_index"], b64decode(receipt["leaf_hash"])) == (n - 1, hash_)
    assert promise.leaf_hash == hash_
    if receipt["leaf"] is not None:
        assert b64decode(receipt["leaf"]) == leaf
        assert leaf_hash(leaf) == hash_
        assert parse_leaf(leaf).recorded_at == promise.recorded_at


def proved(service: Service, receipt: dict[str, Any]) -> None:
    """The receipt's proof leads from its leaf to a checkpoint that the log signed."""
    assert receipt["status"] == "published"
    proof = parse_proof(receipt["proof"].encode())
    assert proof.index == receipt["leaf_index"]
    assert verified(proof.checkpoint, [log_keys(service)["checkpoints"]])
    verify_proof(proof, b64decode(receipt["leaf_hash"]))


def asked(service: Service, entry: dict[str, Any], **headers: str) -> httpx.Response:
    return service.caller.http.get(f"/v1/log/receipts/{entry['entry']}", headers=headers)


def test_every_entry_has_a_receipt_and_the_request_that_of_the_last(service: Service) -> None:
    person = subject()
    body = recorded(service.caller.record(person, born(), consent(person, "2026-03-02")))

    assert len(body["entries"]) == 2
    for one in body["entries"]:
        assert one["receipt"] | PENDING == one["receipt"]
        kept(service, one, one["receipt"])
    assert body["receipt"] == body["entries"][1]["receipt"]


def test_a_catalogue_and_a_notice_have_theirs(service: Service) -> None:
    adopted = recorded(service.caller.adopt(CATALOGUE))
    notice = recorded(
        service.caller.record_common(entry("NoticePublished", "2026-01-01", notice="n-1"))
    )
    for body in (adopted, notice):
        kept(service, body["entries"][0], body["receipt"])


def test_a_repeated_request_is_promised_the_same_byte_for_byte(service: Service) -> None:
    person = subject()
    first = service.caller.record(person, born(), key="twice")
    covered(service)
    again = service.caller.record(person, born(), key="twice")

    assert again.content == first.content


def test_a_writer_who_waits_gets_the_proof(service: Service) -> None:
    person = subject()
    answer = service.caller.record(person, born(), consent(person, "2026-03-02"), prefer="wait=5")
    body = recorded(answer)

    assert answer.headers["preference-applied"] == "wait=5"
    assert [one["receipt"]["status"] for one in body["entries"]] == ["pending", "published"]
    proved(service, body["receipt"])
    kept(service, body["entries"][1], body["receipt"])


def test_a_receipt_is_had_later_with_its_proof(service: Service) -> None:
    body = recorded(service.caller.record(subject(), born()))
    covered(service)

    answer = asked(service, body["entries"][0])
    assert answer.status_code == 200
    told = answer.json()
    proved(service, told)
    assert told | PENDING == body["receipt"], "what was promised stays"


def test_who_waits_for_a_receipt_has_the_proof_at_once(service: Service) -> None:
    body = recorded(service.caller.record(subject(), born()))

    answer = asked(service, body["entries"][0], prefer="wait=5")
    assert answer.headers["preference-applied"] == "wait=5"
    proved(service, answer.json())


def test_a_receipt_is_for_grants_that_cover_the_entry(service: Service) -> None:
    person, narrow = subject(), bound(service, "PHOTO")
    body = recorded(
        service.caller.record(
            person, born(), consent(person, "2026-03-02"), consent(person, "2026-03-02", "STUDY")
        )
    )
    covered(service)
    birth, photo, study = (
        narrow.http.get(f"/v1/log/receipts/{one['entry']}") for one in body["entries"]
    )
    unknown = narrow.http.get(f"/v1/log/receipts/{uuid4()}")

    assert photo.status_code == 200
    assert photo.json()["leaf"] is None, "it would count the entries of the person"
    kept(service, body["entries"][1], photo.json())
    plain = {"instance": None}
    for none in (birth, study):
        assert none.status_code == 404
        assert none.json() | plain == unknown.json() | plain


def test_a_narrow_writer_is_promised_without_the_leaf(service: Service) -> None:
    person = subject()
    body = recorded(bound(service, "PHOTO").record(person, consent(person, "2026-03-02")))

    assert body["receipt"]["leaf"] is None
    kept(service, body["entries"][0], body["receipt"])


def test_a_leaf_whose_bytes_were_erased_is_proved_by_its_hash(service: Service) -> None:
    body = recorded(service.caller.record(subject(), born()))
    one = body["entries"][0]
    found = covered(service)
    with psycopg.connect(service.where.database) as owner:
        owner.execute("UPDATE entry SET leaf = '' WHERE event_id = %s", [one["entry"]])

    told = asked(service, one).json()
    assert told["leaf"] is None
    proved(service, told)
    proof = service.caller.http.get(f"/v1/log/proof/{one['entry']}")
    assert parse_proof(proof.content).extra is None
    index = told["leaf_index"]
    params: dict[str, int] = {"first": index, "limit": 1}
    (shown,) = service.caller.http.get("/v1/log/leaves", params=params).json()["leaves"]
    assert (shown["leaf"], shown["leaf_hash"]) == (None, told["leaf_hash"])
    assert found.size > index


# Without a signer, and with a log that lost something.


def test_nothing_waits_longer_than_asked_where_nothing_is_signed(postgres: str) -> None:
    with scratch(postgres) as where, served(where) as service:
        person = subject()
        answer = service.caller.record(person, born(), prefer="wait=1")
        body = recorded(answer)
        assert answer.headers["preference-applied"] == "wait=1"
        assert body["receipt"]["status"] == "pending"
        one = body["entries"][0]
        assert asked(service, one).json() == body["receipt"]
        proof = service.caller.http.get(f"/v1/log/proof/{one['entry']}")
        assert proof.status_code == 404
        assert "no checkpoint covers" in proof.json()["detail"]
        assert httpx.get(f"{service.url}/v1/log/checkpoint").status_code == 404
        assert httpx.get(f"{service.url}/v1/log/tile/0/000.p/1").status_code == 404
        told = httpx.get(f"{service.url}/readyz?verbose")
        assert told.status_code == 200
        assert told.json()["warnings"] == {
            "signer": "none is set: nothing that is recorded is signed by this process"
        }


def test_a_process_promises_under_the_key_of_its_file(postgres: str) -> None:
    with scratch(postgres) as where:
        other = str(where.folder / "elsewhere")
        own = msgspec.structs.replace(SETTINGS, receipt_key_file=other)
        with served(where, settings=own, beside=publishing) as service:
            body = recorded(service.caller.record(subject(), born()))
            kept(service, body["entries"][0], body["receipt"])
        assert (where.folder / "elsewhere").stat().st_mode & 0o077 == 0
        assert not (where.folder / "receipt-key").exists()
        with published(where) as service:
            receipts = [
                one
                for one in httpx.get(f"{service.url}/.well-known/ledger-log").json()["logs"][0][
                    "keys"
                ]
                if one["use"] == "receipts"
            ]
            assert len(receipts) == 2, "who holds an older receipt finds its key"


def test_a_log_that_turns_out_to_have_lost_entries_takes_nothing_more(postgres: str) -> None:
    with publishing_service(postgres) as service:
        person = subject()
        recorded(service.caller.record(person, born(), key="one"))
        recorded(service.caller.record(person, consent(person, "2026-03-02")))
        found = covered(service)
        assert found.size == 3
        with psycopg.connect(service.where.database) as owner:
            owner.execute("DELETE FROM entry WHERE n = 3")
            owner.execute("UPDATE log_head SET size = 2")
        until(lambda: not _ready(service)["ready"], "the loss is found out")

        assert _ready(service)["failing"] == ["log"]
        assert "2 entries, and 3 of them were signed" in _ready(service)["checks"]["log"]
        refused = (
            service.caller.record(person, consent(person, "2026-04-02")),
            service.caller.record(person, born(), key="one"),
            service.caller.record_common(entry("NoticePublished", "2026-01-01", notice="n-2")),
            service.caller.adopt(CATALOGUE),
        )
        for answer in refused:
            assert answer.status_code == 503
            assert answer.json()["type"] == "/problems/log-rolled-back"
        assert service.size() == 2
        assert service.caller.check(person).status_code == 200
        assert base64.b64decode(newest_root(service)) == found.root


def _ready(service: Service) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{service.url}/readyz?verbose").json()
    return told


def newest_root(service: Service) -> str:
    return httpx.get(f"{service.url}/v1/log/checkpoint").text.split("\n")[2]
