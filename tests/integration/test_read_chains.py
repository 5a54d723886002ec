"""Reads and rows leave together; every row that was acknowledged is in a chain without a gap."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg
import pytest

from ledger.errors import Fault, Unavailable
from projections.read_chains import ROWS_MAX, WAIT_SECONDS_MAX, ReadChains, _together
from projections.read_verification import Chain
from tests.integration.auditing import auditing, broken, rows, verified, written
from tests.integration.wired import Founded, born, founded


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


class Flushes:
    """A watch that notes how many each flush takes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, name: str) -> "Flushes":
        assert name == "read"
        return self

    def arrived(self) -> None:
        return None

    def flush(self, arrived: Sequence[object]) -> AbstractContextManager[None]:
        self.sizes.append(len(arrived))
        return nullcontext()


def lane(reads: ReadChains):
    return reads._lane(0)


# Reading.


def test_dossiers_are_those_of_the_store_alone_and_together(ledger):
    async def story(wired):
        await wired.adopt()
        people = [ledger.subject() for _ in range(3)]
        for one in people[:2]:
            await wired.record(one, born())
        async with auditing(ledger) as reads:
            for some in (people[:1], people[2:], people, [ledger.identity.stream]):
                own = ledger.identity.stream
                expected = await wired.store.dossiers(0, some, own=own)
                found = await reads.dossiers(0, dict.fromkeys(some))
                assert list(found) == list(expected)
                for subject, row in found.items():
                    same = msgspec.structs.replace(row, now=expected[subject].now)
                    assert same == expected[subject]

    ledger.run(story)


def test_a_destroyed_person_is_read_so(ledger):
    subject = ledger.subject()
    ledger.sql("INSERT INTO tombstone (log, subject, n) VALUES (0, %s, 1)", subject)

    async def story(_):
        async with auditing(ledger) as reads:
            alone = await reads.dossiers(0, {subject: None})
            both = await reads.dossiers(0, {subject: None, ledger.subject(): None})
            return alone[subject].destroyed, both[subject].destroyed

    assert ledger.run(story) == (True, True)


def test_what_waits_leaves_in_one_flush_reads_and_rows_alike(ledger):
    async def story(_):
        flushes = Flushes()
        async with auditing(ledger, watching=flushes) as reads:
            found = await asyncio.gather(
                *(reads.dossiers(0, {ledger.subject(): None}) for _ in range(20)),
                *(reads.write(rows(ledger, 2)) for _ in range(20)),
            )
        assert [one is not None and len(one) for one in found[:20]] == [1] * 20
        assert flushes.sizes == [40]

    ledger.run(story)
    assert len(written(ledger)) == 40
    assert broken(ledger) == []


def test_a_commit_waits_for_this_servers_disk_and_for_no_standby(ledger):
    async def story(_):
        async with auditing(ledger) as reads, reads._pool.connection() as connection:
            found = await (await connection.execute("SHOW synchronous_commit")).fetchone()
            role = await (await connection.execute("SELECT current_user")).fetchone()
            return found, role

    assert ledger.run(story) == (("local",), ("ledger_app",))


# Chains.


def test_everything_acknowledged_is_in_the_chain_of_its_process_without_a_gap(ledger):
    async def asking(reads, acknowledged):
        for _ in range(6):
            await reads.dossiers(0, {ledger.subject(): None})
            some = rows(ledger, ledger.random.randint(1, 3))
            await reads.write(some)
            acknowledged += [one.id for one in some]

    async def story(_):
        acknowledged: list = []
        async with auditing(ledger) as one, auditing(ledger) as other:
            both = [one, other] * 20
            await asyncio.gather(*(asking(reads, acknowledged) for reads in both))
            await one.drain()
        return acknowledged

    acknowledged = ledger.run(story)
    stored = written(ledger)
    assert sorted(id_ for *_, id_ in stored) == sorted(acknowledged)
    assert len({chain for _, chain, _, _ in stored}) == 2
    assert broken(ledger) == []
    counted = [one.rows for one in verified(ledger) if isinstance(one, Chain)]
    assert sum(counted) == len(stored)


def test_each_log_has_a_chain_of_its_own_and_all_name_their_process(database, tmp_path):
    with founded(database, tmp_path, logs=4) as ledger:

        async def story(_):
            async with auditing(ledger) as reads:
                await reads.write(rows(ledger, 40))
                await reads.write(rows(ledger, 40))

        ledger.run(story)
        begun = ledger.sql("SELECT log, chain, process FROM read_audit_chain ORDER BY log")
        assert [log for log, *_ in begun] == [0, 1, 2, 3]
        assert len({process for *_, process in begun}) == 1
        assert {(log, chain) for log, chain, *_ in written(ledger)} == {one[:2] for one in begun}
        assert broken(ledger) == []


