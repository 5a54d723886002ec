"""The log over HTTP: what anybody sees of it, and that every proof given is one."""

import random
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.keys import format_vkey
from ledger.tlog.leaf import leaf_hash, parse_leaf
from ledger.tlog.merkle import EMPTY_ROOT, root, verify_consistency, verify_inclusion
from ledger.tlog.note import parse_note
from ledger.tlog.proof import parse_proof, verify_proof
from ledger.tlog.tiles import WIDTH
from tests.http.bound import bound
from tests.http.publishing import ORIGIN, covered, log_keys, newest, publishing_service
from tests.http.service import Caller, Service, malformed, recorded, subject
from tests.integration.wired import born, consent
from tests.shell import Shell

MANY = 300


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    """A log of more than a tile, covered by a checkpoint."""
    with publishing_service(postgres) as made:
        person = subject()
        for first in range(0, MANY, 150):
            facts = [born(f"19{n // 12 % 100:02}-{n % 12 + 1:02}-05") for n in range(150)]
            recorded(made.caller.record(person, *facts, key=f"many {first}"))
        covered(made)
        yield made


def hashes_of(service: Service) -> list[bytes]:
    return [one for (one,) in service.sql("SELECT leaf_hash FROM entry ORDER BY n")]


def got(service: Service, path: str, **params: Any) -> httpx.Response:
    """What anybody is told."""
    return httpx.get(f"{service.url}{path}", params=params)


def auditor(service: Service) -> Caller:
    return service.caller_with("audit")


def asked(service: Service, path: str, **params: Any) -> dict[str, Any]:
    """What an auditor is told."""
    answer = auditor(service).http.get(path, params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


# Public.


def test_a_checkpoint_comes_soon_after_an_entry_and_is_of_the_log_as_it_is(
    service: Service,
) -> None:
    recorded(service.caller.record(subject(), born()))
    found = covered(service)
    hashes = hashes_of(service)

    assert (found.origin, found.size) == (ORIGIN, len(hashes))
    assert found.root == root(hashes)


def test_an_older_checkpoint_is_had_by_its_size(service: Service) -> None:
    size = parse_checkpoint(newest(service).text).size

    again = got(service, f"/v1/log/checkpoints/{size}")
    assert again.status_code == 200
    assert parse_checkpoint(parse_note(again.content).text).size == size
    for none in (size + 10_000, 10**30):
        assert got(service, f"/v1/log/checkpoints/{none}").status_code == 404


def test_the_tiles_are_all_that_a_stranger_needs_for_the_root(service: Service) -> None:
    found = covered(service)
    whole, rest = divmod(found.size, WIDTH)
    full = [got(service, f"/v1/log/tile/0/{n:03}") for n in range(whole)]
    last = got(service, f"/v1/log/tile/0/{whole:03}.p/{rest}")
    above = got(service, f"/v1/log/tile/1/000.p/{whole}")
    for one in (*full, last, above):
        assert one.status_code == 200, one.text
        assert one.headers["content-type"] == "application/octet-stream"
        assert one.headers["cache-control"] == "public, max-age=31536000, immutable"

    leaves = [
        one.content[at : at + 32] for one in (*full, last) for at in range(0, len(one.content), 32)
    ]
    assert root(leaves) == found.root
    assert above.content == b"".join(root(leaves[n * WIDTH :][:WIDTH]) for n in range(whole))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("0/009", 404),
        ("0/000.p/257", 400),
        ("0/001.p/255", 404),
        ("2/000.p/1", 404),
        ("7/000.p/1", 404),
        ("0/0", 400),
        ("0/000.p/0", 400),
        ("00/000", 400),
        ("entries/000", 400),
        ("0/x999/x999/x999/x999/x999/999", 404),
        ("0/x9223/372", 400),
    ],
)
def test_a_tile_that_is_not_there_or_none_is_said_to_be_so(
    service: Service, path: str, code: int
) -> None:
    answer = got(service, f"/v1/log/tile/{path}")

    assert answer.status_code == code, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_a_verifier_begins_with_is_told_to_anybody(service: Service) -> None:
    answer = got(service, "/.well-known/ledger-log")
    told = answer.json()

    assert answer.status_code == 200
    assert (told["origin"], told["mmd_seconds"], told["witnesses"]) == ("http.test/ledger", 5, [])
    assert {name: key.name for name, key in log_keys(service).items()} == {
        "checkpoints": ORIGIN,
        "receipts": f"{ORIGIN}/receipts",
    }
    assert got(service, told["checkpoint"]).status_code == 200
    assert got(service, told["tiles"] + "0/000").status_code == 200


