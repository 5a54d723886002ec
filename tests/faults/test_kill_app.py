"""Nothing acknowledged is lost, doubled or reordered when processes that record are killed."""

import random

from tests.faults.scene import scene

KILLS = 30
HEARD = (1, 80)
"""How much is heard of a process before it is killed: now at its start, now in full flight."""
WRITERS = ("ada", "ben")


def test_what_was_acknowledged_is_there_once_and_in_order_however_often_writers_are_killed():
    print("seed", seed := random.randrange(2**32))
    chance = random.Random(seed)
    with scene(*WRITERS) as on:
        for _ in range(KILLS):
            killed = chance.choice(WRITERS)
            on.hear((killed,), said=chance.randint(*HEARD))
            on.kill(killed)
        for name in WRITERS:
            # One that has only just been started is not yet there to be stopped in order.
            on.hear((name,), acknowledged=20)
        unknown = on.book.unknown()
        on.stop()
        print(
            KILLS, "kills of a writer;", dict(on.book.counts), "at the last kill unknown", unknown
        )
        assert on.book.unknown() == 0
        assert on.findings() == []
        assert on.book.counts["replayed"] > 0, "no kill came between a commit and its answer"
