"""An independent witness that knows nothing of us cosigns our log, and only while it only grows."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.outward import outward
from api.witnessing import OverHttp
from ledger.tlog.checkpoint import signed
from ledger.tlog.following import Forked, RolledBack
from ledger.tlog.keys import SigningKey, signing_key, verified
from ledger.tlog.note import Note
from ledger.tlog.witnessing import (
    SIZE_TYPE,
    Cosigned,
    Declined,
    Reply,
    StartFrom,
    Submission,
    checkpoint_path,
    format_submission,
    read_reply,
    vouched,
)
from projections.checkpoints import cosigned_note
from projections.witnessing import Witnessing
from tests.integration.wired import Wired
from tests.integration.witnesses import scene
from tests.interop.outside_witness import GROUP, SUITS, Outside, aics_witness
from tests.unit.test_following import growth, tree
from tests.unit.trees import ORIGIN, log_key, seed

pytestmark = [] if SUITS else [getattr(pytest.mark, GROUP)]


@pytest.fixture
def witness(program: Path, tmp_path: Path) -> Iterator[Outside]:
    with aics_witness(tmp_path / "w9", program, log_key().verifier) as made:
        yield made


def submission(
    old: int, new: int, *, fork: int | None = None, key: SigningKey | None = None
) -> Submission:
    note = signed(tree(new, fork), key or log_key())
    return Submission(old=old, proof=growth(old, new, fork).proof, note=note)


def sent(witness: Outside, *asked: Submission) -> list[Reply]:
    """What it answers to each, over HTTP."""

    async def story() -> list[Reply]:
        async with outward() as client:
            http = OverHttp(client)
            return [await http.submit(witness.witness, format_submission(one)) for one in asked]

    return asyncio.run(story())


def read(witness: Outside, reply: Reply, asked: Submission) -> Cosigned | StartFrom:
    return read_reply(reply, asked=asked, key=witness.key, now=int(time.time()))


def cosigned(witness: Outside, old: int, new: int) -> Cosigned:
    """The cosignature that it gives, which verifies with our code."""
    asked = submission(old, new)
    (reply,) = sent(witness, asked)
    assert reply.code == 200
    found = read(witness, reply, asked)
    assert isinstance(found, Cosigned)
    note = Note(text=asked.note.text, signatures=(*asked.note.signatures, found.line))
    both = verified(note, [log_key().verifier, witness.key])
    assert [one.key for one in both] == [log_key().verifier, witness.key]
    return found


def test_growth_is_cosigned_and_so_is_the_same_tree_again(witness: Outside) -> None:
    for old, new in ((0, 5), (5, 33), (33, 33), (33, 60)):
        cosigned(witness, old, new)


def test_less_than_it_has_seen_is_a_conflict_that_names_what_it_has(witness: Outside) -> None:
    cosigned(witness, 0, 33)
    for asked in (submission(0, 20), submission(20, 20), submission(5, 60)):
        (reply,) = sent(witness, asked)
        assert (reply.code, reply.media_type) == (409, SIZE_TYPE)
        assert read(witness, reply, asked) == StartFrom(size=33)
    cosigned(witness, 33, 60)


@pytest.mark.parametrize(("old", "new"), [(33, 60), (33, 33)], ids=["larger", "same size"])
def test_another_tree_is_not_cosigned_and_is_kept_as_evidence(
    witness: Outside, old: int, new: int
) -> None:
    cosigned(witness, 0, 33)
    asked = submission(old, new, fork=7)
    (reply,) = sent(witness, asked)
    assert reply.code == 422
    with pytest.raises(Forked):
        read(witness, reply, asked)
    assert len(json.loads(witness.run("evidence"))) == 1


def test_what_another_key_signed_is_not_cosigned(witness: Outside) -> None:
    asked = submission(0, 33, key=signing_key(ORIGIN, seed("stolen")))
    (reply,) = sent(witness, asked)
    assert reply.code == 403
    with pytest.raises(Declined, match="the log's verifier key"):
        read(witness, reply, asked)


def test_a_log_that_it_does_not_know_is_not_cosigned(witness: Outside) -> None:
    key = signing_key("other.example/1", seed("other"))
    note = signed(replace(tree(33), origin=key.verifier.name), key)
    asked = Submission(old=0, proof=(), note=note)
    (reply,) = sent(witness, asked)
    assert reply.code == 404
    with pytest.raises(Declined, match="does not know this log"):
        read(witness, reply, asked)


def test_what_it_shows_is_what_it_cosigned(witness: Outside) -> None:
    async def shown() -> bytes | None:
        async with outward() as client:
            return await OverHttp(client).latest(witness.witness, checkpoint_path(ORIGIN))

    assert asyncio.run(shown()) is None
    cosigned(witness, 0, 33)
    data = asyncio.run(shown())
    assert data is not None
    assert vouched(data, log=log_key().verifier, witness=witness.key) == tree(33)


def test_it_watches_a_ledger_and_notices_when_that_was_rewritten(
    program: Path, database: str, tmp_path: Path
) -> None:
    with (
        scene(database, tmp_path, begun=datetime.now(UTC)) as shown,
        aics_witness(tmp_path / "w9", program, shown.signer.verifier) as outside,
    ):

        async def story(wired: Wired) -> None:
            async with outward() as client:
                pool, identity, ask = wired.pool, wired.identity, OverHttp(client)
                witnessing = Witnessing(pool, identity, [outside.witness], ask=ask, watch=shown)
                for minute, more in enumerate((3, 297, 20)):
                    await shown.grow(wired, more)
                    shown.at(60 * minute)
                    await witnessing.look()
                    note = await cosigned_note(wired.pool, 0)
                    assert note is not None
                    assert verified(note, [outside.key])
                (seen,) = await witnessing.compare(0, shown.signer.verifier)
                assert seen.size == 320

                # What is known of it here is lost, and comes back from it.
                shown.ledger.sql("DELETE FROM cosignature")
                await shown.grow(wired, 5)
                shown.at(180)
                await witnessing.look()
                assert [size for _, size, _ in shown.cosigned()] == [325]
                assert shown.told == []

                shown.forked()
                with pytest.raises(RolledBack):
                    await witnessing.compare(0, shown.signer.verifier)
                await shown.grow(wired, 30)
                shown.at(240)
                await witnessing.look()

        shown.ledger.run(story)
        assert shown.ledger.sql("SELECT kind, code FROM witness_alarm") == [("forked", 422)]
        assert len(json.loads(outside.run("evidence"))) == 1
