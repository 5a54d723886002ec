"""Keys asked for at the same time are read and made together, and one that is amiss fails alone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from ledger.errors import Fault, Unavailable
from ledger.keys import KeyStore
from ledger.seal import DataKey, Destroyed
from tests.integration.key_database import Keys

MANY = 40


@pytest.fixture
def keys(database: str, tmp_path: Path) -> Keys:
    return Keys(database, tmp_path / "kek")


def commits(keys: Keys) -> int:
    """How many transactions made the keys that there are."""
    ((made,),) = keys.sql("SELECT count(DISTINCT xmin::text) FROM subject_key")
    return int(made)


def test_new_people_at_once_are_one_commit_content_and_all(keys):
    subjects = [uuid4() for _ in range(MANY)]

    async def story(store: KeyStore):
        return await asyncio.gather(
            *(store.content_key(subject, "a", create=True) for subject in subjects)
        )

    made = keys.run(story)
    assert len({key.key_id for key in made}) == MANY
    assert keys.sql("SELECT count(*) FROM subject_key") == [(2 * MANY,)]
    assert commits(keys) == 1


def test_those_who_ask_for_the_same_at_once_get_the_same(keys):
    subject = uuid4()

    async def story(store: KeyStore):
        return await asyncio.gather(
            *(store.subject_keys([subject, uuid4()], create=True) for _ in range(MANY)),
            *(store.content_key(subject, None, create=True) for _ in range(MANY)),
        )

    found = keys.run(story)
    assert len({one[subject].key_id for one in found[:MANY]}) == 1
    assert len({one.key_id for one in found[MANY:]}) == 1
    assert all(len(one) == 2 for one in found[:MANY])


def test_keys_looked_for_by_id_at_once_are_told_to_each_who_asked(keys):
    subjects = [uuid4() for _ in range(MANY)]
    made = keys.run(lambda store: store.subject_keys(subjects, create=True))
    names = [(made[subject].key_id, 1) for subject in subjects]

    async def story(store: KeyStore):
        unknown = (uuid4(), 1)
        return await asyncio.gather(*(store.by_id([name, unknown]) for name in names))

    assert keys.run(story) == [
        {name: made[subject].secret} for name, subject in zip(names, subjects, strict=True)
    ]


def test_a_person_who_is_being_erased_holds_up_nobody_else(keys):
    erased, other = uuid4(), uuid4()

    async def story(store: KeyStore):
        await store.subject_keys([erased, other], create=True)
        with psycopg.connect(keys.database) as eraser:
            eraser.execute(
                "SELECT 1 FROM subject_key WHERE subject = %s AND part = 'basis' FOR UPDATE",
                [erased],
            )
            waits = asyncio.create_task(store.content_key(erased, "a", create=True))
            # The one for whom there is a lock comes first; the other is not behind it.
            made = await store.content_key(other, "a", create=True)
            assert not waits.done()
            eraser.execute(
                "UPDATE subject_key SET wrapped = NULL, state = 'destroyed', destroyed_at = now() "
                "WHERE subject = %s",
                [erased],
            )
            eraser.commit()
        return made, await waits

    made, gone = keys.run(story)
    assert isinstance(made, DataKey)
    assert isinstance(gone, Destroyed)


@pytest.mark.parametrize(
    "ask",
    [
        lambda store, key: store.by_id([(key.key_id, 1)]),
        lambda store, key: store.subject_keys([key.subject], create=True),
    ],
)
def test_a_key_that_is_not_what_it_was_fails_alone(keys, ask):
    sound, altered = uuid4(), uuid4()
    keys.run(lambda store: store.subject_keys([sound, altered], create=True))
    keys.sql("UPDATE subject_key SET fingerprint = sha256('x') WHERE subject = %s", altered)

    async def story(store: KeyStore):
        held = await store.held([], [sound, altered])
        ordered = sorted(held, key=lambda one: one.subject == altered)
        return await asyncio.gather(*(ask(store, one) for one in ordered), return_exceptions=True)

    good, bad = keys.run(story)
    assert len(good) == 1
    assert isinstance(bad, Fault)


Ask = Callable[[KeyStore], Awaitable[object]]


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.by_id([(uuid4(), 1)]),
        lambda store: store.subject_keys([uuid4()], create=True),
        lambda store: store.content_key(uuid4(), None, create=True),
    ],
)
def test_whoever_waits_for_a_key_while_the_process_ends_is_told_to_ask_again(keys, ask: Ask):
    async def story(store: KeyStore):
        waits = asyncio.ensure_future(ask(store))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for batcher in (store._basis, store._contents, store._named):
            if batcher._running is not None:
                batcher._running.cancel()
        with pytest.raises(Unavailable, match="ask again"):
            await waits

    keys.run(story)
