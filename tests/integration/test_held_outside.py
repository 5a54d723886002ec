"""What a service has held outside: its settings' witness and authority, over HTTP, and told of."""

import asyncio
import logging
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from rfc3161_client import decode_timestamp_response

from api.anchoring import anchoring
from api.runtime import Places, Runtime, running
from api.signer import file_signer
from api.time_stamps import read_chain, verified_time
from api.witnessing import witnessing
from ledger.errors import Malformed
from ledger.tlog.keys import format_vkey, verified
from ledger.tlog.witnessing import Reply
from projections.checkpoints import cosigned_note
from projections.integrator import Integrator
from tests.http.service import SETTINGS, scratch
from tests.integration.appending import Requests
from tests.integration.test_tree import Here
from tests.integration.witnesses import Watcher
from tests.unit.authority import authority
from tests.unit.loopback import answering, body_of, whole
from tests.unit.telemetry import samples

LOG = f"{SETTINGS.origin}/0"


def served(postgres: str, story: Callable[[Runtime], Awaitable[None]], **values: Any) -> None:
    """The story over a running ledger with these settings."""
    settings = msgspec.structs.replace(SETTINGS, **values)

    async def told(where: Places) -> None:
        async with running(where, settings) as ledger:
            await story(ledger)

    with scratch(postgres) as where:
        asyncio.run(told(where))


async def grow(ledger: Runtime, folder: Path, many: int) -> None:
    """So many more entries, and the checkpoint over them all."""
    request = Requests(random.Random(many)).request(many=many)
    await ledger.store.append(0, request)
    with file_signer(folder / "signer", origin=LOG) as signer:
        await Integrator(ledger.pool, ledger.identity, Here(signer)).catch_up(0)


def sql(ledger: Runtime, query: str) -> list[tuple[Any, ...]]:
    """Rows, or nothing, as the owner."""
    with psycopg.connect(ledger.places.database) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def test_the_witness_is_asked_at_its_address_and_what_alarms_is_an_error(
    postgres: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with file_signer(tmp_path / "signer", origin=LOG) as signer:
        watcher = Watcher("w1", signer.verifier, origin=LOG)
    heard: list[str] = []

    def answer(request: Any) -> None:
        heard.append(f"{request.command} {request.path}")
        watcher.time = int(time.time())
        reply = watcher.reply(body_of(request))
        request.headers.replace_header("content-length", "0")
        whole(reply.body, reply.code, content_type=reply.media_type)(request)

    async def story(ledger: Runtime) -> None:
        def told(name: str) -> dict[tuple[str, ...], float]:
            return samples(ledger.telemetry, f"ledger_witness_{name}")

        who = ("0", "witness.demo.example/w1")
        await grow(ledger, tmp_path, 3)
        async with witnessing(ledger) as follower:
            await follower.look()
            note = await cosigned_note(ledger.pool, 0)
            assert note is not None
            assert verified(note, [watcher.key.verifier])
            assert told("age_seconds") == {who: float("inf")}
            await follower.look()
            assert 0 <= told("age_seconds")[who] < 600
            assert (told("alarms"), told("failures_total")) == ({who: 0.0}, {})

            watcher.answers = [
                Reply(code=503, media_type="text/plain", body=b""),
                Reply(code=422, media_type="text/plain", body=b""),
            ]
            for turn in range(3):
                await grow(ledger, tmp_path, 4 + turn)
                sql(ledger, "UPDATE turn SET taken_at = '-infinity'")
                await follower.look()
        assert told("failures_total") == {(*who, "refused"): 1.0, (*who, "forked"): 1.0}
        assert told("alarms") == {who: 1.0}

    policy = tmp_path / "policy.txt"
    with answering(answer) as url, caplog.at_level(logging.WARNING, logger="ledger"):
        policy.write_text(f"witness w1 {format_vkey(watcher.key.verifier)} {url}/w\nquorum w1\n")
        served(postgres, story, witness_policy_file=str(policy))
    assert heard == ["POST /w/add-checkpoint"] * 3
    said = [(one.levelname, one.getMessage()[:32]) for one in caplog.records]
    assert said == [
        ("WARNING", "log 0 was not cosigned: witness."),
        ("ERROR", "log 0 may have lost or changed e"),
    ]


def test_without_a_policy_nobody_is_asked(postgres: str, tmp_path: Path) -> None:
    async def story(ledger: Runtime) -> None:
        await grow(ledger, tmp_path, 3)
        async with witnessing(ledger) as follower:
            await follower.look()
        assert samples(ledger.telemetry, "ledger_witness_age_seconds") == {}

    served(postgres, story)


@pytest.mark.openssl
def test_what_an_authority_gives_is_kept_as_evidence(postgres: str, tmp_path: Path) -> None:
    with authority(tmp_path / "authority") as made:

        async def story(ledger: Runtime) -> None:
            await grow(ledger, tmp_path, 3)
            async with anchoring(ledger) as follower:
                assert follower is not None
                await follower.look()
                await follower.look()
            note = await cosigned_note(ledger.pool, 0)
            assert note is not None
            ((size, kind, target, evidence),) = sql(
                ledger, "SELECT size, kind, target, evidence FROM anchor"
            )
            assert (size, kind, target) == (3, "rfc3161", made.url)
            chain = read_chain(str(made.chain_file), field="x")
            verified_time(decode_timestamp_response(evidence), note.text.encode(), chain)
            (age,) = samples(ledger.telemetry, "ledger_anchor_age_seconds").values()
            assert abs(age) < 600

        served(postgres, story, tsa_url=made.url, tsa_chain_file=str(made.chain_file))
        assert len(made.asked) == 1


@pytest.mark.openssl
def test_an_authority_that_cannot_be_used_is_refused_or_said(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority(tmp_path / "authority") as made:
        url, chain = made.url, str(made.chain_file)

    async def story(ledger: Runtime) -> None:
        async def refused(message: str, **values: Any) -> None:
            settings = msgspec.structs.replace(ledger.settings, **values)
            with pytest.raises(Malformed, match=message):
                async with anchoring(msgspec.structs.replace(ledger, settings=settings)):
                    pass

        await grow(ledger, tmp_path, 3)
        async with anchoring(ledger) as follower:
            assert follower is not None
            await follower.look()
        failures = samples(ledger.telemetry, "ledger_anchor_failures_total")
        assert failures == {("unreachable",): 1.0}

        await refused("tsa_chain_file: must name", tsa_chain_file=None)
        await refused("tsa_url: is not", tsa_url="ftp://tsa.example")
        monkeypatch.delitem(sys.modules, "api.time_stamps")
        monkeypatch.setitem(sys.modules, "rfc3161_client", None)
        await refused("tsa_url: needs the extra `anchor`")

    served(postgres, story, tsa_url=url, tsa_chain_file=chain)


def test_without_an_authority_nobody_is_asked(postgres: str) -> None:
    async def story(ledger: Runtime) -> None:
        async with anchoring(ledger) as follower:
            assert follower is None

    served(postgres, story)
