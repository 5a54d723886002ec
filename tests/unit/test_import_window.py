"""What an import may have in flight: bounded in entries and in bytes, and never stuck."""

import asyncio
from random import Random

from api.importing import IN_FLIGHT, Window
from ledger.batch import WEIGHT_MAX


def test_what_is_in_flight_leaves_in_one_flush() -> None:
    assert IN_FLIGHT <= WEIGHT_MAX


def test_more_than_there_is_room_for_is_never_in_flight() -> None:
    seed = Random().randrange(2**32)
    print("seed", seed)
    dice, window = Random(seed), Window(entries=10, size=100)
    held: list[tuple[int, int]] = []
    most: list[tuple[int, int]] = []

    async def line(entries: int, size: int) -> None:
        await window.enter(entries, size)
        held.append((entries, size))
        most.append((sum(one[0] for one in held), sum(one[1] for one in held)))
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
        held.remove((entries, size))
        window.leave(entries, size)

    async def story() -> None:
        lines = [line(dice.randint(1, 6), dice.randint(1, 60)) for _ in range(300)]
        await asyncio.gather(*lines)

    asyncio.run(asyncio.wait_for(story(), 30))
    assert len(most) == 300
    assert max(entries for entries, _ in most) <= 10
    assert max(size for _, size in most) <= 100
    assert max(entries for entries, _ in most) > 6


def test_a_line_larger_than_all_the_room_waits_until_it_is_alone() -> None:
    async def story() -> list[str]:
        window, told = Window(entries=10, size=100), []
        await window.enter(1, 1)

        async def large() -> None:
            await window.enter(1000, 5000)
            told.append("in")

        task = asyncio.create_task(large())
        await asyncio.sleep(0)
        told.append("waits")
        window.leave(1, 1)
        await task
        window.leave(1000, 5000)
        await window.enter(10, 100)
        return told

    assert asyncio.run(asyncio.wait_for(story(), 30)) == ["waits", "in"]
