"""Custody of keys: made once whoever asks, committed first, and gone once destroyed."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from ledger.errors import Fault, Unavailable
from ledger.kek import FileKek, UnwrapFailed
from ledger.keys import KeyStore, fingerprint
from ledger.seal import DataKey, Destroyed, UnknownKey, key_ring
from tests.integration.key_database import Keys
from tests.integration.waiting import until


@pytest.fixture
def keys(database: str, tmp_path: Path) -> Keys:
    return Keys(database, tmp_path / "kek")


def live(key: DataKey | Destroyed) -> DataKey:
    assert isinstance(key, DataKey)
    return key


def test_a_key_is_made_once_and_is_the_same_in_every_store(keys):
    subjects = [uuid4() for _ in range(3)]
    made = keys.run(lambda store: store.subject_keys(subjects, create=True))
    again = keys.run(lambda store: store.subject_keys(subjects, create=True))
    assert made == again
    assert len({live(key).secret for key in made.values()}) == 3
    assert len({key.key_id for key in made.values()} | set(subjects)) == 6


def test_a_subject_without_a_key_is_left_out_unless_one_is_to_be_made(keys):
    subject = uuid4()
    assert keys.run(lambda store: store.subject_keys([subject], create=False)) == {}
    assert keys.sql("SELECT * FROM subject_key") == []


def test_a_key_is_committed_before_it_is_returned(keys):
    subject = uuid4()

    async def story(store: KeyStore):
        key = live((await store.subject_keys([subject], create=True))[subject])
        content = live(await store.content_key(subject, "early-help", create=True))
        return keys.sql("SELECT key_id FROM subject_key"), key, content

    stored, key, content = keys.run(story)
    assert {key_id for (key_id,) in stored} == {key.key_id, content.key_id}


def test_what_is_stored_is_wrapped_and_recognised_by_its_fingerprint(keys):
    subject = uuid4()
    made = keys.run(lambda store: store.subject_keys([subject], create=True))
    key = live(made[subject])
    ((wrapped, mark),) = keys.sql("SELECT wrapped, fingerprint FROM subject_key")
    assert key.secret not in wrapped
    assert mark == fingerprint(key.secret)


def test_many_new_subjects_are_one_statement(keys):
    subjects = [uuid4() for _ in range(2_000)]
    keys.run(lambda store: store.subject_keys(subjects, create=True))
    assert keys.sql("SELECT count(*), count(DISTINCT xmin::text) FROM subject_key") == [(2_000, 1)]
    assert keys.sql("SELECT count(DISTINCT cmin::text) FROM subject_key") == [(1,)]


def test_creators_at_once_agree_whatever_the_order_they_ask_in(keys):
    subjects = [uuid4() for _ in range(200)]

    async def race():
        async with keys.store() as one, keys.store() as two:
            return await asyncio.gather(
                *(
                    store.subject_keys(order, create=True)
                    for store in (one, two)
                    for order in (subjects, subjects[::-1])
                )
            )

    first, *others = asyncio.run(race())
    assert all(other == first for other in others)
    assert keys.sql("SELECT count(*) FROM subject_key") == [(200,)]


def test_content_has_a_key_for_each_purpose_and_one_for_none(keys):
    subject, other = uuid4(), uuid4()

    async def story(store: KeyStore):
        wanted = [(subject, "a"), (subject, "b"), (subject, None), (other, "a")]
        made = [live(await store.content_key(*use, create=True)) for use in wanted]
        again = [live(await store.content_key(*use, create=True)) for use in wanted]
        return made, again, await store.subject_keys([subject, other], create=False)

    made, again, basis = keys.run(story)
    assert made == again
    assert len({key.key_id for key in [*made, *basis.values()]}) == 6


def test_creators_of_a_content_key_at_once_agree(keys):
    subject = uuid4()

    async def race():
        async with keys.store() as one, keys.store() as two:
            return await asyncio.gather(
                *(store.content_key(subject, None, create=True) for store in (one, two) * 4)
            )

    assert len({live(key).key_id for key in asyncio.run(race())}) == 1


def test_content_that_never_had_a_key_is_an_error_where_none_is_to_be_made(keys):
    with pytest.raises(UnknownKey):
        keys.run(lambda store: store.content_key(uuid4(), "a", create=False))


def test_keys_are_found_by_id_and_unknown_ids_are_left_out(keys):
    subject, unknown = uuid4(), uuid4()
    key = live(keys.run(lambda s: s.subject_keys([subject], create=True))[subject])
    asked = [(key.key_id, 1), (key.key_id, 2), (unknown, 1)]
    found = keys.run(lambda store: store.by_id(asked))
    assert found == {(key.key_id, 1): key.secret}
    with pytest.raises(UnknownKey):
        key_ring(found)(unknown, 1)
    assert keys.run(lambda store: store.by_id([])) == {}


def test_destroying_content_leaves_tombstones_and_room_for_what_comes_later(keys):
    subject = uuid4()

    async def story(store: KeyStore):
        old = live(await store.content_key(subject, "a", create=True))
        kept = live(await store.content_key(subject, "b", create=True))
        (name,) = await store.close_content(subject, "a")
        tombstones = await store.destroy_keys([name[0]])
        assert await store.close_content(subject, "a") == []
        assert await store.content_key(subject, "a", create=False) == tombstones[0]
        new = live(await store.content_key(subject, "a", create=True))
        found = await store.by_id([(k.key_id, 1) for k in (old, kept, new)])
        return old, kept, new, tombstones, found

    old, kept, new, tombstones, found = keys.run(story)
    grave = Destroyed(key_id=old.key_id, version=1, fingerprint=fingerprint(old.secret))
    assert tombstones == [grave]
    assert found == {
        (old.key_id, 1): grave,
        (kept.key_id, 1): kept.secret,
        (new.key_id, 1): new.secret,
    }
    assert old.secret != new.secret


def test_an_erased_person_is_never_given_a_key_again(keys):
    subject, other = uuid4(), uuid4()

    async def erase(store: KeyStore):
        await store.content_key(subject, None, create=True)
        await store.subject_keys([other], create=True)
        return await store.destroy_person(subject)

    async def ask(store: KeyStore):
        return [
            (await store.subject_keys([subject], create=True))[subject],
            await store.content_key(subject, None, create=True),
            await store.content_key(subject, "never-had-one", create=True),
            *(await store.by_id([(grave.key_id, 1) for grave in tombstones])).values(),
        ]

    tombstones = keys.run(erase)
    assert len(tombstones) == 2
    assert all(isinstance(key, Destroyed) for key in keys.run(ask))
    assert keys.sql("SELECT count(*) FROM subject_key WHERE subject = %s", subject) == [(2,)]
    assert keys.run(lambda store: store.subject_keys([other], create=False)).keys() == {other}


def test_a_store_that_still_holds_the_basis_key_gives_an_erased_person_no_new_content_key(keys):
    subject = uuid4()

    async def story():
        async with keys.store() as stale, keys.store() as eraser:
            await stale.subject_keys([subject], create=True)
            await eraser.destroy_person(subject)
            return await stale.content_key(subject, "a", create=True)

    assert isinstance(asyncio.run(story()), Destroyed)
    assert keys.sql("SELECT count(*) FROM subject_key WHERE state = 'live'") == [(0,)]


def waiting_for_a_lock(keys: Keys) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    return keys.sql(query + " AND datname = current_database()") != [(0,)]


async def beside(keys: Keys, blocked: Awaitable, release: Callable[[], object]):
    """The outcome of what waits for a lock until it is released."""
    task = asyncio.ensure_future(blocked)
    await asyncio.to_thread(until, lambda: waiting_for_a_lock(keys), "something waits for a lock")
    release()
    return await task


def test_a_content_key_asked_for_during_an_erasure_waits_and_is_not_made(keys):
    subject = uuid4()

    async def story(store: KeyStore):
        await store.subject_keys([subject], create=True)
        with psycopg.connect(keys.database) as eraser:
            eraser.execute("SELECT 1 FROM subject_key WHERE part = 'basis' FOR UPDATE")
            eraser.execute(
                "UPDATE subject_key SET wrapped = NULL, state = 'destroyed', destroyed_at = now()"
            )
            asked = store.content_key(subject, "a", create=True)
            return await beside(keys, asked, eraser.commit)

    assert isinstance(keys.run(story), Destroyed)
    assert keys.sql("SELECT count(*) FROM subject_key") == [(1,)]


def test_an_erasure_waits_for_a_content_key_being_made_and_destroys_it_too(keys):
    subject = uuid4()

    async def story(store: KeyStore):
        await store.subject_keys([subject], create=True)
        with psycopg.connect(keys.database) as creator:
            creator.execute("SELECT 1 FROM subject_key WHERE part = 'basis' FOR SHARE")
            creator.execute(
                "INSERT INTO subject_key (key_id, key_version, subject, part, kek_id, wrapped, "
                "fingerprint) SELECT gen_random_uuid(), 1, subject, 'content', kek_id, wrapped, "
                "fingerprint FROM subject_key"
            )
            return await beside(keys, store.destroy_person(subject), creator.commit)

    assert len(keys.run(story)) == 2
    assert keys.sql("SELECT count(*) FROM subject_key WHERE state = 'live'") == [(0,)]


def test_nothing_of_a_destroyed_key_stays_in_its_row(keys):
    subject = uuid4()

    async def story(store: KeyStore):
        await store.subject_keys([subject], create=True)
        await store.destroy_person(subject)

    keys.run(story)
    query = "SELECT wrapped, state, destroyed_at IS NOT NULL FROM subject_key"
    assert keys.sql(query) == [(None, "destroyed", True)]


def test_keys_in_memory_spare_the_database_for_as_long_as_they_are_young(keys):
    subject = uuid4()

    async def story(store: KeyStore):
        key = live((await store.subject_keys([subject], create=True))[subject])
        keys.sql("DELETE FROM subject_key")
        keys.clock.now = 59.9
        assert (await store.subject_keys([subject], create=False))[subject] == key
        assert await store.by_id([(key.key_id, 1)]) == {(key.key_id, 1): key.secret}
        keys.clock.now = 60.0
        assert await store.subject_keys([subject], create=False) == {}
        assert await store.by_id([(key.key_id, 1)]) == {}

    keys.run(story)


def test_purged_keys_are_asked_for_again_and_others_are_not(keys):
    gone, kept = uuid4(), uuid4()

    async def story(store: KeyStore):
        made = await store.subject_keys([gone, kept], create=True)
        keys.sql("DELETE FROM subject_key")
        store.purge({made[gone].key_id})
        return await store.subject_keys([gone, kept], create=False)

    assert keys.run(story).keys() == {kept}


def test_a_key_file_that_is_not_the_one_is_named(keys, tmp_path):
    subject = uuid4()
    keys.run(lambda store: store.subject_keys([subject], create=True))
    used = keys.kek.kek_id
    keys.kek = FileKek(tmp_path / "other")
    with pytest.raises(UnwrapFailed, match=used):
        keys.run(lambda store: store.subject_keys([subject], create=False))


def test_wrapping_anew_lets_the_older_epoch_go(keys):
    subject, gone = uuid4(), uuid4()

    async def story(store: KeyStore):
        await store.resolve(scheme="case_id", value="7")
        await store.subject_keys([gone], create=True)
        await store.destroy_person(gone)
        return await store.subject_keys([subject], create=True)

    async def rewrap(store: KeyStore):
        return await store.rewrap(), await store.rewrap()

    before = keys.run(story)
    old = keys.kek.kek_id
    keys.kek.rotate()
    assert keys.run(rewrap) == (2, 0)
    keys.kek.destroy_epoch(old)
    assert keys.run(lambda store: store.subject_keys([subject], create=False)) == before
    keys.run(lambda store: store.resolve(scheme="case_id", value="7"))


def test_a_wrapped_key_in_another_keys_row_does_not_open(keys):
    one, two = uuid4(), uuid4()
    keys.run(lambda store: store.subject_keys([one, two], create=True))
    keys.sql(
        "UPDATE subject_key SET wrapped = (SELECT wrapped FROM subject_key WHERE subject = %s) "
        "WHERE subject = %s",
        one,
        two,
    )
    with pytest.raises(UnwrapFailed):
        keys.run(lambda store: store.subject_keys([two], create=False))


def test_a_fingerprint_that_is_not_the_keys_is_found_out(keys):
    subject = uuid4()
    keys.run(lambda store: store.subject_keys([subject], create=True))
    keys.sql("UPDATE subject_key SET fingerprint = sha256('x')")
    with pytest.raises(Fault, match="fingerprint"):
        keys.run(lambda store: store.subject_keys([subject], create=False))


def test_a_database_that_does_not_answer_is_unavailable_not_an_erasure(keys):
    async def story(store: KeyStore):
        await store._pool.close()
        await store.subject_keys([UUID(int=1)], create=False)

    with pytest.raises(Unavailable, match="key database cannot be reached"):
        keys.run(story)


def test_a_closed_key_opens_what_it_sealed_and_seals_nothing_more(keys):
    subject = uuid4()

    async def story(store: KeyStore):
        old = live(await store.content_key(subject, "a", create=True))
        assert await store.close_content(subject, "a") == [(old.key_id, 1)]
        assert await store.close_content(subject, "a") == [(old.key_id, 1)]
        assert live(await store.content_key(subject, "a", create=False)) == old
        new = live(await store.content_key(subject, "a", create=True))
        assert live(await store.content_key(subject, "a", create=False)) == new != old
        assert await store.by_id([(old.key_id, 1)]) == {(old.key_id, 1): old.secret}
        unknown = uuid4()
        gone = await store.destroy_keys([old.key_id, unknown])
        assert [(one.key_id, one.fingerprint) for one in gone] == [
            (old.key_id, fingerprint(old.secret))
        ]
        assert await store.destroy_keys([old.key_id]) == gone
        assert await store.by_id([(old.key_id, 1)]) == {(old.key_id, 1): gone[0]}
        held = await store.held([old.key_id, unknown], [])
        return held, new, await store.held([], [subject])

    held, new, rest = keys.run(story)
    assert held == []
    assert [one.key_id for one in rest if not one.person] == [new.key_id]
    assert len(rest) == 2
    assert {one.subject for one in rest} == {subject}


def test_a_closed_key_is_wrapped_anew_and_destroyed_with_the_person(keys):
    subject = uuid4()

    async def story(store: KeyStore):
        key = live(await store.content_key(subject, "a", create=True))
        await store.close_content(subject, "a")
        keys.kek.rotate()
        assert await store.rewrap() == 2
        store.purge([key.key_id])
        assert await store.by_id([(key.key_id, 1)]) == {(key.key_id, 1): key.secret}
        return await store.destroy_person(subject)

    assert len(keys.run(story)) == 2
    assert keys.sql("SELECT DISTINCT state FROM subject_key") == [("destroyed",)]