def test_a_log_that_this_ledger_does_not_have_is_named(service: Service) -> None:
    for path in ("checkpoint", "checkpoints/1", "tile/0/000"):
        malformed(got(service, f"/v1/log/{path}", log=1), field="log")
    for path, params in (
        ("leaves", {}),
        ("proofs/inclusion", {"index": 0, "size": 1}),
        ("proofs/consistency", {"old": 0, "size": 1}),
    ):
        answer = auditor(service).http.get(f"/v1/log/{path}", params={"log": 1, **params})
        malformed(answer, field="log")


# Auditors.


def test_every_proof_that_is_given_is_one(service: Service) -> None:
    chance = random.Random(seed := random.randrange(2**32))
    print("seed", seed)
    found, hashes = covered(service), hashes_of(service)
    for size in {1, 2, WIDTH, WIDTH + 1, found.size, *chance.choices(range(1, found.size), k=20)}:
        index = chance.randrange(size)
        told = asked(service, "/v1/log/proofs/inclusion", index=index, size=size)
        assert b64decode(told["leaf_hash"]) == hashes[index]
        assert b64decode(told["root"]) == root(hashes[:size])
        verify_inclusion(
            hashes[index],
            index=index,
            size=size,
            proof=[b64decode(one) for one in told["proof"]],
            root=root(hashes[:size]),
        )
        old = chance.randrange(1, size + 1)
        told = asked(service, "/v1/log/proofs/consistency", old=old, size=size)
        assert (told["old"], told["size"], told["log"]) == (old, size, ORIGIN)
        verify_consistency(
            old=old,
            new=size,
            old_root=b64decode(told["old_root"]),
            new_root=root(hashes[:size]),
            proof=[b64decode(one) for one in told["proof"]],
        )


def test_every_tree_goes_on_from_the_empty_one(service: Service) -> None:
    told = asked(service, "/v1/log/proofs/consistency", old=0, size=3)

    assert (told["proof"], b64decode(told["old_root"])) == ([], EMPTY_ROOT)


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("proofs/inclusion", {"index": 1, "size": 1}, "index"),
        ("proofs/inclusion", {"index": -1, "size": 1}, "index"),
        ("proofs/inclusion", {"index": 0, "size": 0}, "index"),
        ("proofs/inclusion", {"index": 0, "size": 10**9}, "size"),
        ("proofs/inclusion", {"index": 0, "size": 10**40}, "size"),
        ("proofs/inclusion", {"index": 0}, "size"),
        ("proofs/consistency", {"old": 2, "size": 1}, "old"),
        ("proofs/consistency", {"old": -1, "size": 1}, "old"),
        ("proofs/consistency", {"old": 0, "size": -1}, "size"),
        ("leaves", {"first": -1}, "first"),
        ("leaves", {"first": 10**40}, "first"),
        ("leaves", {"limit": 0}, "limit"),
        ("leaves", {"limit": 201}, "limit"),
    ],
)
def test_what_no_checkpoint_covers_is_not_proved(
    service: Service, path: str, params: dict[str, Any], field: str
) -> None:
    malformed(auditor(service).http.get(f"/v1/log/{path}", params=params), field=field)