def test_more_rows_than_a_flush_may_hold_are_written_in_several(ledger):
    flushes = Flushes()

    async def story(_):
        async with auditing(ledger, watching=flushes) as reads:
            await reads.write(rows(ledger, 2 * ROWS_MAX + 1))
            await reads.write([])

    ledger.run(story)
    # The second takes along the one that is left, which is small.
    assert flushes.sizes == [1, 2]
    assert [n for _, _, n, _ in written(ledger)] == list(range(1, 2 * ROWS_MAX + 2))
    assert broken(ledger) == []


def test_a_chain_that_nothing_was_written_to_is_not_begun(ledger):
    async def story(_):
        async with auditing(ledger) as reads:
            await reads.dossiers(0, {ledger.subject(): None})

    ledger.run(story)
    assert ledger.sql("SELECT * FROM read_audit_chain") == []


# Trouble.


def terminated(ledger: Founded, reads: ReadChains) -> None:
    """The connections that wait to be used are gone."""
    pids = [one.info.backend_pid for one in reads._pool._pool]
    assert pids
    ledger.sql("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", pids)


def test_connections_that_are_gone_between_a_read_and_its_row_are_made_again(ledger):
    async def story(_):
        async with auditing(ledger) as reads:
            for _ in range(3):
                await reads.dossiers(0, {ledger.subject(): None})
                terminated(ledger, reads)
                await reads.write(rows(ledger, 2))

    ledger.run(story)
    assert len(written(ledger)) == 6
    assert broken(ledger) == []


def test_rows_whose_commit_was_not_acknowledged_are_sent_again_and_are_there_once(ledger):
    async def story(_):
        async with auditing(ledger) as reads:
            await reads.write(rows(ledger, 1))
            chain, lost = lane(reads)._chain, [psycopg.OperationalError("lost after the commit")]
            move = chain.move

            def moved(some):
                if lost:
                    raise lost.pop()
                move(some)

            chain.move = moved
            await asyncio.gather(reads.write(rows(ledger, 2)), reads.write(rows(ledger, 1)))
            await reads.write(rows(ledger, 1))

    ledger.run(story)
    assert [n for _, _, n, _ in written(ledger)] == [1, 2, 3, 4, 5]
    assert broken(ledger) == []


@pytest.mark.parametrize("error", [psycopg.OperationalError("lost"), asyncio.CancelledError()])
def test_a_chain_whose_end_is_unknown_is_never_gone_on_with(ledger, error):
    async def story(_):
        async with auditing(ledger) as reads:
            await reads.write(rows(ledger, 1))
            chain = lane(reads)._chain
            move = chain.move

            def lost_after_the_commit(_):
                raise error

            chain.move = lost_after_the_commit
            with pytest.raises(Unavailable, match="cannot be recorded"):
                await reads.write(rows(ledger, 1))
            chain.move = move
            await reads.write(rows(ledger, 1))

    ledger.run(story)
    stored = written(ledger)
    assert sorted(n for _, _, n, _ in stored) == [1, 1, 2]
    assert len({chain for _, chain, _, _ in stored}) == 2
    assert broken(ledger) == []


def test_a_row_that_is_refused_fails_alone(ledger):
    async def story(_):
        async with auditing(ledger) as reads:
            bad = rows(ledger, 1, client="\0")
            found = await asyncio.gather(
                *(reads.write(rows(ledger, 1)) for _ in range(5)),
                reads.write(bad),
                *(reads.dossiers(0, {ledger.subject(): None}) for _ in range(5)),
                *(reads.write(rows(ledger, 1)) for _ in range(5)),
                return_exceptions=True,
            )
            failed = [one for one in found if isinstance(one, BaseException)]
            assert [type(one) for one in failed] == [Unavailable]
            assert found[5] is failed[0]

    ledger.run(story)
    assert len(written(ledger)) == 10
    assert broken(ledger) == []


def test_where_no_row_may_be_written_reading_goes_on(ledger):
    ledger.sql("REVOKE INSERT ON read_audit FROM ledger_app")

    async def story(_):
        async with auditing(ledger) as reads:
            found = await asyncio.gather(
                reads.write(rows(ledger, 1)),
                reads.dossiers(0, {ledger.subject(): None}),
                return_exceptions=True,
            )
            assert isinstance(found[0], Unavailable)
            assert isinstance(found[1], dict)

    ledger.run(story)


