"""A service that publishes its log: signers as processes, the integrator beside the application.

@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with publishing_service(postgres) as made:
        yield made
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
from msgspec.structs import replace

from api.publishing import SIGNER, publishing
from api.runtime import Places
from api.signing import started
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.keys import VerifierKey, parse_vkey, verified
from ledger.tlog.note import Note, parse_note
from tests.http.service import SETTINGS, Service, scratch, served
from tests.integration.waiting import until

ORIGIN = f"{SETTINGS.origin}/0"


@contextlib.contextmanager
def published(where: Places, **settings: Any) -> Iterator[Service]:
    """The service over the ledger, with the signer whose files lie in the ledger's folder."""
    with started(where.folder / SIGNER, [ORIGIN]) as sockets:
        own = replace(SETTINGS, signer_sockets=str(sockets), **settings)
        with served(where, settings=own, beside=publishing) as made:
            yield made


@contextlib.contextmanager
def publishing_service(postgres: str) -> Iterator[Service]:
    """The same over a ledger of its own."""
    with scratch(postgres) as where, published(where) as made:
        yield made


def log_keys(service: Service) -> dict[str, VerifierKey]:
    """The newest key of each use, as anybody finds them."""
    (log,) = httpx.get(f"{service.url}/.well-known/ledger-log").json()["logs"]
    assert log["origin"] == ORIGIN
    return {one["use"]: parse_vkey(one["vkey"]) for one in log["keys"]}


def newest(service: Service) -> Note:
    """The newest checkpoint, signed by the log."""
    answer = httpx.get(f"{service.url}/v1/log/checkpoint")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    note = parse_note(answer.content)
    assert verified(note, [log_keys(service)["checkpoints"]])
    return note


def covered(service: Service) -> Checkpoint:
    """The checkpoint that covers everything recorded so far."""
    size = service.size()
    asked = f"{service.url}/v1/log/checkpoint"

    def reached() -> bool:
        answer = httpx.get(asked)
        if answer.status_code == 404:
            return False
        return parse_checkpoint(parse_note(answer.content).text).size >= size

    until(reached, f"a checkpoint covers {size} entries")
    return parse_checkpoint(newest(service).text)
