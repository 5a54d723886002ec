"""Consumers: what they acknowledge only grows, and what signs for them is kept wrapped."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from ledger.kek import UnwrapFailed
from projections.consumer_secrets import Named, Secrets
from projections.consumers import CONSUMERS_MAX, TooMany, Wanted
from projections.feed_cursor import Cursor, Mark, earliest
from tests.integration.delivering import CLIENT, NOW, Scene
from tests.integration.wired import Founded, Wired, founded

CRM = Named(CLIENT, "crm")
Story = Callable[[Scene], Awaitable[None]]


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path, logs=2) as made:
        yield made


def told(ledger: Founded, story: Story) -> None:
    async def within(wired: Wired) -> None:
        await asyncio.wait_for(story(Scene(ledger, wired)), 120)

    ledger.run(within)


def place(*numbers: tuple[int, int]) -> Cursor:
    """A cursor with these last entries and last changes by time, one a log."""
    return Cursor(
        marks=tuple(Mark(n=n, leaf_hash=f"{n:08x}" if n else None, m=m) for n, m in numbers)
    )


def wanted(url: str | None = "https://x.example", **more: object) -> Wanted:
    usual = {"purposes": None, "description": None, "acknowledges": "explicit"}
    return Wanted(url=url, **{"start": earliest(2), **usual, **more})  # type: ignore[arg-type]


def test_what_was_acknowledged_never_goes_back(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        for at, expected in (
            (place((5, 1), (0, 0)), place((5, 1), (0, 0))),
            (place((3, 2), (0, 0)), place((5, 2), (0, 0))),
            (place((0, 0), (7, 0)), place((5, 2), (7, 0))),
            (place((5, 2), (7, 0)), place((5, 2), (7, 0))),
            (place((1, 0), (1, 0)), place((5, 2), (7, 0))),
        ):
            now = await scene.consumers.acknowledge(CRM, at)
            assert now is not None and now.acknowledged == expected.spelt()
        assert await scene.consumers.acknowledge(Named("other", "crm"), earliest(2)) is None

    told(ledger, story)


def test_when_it_was_said_last_is_kept_and_a_repetition_says_nothing(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        assert (await scene.now("crm")).acknowledged_at is None
        for minutes in (1, 2):
            scene.at(minutes=minutes)
            await scene.consumers.acknowledge(CRM, place((5, 1), (0, 0)))
        assert (await scene.now("crm")).acknowledged_at == NOW + timedelta(minutes=1)

    told(ledger, story)


def test_of_acknowledgements_at_the_same_time_none_is_lost(ledger: Founded) -> None:
    print("seed", seed := random.randrange(2**32))
    chance = random.Random(seed)

    async def story(scene: Scene) -> None:
        await scene.register("crm")
        places = [
            place(*((chance.randint(1, 50), chance.randint(0, 9)) for _ in range(2)))
            for _ in range(40)
        ]
        await asyncio.gather(*(scene.consumers.acknowledge(CRM, one) for one in places))
        expected = earliest(2)
        for one in places:
            expected = expected.joined(one)
        assert (await scene.now("crm")).acknowledged == expected.spelt()

    told(ledger, story)


def test_what_was_delivered_counts_where_that_was_wanted_and_stays_counted(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.wired.adopt()
        await scene.register("crm", acknowledges="delivery")
        await scene.look()
        delivered = (await scene.now("crm")).delivered
        assert (await scene.now("crm")).acknowledged == "0:0-0,1:0-0"
        assert (await scene.now("crm")).acted(2).spelt() == delivered != "0:0-0,1:0-0"
        await scene.register("crm", acknowledges="explicit")
        now = await scene.now("crm")
        assert now.acknowledged == now.acted(2).spelt() == delivered

    told(ledger, story)


def test_an_explicit_one_has_acted_on_nothing_that_was_merely_delivered(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.wired.adopt()
        await scene.register("crm")
        await scene.look()
        assert scene.taken("crm") == [1]
        assert (await scene.now("crm")).acted(2) == earliest(2)

    told(ledger, story)


def test_registered_again_it_goes_on_where_it_was(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.consumers.register(CRM, wanted(description="ring 100"))
        await scene.consumers.acknowledge(CRM, place((4, 0), (0, 0)))
        again = wanted(
            "https://y.example", purposes=frozenset({"B", "A"}), start=place((9, 0), (9, 0))
        )
        now, secret = await scene.consumers.register(CRM, again)
        assert (now.url, now.purposes, now.description) == ("https://y.example", ["A", "B"], None)
        assert (now.delivered, now.acknowledged) == ("0:0-0,1:0-0", "0:4:00000004-0,1:0-0")
        assert secret is None

    told(ledger, story)


def test_of_two_that_register_it_first_one_makes_it(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        made = await asyncio.gather(
            *(scene.consumers.register(CRM, wanted()) for _ in range(4)), return_exceptions=True
        )
        secrets = [one[1] for one in made if not isinstance(one, BaseException)]
        assert len(secrets) == 4
        assert sum(one is not None for one in secrets) == 1
        assert len(await scene.consumers.every(CLIENT)) == 1

    told(ledger, story)


def test_a_client_has_so_many_and_no_more(ledger: Founded) -> None:
    def name(n: int) -> str:
        return f"crm-{chr(97 + n // 26)}{chr(97 + n % 26)}"

    async def story(scene: Scene) -> None:
        for n in range(CONSUMERS_MAX):
            await scene.consumers.register(Named(CLIENT, name(n)), wanted(None))
        with pytest.raises(TooMany):
            await scene.consumers.register(CRM, wanted(None))
        await scene.consumers.register(Named(CLIENT, name(3)), wanted(None, description="x"))
        await scene.consumers.register(Named("another", "crm"), wanted(None))
        assert await scene.consumers.remove(Named(CLIENT, name(3)))
        await scene.consumers.register(CRM, wanted(None))
        assert not await scene.consumers.remove(Named(CLIENT, name(3)))

    told(ledger, story)


# Secrets.


def test_one_that_pulls_has_no_secret_until_it_is_sent_events(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        assert (await scene.consumers.register(CRM, wanted(None)))[1] is None
        assert await scene.consumers.new_secret(CRM, hours=1) is None
        first = (await scene.consumers.register(CRM, wanted()))[1]
        assert first is not None
        assert await scene.secrets.of(CRM) == [first]

    told(ledger, story)


def test_a_secret_is_changed_with_a_lapse_in_which_both_sign(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        first = await scene.register("crm")
        second = await scene.consumers.new_secret(CRM, hours=24)
        assert first is not None and second is not None
        held = await scene.secrets.of(CRM)
        assert [one.shared for one in held] == [second.shared, first.shared]
        assert [one.ends_at for one in held] == [None, NOW + timedelta(hours=24)]
        await scene.wired.adopt()
        await scene.look()
        assert [one.version for one in scene.answers.targets[-1].secrets] == [2, 1]
        scene.at(hours=24)
        assert await scene.secrets.of(CRM) == [second]
        third = await scene.consumers.new_secret(CRM, hours=24)
        assert third is not None and third.version == 3
        assert scene.ledger.sql("SELECT version FROM feed_secret ORDER BY 1") == [(2,), (3,)]

    told(ledger, story)


def test_one_that_got_out_ends_at_once(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        await scene.consumers.new_secret(CRM, hours=100)
        last = await scene.consumers.new_secret(CRM, hours=0)
        assert await scene.secrets.of(CRM) == [last]
        assert scene.ledger.sql("SELECT version FROM feed_secret") == [(3,)]

    told(ledger, story)


def test_however_often_it_is_changed_the_last_three_are_kept(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        for _ in range(6):
            await scene.consumers.new_secret(CRM, hours=24)
        assert [one.version for one in await scene.secrets.of(CRM)] == [7, 6, 5]

    told(ledger, story)


def test_a_secret_is_stored_wrapped_and_opens_in_its_own_row_alone(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        first = await scene.register("crm")
        await scene.register("hr")
        assert first is not None
        ((wrapped, public),) = scene.ledger.sql(
            "SELECT wrapped, public FROM feed_secret WHERE name = 'crm'"
        )
        assert public == first.public
        assert first.shared not in wrapped and first.private not in wrapped
        scene.ledger.sql("UPDATE feed_secret SET wrapped = %s WHERE name = 'hr'", wrapped)
        with pytest.raises(UnwrapFailed):
            await scene.secrets.of(Named(CLIENT, "hr"))

    told(ledger, story)


def test_a_new_key_encrypting_key_wraps_every_secret_before_the_old_one_goes(
    ledger: Founded,
) -> None:
    async def story(scene: Scene) -> None:
        first = await scene.register("crm")
        await scene.register("hr")
        old = scene.ledger.kek.kek_id
        scene.ledger.kek.rotate()
        assert (await scene.secrets.rewrap(), await scene.secrets.rewrap()) == (2, 0)
        scene.ledger.kek.destroy_epoch(old)
        assert await scene.secrets.of(CRM) == [first]

    told(ledger, story)


def test_deleted_with_the_consumer_and_readable_by_no_reader(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        for role in ("ledger_reader", "ledger_auditor", "ledger_eraser"):
            async with scene.ledger.wired(role=role) as other:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    secrets = Secrets(other.pool, scene.ledger.kek, entropy=random.randbytes)
                    await secrets.of(CRM)
        await scene.consumers.remove(CRM)
        assert scene.ledger.sql("SELECT count(*) FROM feed_secret") == [(0,)]

    told(ledger, story)