def test_leaves_are_paged_to_what_is_covered_and_each_is_what_was_hashed(
    service: Service,
) -> None:
    found, leaves, first = covered(service), [], 0
    while True:
        told = asked(service, "/v1/log/leaves", first=first, limit=120)
        leaves += told["leaves"]
        if told["complete"]:
            break
        first = told["next"]

    assert told["next"] is None
    assert [one["index"] for one in leaves] == list(range(found.size))
    read = [parse_leaf(b64decode(one["leaf"])) for one in leaves]
    assert {one.log for one in read} == {ORIGIN}
    hashes = [leaf_hash(b64decode(one["leaf"])) for one in leaves]
    assert [b64decode(one["leaf_hash"]) for one in leaves] == hashes
    assert root(hashes) == found.root
    beyond = asked(service, "/v1/log/leaves", first=10**9)
    assert (beyond["leaves"], beyond["complete"]) == ([], True)


def test_a_proof_of_an_entry_stands_by_itself(service: Service) -> None:
    person = subject()
    entry = recorded(service.caller.record(person, born()))["entries"][0]
    covered(service)

    answer = auditor(service).http.get(f"/v1/log/proof/{entry['entry']}")

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    proof = parse_proof(answer.content)
    assert proof.extra is not None
    verify_proof(proof, leaf_hash(proof.extra))
    assert parse_leaf(proof.extra).event_id == UUID(entry["entry"])
    assert auditor(service).http.get(f"/v1/log/proof/{uuid4()}").status_code == 404


def test_who_is_shown_a_leaf_leaves_a_row(service: Service) -> None:
    person = subject()
    entry = recorded(service.caller.record(person, consent(person, "2026-03-02")))["entries"][0]
    covered(service)
    caller = service.caller_with("audit", "record", client="curious")
    for path in ("leaves", f"proof/{entry['entry']}", f"receipts/{entry['entry']}"):
        answer = caller.http.get(f"/v1/log/{path}", headers={"ledger-reason": "to see"})
        assert answer.status_code == 200, answer.text
        assert UUID(answer.headers["ledger-read-id"])

    rows = service.sql(
        "SELECT kind, subject, reason FROM read_audit WHERE client = 'curious' ORDER BY answered_at"
    )
    assert rows == [
        ("LEAVES", None, "to see"),
        ("PROOF", person, "to see"),
        ("RECEIPT", person, "to see"),
    ]


def test_leaves_are_for_grants_over_every_purpose(service: Service) -> None:
    narrow = bound(service, "PHOTO")
    entry = recorded(service.caller.record(subject(), born()))["entries"][0]["entry"]

    for path in ("leaves", f"proof/{entry}"):
        assert narrow.http.get(f"/v1/log/{path}").status_code == 403
    covered(service)
    told = narrow.http.get("/v1/log/proofs/inclusion", params={"index": 0, "size": 1})
    assert told.status_code == 200, "hashes count nothing that the tiles do not show"


# By command.


def test_the_commands_ask_a_service_the_same(service: Service, tmp_path: Path) -> None:
    entry = recorded(service.caller.record(subject(), born()))["entries"][0]
    covered(service)
    token = service.issuer.token("desk", ("record", "audit"), seconds=600)
    shell = Shell(LEDGER_URL=service.url, LEDGER_TOKEN=token)
    keys = [word for one in log_keys(service).values() for word in ("--vkey", format_vkey(one))]
    index = int(entry["position"].split(":")[1]) - 1

    checkpoint = Shell(LEDGER_URL=service.url).run("log", "checkpoint")
    assert checkpoint.code == 0, checkpoint.err
    assert parse_note(checkpoint.out.encode()) == newest(service)
    for name, words in {
        "receipt": ("receipt", entry["entry"]),
        "by id": ("prove", entry["entry"], "--out", "-"),
        "by index": ("prove", "--index", index, "--out", "-"),
    }.items():
        ran = shell.run("log", *words)
        assert ran.code == 0, ran.err
        (tmp_path / name).write_text(ran.out)
        more = ("--leaf-hash", hashes_of(service)[index].hex()) if name == "by index" else ()
        checked = shell.run("log", "verify", tmp_path / name, *keys, *more)
        assert (checked.code, "inclusion: PASS" in checked.out) == (0, True)
    beyond = shell.run("log", "prove", "--index", 10**6)
    assert "no checkpoint covers it yet" in beyond.err
    assert "--token: " in Shell(LEDGER_URL=service.url).run("log", "receipt", entry["entry"]).err
