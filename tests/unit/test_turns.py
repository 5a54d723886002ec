"""Turns: one holder a key, in the order of asking, and nobody who went away holds up the rest."""

import asyncio
from collections.abc import Awaitable, Callable

from ledger.turns import Turns


def told(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(bounded())


async def asking(turns: Turns[str], key: str) -> "asyncio.Task[None]":
    """Somebody who has asked for their turn."""
    task = asyncio.create_task(turns.take(key))
    await asyncio.sleep(0)
    return task


def test_turns_come_in_the_order_of_asking_and_other_keys_are_free() -> None:
    async def story() -> None:
        turns: Turns[str] = Turns()
        await turns.take("a")
        second, third = await asking(turns, "a"), await asking(turns, "a")
        await turns.take("b")
        turns.give("a")
        await second
        assert not third.done()
        turns.give("a")
        await third

    told(story)


def test_whoever_goes_away_while_waiting_is_passed_over() -> None:
    async def story() -> None:
        turns: Turns[str] = Turns()
        await turns.take("a")
        gone, stays = await asking(turns, "a"), await asking(turns, "a")
        gone.cancel()
        await asyncio.wait([gone])
        turns.give("a")
        await stays
        assert gone.cancelled()

    told(story)


def test_whoever_goes_away_just_as_their_turn_comes_hands_it_on() -> None:
    async def story() -> None:
        turns: Turns[str] = Turns()
        await turns.take("a")
        gone, stays = await asking(turns, "a"), await asking(turns, "a")
        turns.give("a")
        gone.cancel()
        await asyncio.wait([gone])
        await stays
        assert gone.cancelled()

    told(story)


def test_what_nobody_holds_takes_no_room() -> None:
    async def story() -> None:
        turns: Turns[str] = Turns()
        await turns.take("a")
        waiting = await asking(turns, "a")
        waiting.cancel()
        await asyncio.wait([waiting])
        turns.give("a")
        assert turns._waiting == {}
        await turns.take("a")

    told(story)
