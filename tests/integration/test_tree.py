"""The tree of a log: tiles, roots and proofs from the database, and what the signer will sign."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.signer import Signer, file_signer
from ledger.errors import Fault
from ledger.store import Store
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.following import Forked, Growth, RolledBack
from ledger.tlog.keys import verified
from ledger.tlog.merkle import EMPTY_ROOT, root, verify_consistency, verify_inclusion
from ledger.tlog.note import Note
from projections.integrator import Integrator
from projections.tree import Tree
from tests.integration.appending import Requests
from tests.integration.wired import ORIGIN, Founded, Wired, founded


class Here:
    """The signer in the process of the test."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.signed: list[int] = []

    async def seen(self, log: int) -> Checkpoint:
        return self.signer.seen()

    async def sign(self, log: int, growth: Growth) -> Note:
        note = self.signer.sign(growth)
        self.signed.append(growth.new.size)
        return note


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.fixture
def signs(tmp_path: Path) -> Iterator[Here]:
    with file_signer(tmp_path / "signer", origin=f"{ORIGIN}/0") as signer:
        yield Here(signer)


async def grown(store: Store, made: Requests, many: int) -> None:
    """So many more entries, most of them in large requests."""
    while many:
        some = min(many, 200)
        await store.append(0, made.request(many=some))
        many -= some


def leaf_hashes(ledger: Founded) -> list[bytes]:
    return [one for (one,) in ledger.sql("SELECT leaf_hash FROM entry WHERE log = 0 ORDER BY n")]


def test_the_tree_and_its_checkpoints_grow_with_the_log(ledger: Founded, signs: Here) -> None:
    async def story(wired: Wired) -> None:
        made = Requests(ledger.random)
        integrator = Integrator(wired.pool, wired.identity, signs)
        tree, roots = Tree(wired.pool, 0), {0: EMPTY_ROOT}
        for more in (0, 1, 254, 1, 1, 300, 700):
            await grown(wired.store, made, more)
            note = await integrator.catch_up(0)
            hashes = leaf_hashes(ledger)
            size = len(hashes)
            assert note is not None
            found = parse_checkpoint(note.text)
            assert found == Checkpoint(origin=f"{ORIGIN}/0", size=size, root=root(hashes))
            assert verified(note, [signs.signer.verifier])
            assert await tree.root(size) == found.root
            roots[size] = found.root
        for old in roots:
            proof = await tree.consistency(old, size)
            if old:
                verify_consistency(
                    old=old, new=size, old_root=roots[old], new_root=roots[size], proof=proof
                )
            else:
                assert proof == []
        for index in ledger.random.sample(range(size), 40):
            verify_inclusion(
                hashes[index],
                index=index,
                size=size,
                proof=await tree.inclusion(index, size),
                root=roots[size],
            )

    ledger.run(story)
    assert ledger.sql("SELECT level, count(*) FROM tile GROUP BY level") == [(1, 4)]


def test_a_large_log_is_taken_in_by_rounds_and_has_tiles_of_tiles(
    ledger: Founded, signs: Here
) -> None:
    many = 66_000
    ledger.sql(
        """
        INSERT INTO entry (log, n, stream, version, name, event_id, container, digests, leaf,
                           leaf_hash, recorded_at, client, idempotency_key)
        SELECT 0, g, '7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55', g, 'X',
               ('0192' || lpad(to_hex(g), 8, '0') || '7000800000000000aaaa')::uuid,
               '', '', '', sha256(g::text::bytea), now(), 'c', g::text
        FROM generate_series(1, %s) AS g
        """,
        many,
    )
    ledger.sql("UPDATE log_head SET size = %s WHERE log = 0", many)

    async def story(wired: Wired) -> None:
        note = await Integrator(wired.pool, wired.identity, signs).catch_up(0)
        assert note is not None
        hashes = leaf_hashes(ledger)
        assert parse_checkpoint(note.text).root == root(hashes)
        tree = Tree(wired.pool, 0)
        for index in (0, 65_535, 65_536, many - 1):
            verify_inclusion(
                hashes[index],
                index=index,
                size=many,
                proof=await tree.inclusion(index, many),
                root=root(hashes),
            )

    ledger.run(story)
    assert signs.signed == [65_536, many]
    tiles = "SELECT level, count(*) FROM tile GROUP BY level ORDER BY level"
    assert ledger.sql(tiles) == [(1, 257), (2, 1)]


def test_two_that_integrate_at_once_make_one_tree(ledger: Founded, signs: Here) -> None:
    async def story(wired: Wired) -> None:
        made = Requests(ledger.random)
        async with ledger.wired() as other:
            both = [Integrator(one.pool, one.identity, signs) for one in (wired, other)]
            for _ in range(10):
                await grown(wired.store, made, 150)
                await asyncio.gather(*(one.catch_up(0) for one in both))
            await both[0].catch_up(0)
        assert await Tree(wired.pool, 0).root(1500) == root(leaf_hashes(ledger))

    ledger.run(story)
    assert ledger.sql("SELECT max(size) FROM checkpoint WHERE log = 0") == [(1500,)]


def test_a_log_that_was_cut_or_changed_is_not_signed(ledger: Founded, signs: Here) -> None:
    async def story(wired: Wired) -> None:
        made = Requests(ledger.random)
        integrator = Integrator(wired.pool, wired.identity, signs)
        await grown(wired.store, made, 300)
        await integrator.catch_up(0)

        ledger.sql("DELETE FROM entry WHERE log = 0 AND n > 290")
        ledger.sql("DELETE FROM checkpoint WHERE log = 0")
        ledger.sql("UPDATE log_head SET size = 290 WHERE log = 0")
        ledger.sql("UPDATE tree SET size = 290 WHERE log = 0")
        with pytest.raises(RolledBack):
            await integrator.catch_up(0)

        await grown(wired.store, made, 30)
        with pytest.raises(Forked):
            await integrator.catch_up(0)

    ledger.run(story)
    assert ledger.sql("SELECT count(*) FROM checkpoint") == [(0,)]


def test_a_hash_that_is_missing_is_a_fault_and_not_a_shorter_tree(
    ledger: Founded, signs: Here
) -> None:
    async def story(wired: Wired) -> None:
        await grown(wired.store, Requests(ledger.random), 600)
        await Integrator(wired.pool, wired.identity, signs).catch_up(0)
        ledger.sql("DELETE FROM tile WHERE log = 0 AND idx = 1")
        with pytest.raises(Fault, match="lacks hashes of level 1"):
            await Tree(wired.pool, 0).root(600)
        ledger.sql("DELETE FROM entry WHERE log = 0 AND n = 600")
        with pytest.raises(Fault, match="lacks hashes of level 0"):
            await Tree(wired.pool, 0).hashes(0, 590, 600)

    ledger.run(story)


def test_a_follower_keeps_on_over_an_error_and_ends_when_told(ledger: Founded, signs: Here) -> None:
    async def story(wired: Wired) -> None:
        await grown(wired.store, Requests(random.Random(1)), 5)
        stop = asyncio.Event()
        errors: list[Exception] = []
        ledger.sql("ALTER TABLE tree RENAME TO tree_away")

        def failed(error: Exception) -> None:
            errors.append(error)
            stop.set()

        def lost(log: int, error: Exception) -> None:
            raise AssertionError(f"log {log}: {error}")

        follower = Integrator(wired.pool, wired.identity, signs)
        await follower.follow(stop, failed=failed, lost=lost)
        assert len(errors) == 1
        ledger.sql("ALTER TABLE tree_away RENAME TO tree")

    ledger.run(story)
