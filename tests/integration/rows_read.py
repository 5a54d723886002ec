"""How many rows of some tables were read so far, as the server counts them."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from psycopg_pool import AsyncConnectionPool

READ = """
SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables
WHERE relname = ANY (%s)
"""


async def rows_read(pool: AsyncConnectionPool, tables: Sequence[str]) -> int:
    """The rows, once what each connection of the pool counted is known; nobody else may hold one.

    A connection tells of what it did when it has been idle for a while, unless it is made to.
    """
    async with AsyncExitStack() as stack:
        every = [await stack.enter_async_context(pool.connection()) for _ in range(pool.max_size)]
        for each in every:
            await each.execute("SELECT pg_stat_force_next_flush()")
        for each in every:
            await each.execute("SELECT 1")
        row = await (await every[0].execute(READ, [list(tables)])).fetchone()
    assert row is not None
    return int(row[0])