def test_where_the_table_is_held_up_the_rows_fail_and_reading_goes_on(ledger):
    async def story(_):
        session = "SET synchronous_commit = 'local'; SET statement_timeout = '300ms'"
        async with auditing(ledger, session=session) as reads:
            await reads.write(rows(ledger, 1))
            async with await psycopg.AsyncConnection.connect(ledger.database) as holding:
                await holding.execute("LOCK TABLE read_audit IN ACCESS EXCLUSIVE MODE")
                found = await asyncio.gather(
                    reads.write(rows(ledger, 1)),
                    reads.dossiers(0, {ledger.subject(): None}),
                    return_exceptions=True,
                )
            assert isinstance(found[0], Unavailable)
            assert isinstance(found[1], dict)
            await reads.write(rows(ledger, 1))

    ledger.run(story)
    assert len(written(ledger)) == 2
    assert broken(ledger) == []


def test_a_row_that_waited_too_long_is_not_written(ledger):
    moments = iter([0.0, WAIT_SECONDS_MAX + 1.0, 100.0, 100.0 + WAIT_SECONDS_MAX, 100.0, 100.0])

    async def story(_):
        async with auditing(ledger, clock=lambda: next(moments)) as reads:
            with pytest.raises(Unavailable):
                await reads.write(rows(ledger, 1))
            await reads.write(rows(ledger, 1))

    ledger.run(story)
    assert len(written(ledger)) == 1


def test_it_is_not_tried_for_ever(ledger):
    moments = iter([0.0, 0.0, WAIT_SECONDS_MAX + 1.0])

    async def story(_):
        async with auditing(ledger, clock=lambda: next(moments)) as reads:
            tries: list[object] = []

            async def lost(*given):
                tries.append(given)
                raise psycopg.OperationalError("lost")

            lane(reads)._once = lost
            with pytest.raises(Unavailable):
                await reads.write(rows(ledger, 1))
            assert len(tries) == 1

    ledger.run(story)


def test_a_pool_that_is_closed_gives_no_answer(ledger):
    async def story(_):
        async with auditing(ledger) as reads:
            await reads.dossiers(0, {ledger.subject(): None})
        with pytest.raises(Unavailable):
            await reads.dossiers(0, {ledger.subject(): None})
        with pytest.raises(Unavailable):
            await reads.write(rows(ledger, 1))

    ledger.run(story)


def test_what_waits_when_the_process_ends_is_told_so(ledger):
    async def story(_):
        async with auditing(ledger) as reads:
            asking = [
                asyncio.create_task(reads.dossiers(0, {ledger.subject(): None})),
                asyncio.create_task(reads.write(rows(ledger, 1))),
            ]
            for _ in range(2):
                await asyncio.sleep(0)
            running = lane(reads).batcher._running
            assert running is not None
            running.cancel()
            found = await asyncio.gather(*asking, return_exceptions=True)
            assert [type(one) for one in found] == [Unavailable, Unavailable]

    ledger.run(story)


def test_a_read_that_the_database_refuses_is_a_fault(ledger):
    ledger.sql("REVOKE SELECT ON dossier FROM ledger_app")

    async def story(_):
        async with auditing(ledger) as reads:
            with pytest.raises(Fault, match="SQLSTATE 42501"):
                await reads.dossiers(0, {ledger.subject(): None})

    ledger.run(story)


# What is said of chains.


def test_a_verified_chain_names_its_end_for_whoever_anchors_it(ledger):
    async def story(_):
        async with auditing(ledger) as reads:
            await reads.write(rows(ledger, 3))

    ledger.run(story)
    ((chain, n, hash_),) = ledger.sql("SELECT chain, n, hash FROM read_audit WHERE n = 3")
    assert verified(ledger) == [Chain(log=0, chain=chain, rows=3, n=n, hash=hash_)]


def test_what_is_wanted_by_several_is_left_out_only_where_all_hold_the_same():
    one, other, third = (UUID(int=n) for n in range(3))
    assert _together([{one: b"a", other: b"b"}, {one: b"a", third: None}, {other: b"c"}]) == {
        one: b"a",
        other: None,
        third: None,
    }
    assert _together([{one: None}, {one: b"a"}]) == _together([{one: b"a"}, {one: None}])
