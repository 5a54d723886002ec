"""A process that appends as fast as it can, with a pool of its own: `python -m ... CONNINFO SEED`.

At the end it says how many entries were acknowledged.
"""

import asyncio
import random
import sys

from ledger.store import Request, Store, open_pool
from tests.integration.appending import Requests

REQUESTS = 1500
IN_FLIGHT = 24


async def _write(conninfo: str, made: Requests) -> int:
    """How many entries were acknowledged."""
    left = [made.request(many=made.random.randint(1, 3)) for _ in range(REQUESTS)]
    acknowledged = 0
    async with open_pool(conninfo, size_max=2) as pool:
        store = Store(pool)

        async def one_after_another() -> None:
            nonlocal acknowledged
            while left:
                request: Request = left.pop()
                outcome = await store.append(0, request)
                assert outcome.name == "accepted", outcome
                acknowledged += len(outcome.entries)

        await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))
    return acknowledged


if __name__ == "__main__":
    print(asyncio.run(_write(sys.argv[1], Requests(random.Random(int(sys.argv[2]))))))
