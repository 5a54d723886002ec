"""What the service is held against: small Litestar applications under the same server settings.

    python -m ops.bench.reference NAME PORT CONNINFO

`ready` returns a ready struct, and has no database. `select` does one prepared SELECT by key
through a pool; `insert` one INSERT. Neither looks at the token that comes with the request.
`obvious` is `reference_obvious`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
import uvicorn
from litestar import Litestar, post
from litestar.datastructures import State
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool
from uvicorn.loops.auto import auto_loop_factory

from api.serving import config

POOL_SIZE = 8
SELECT = "SELECT decision, live, since::text FROM bare WHERE subject = %s AND purpose = %s"
INSERT = "INSERT INTO bare_entry (subject, name, body, key) VALUES (%s, %s, %s, %s) RETURNING n"
MAKE = """
CREATE TABLE bare (
    subject uuid NOT NULL, purpose text NOT NULL, decision text NOT NULL, live text[] NOT NULL,
    since timestamptz NOT NULL, PRIMARY KEY (subject, purpose)
);
CREATE TABLE bare_entry (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, subject uuid NOT NULL, name text NOT NULL,
    body bytea NOT NULL, key text NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now()
);
"""
"""Its tables: one row a person and purpose, and one a recorded entry."""


class Question(msgspec.Struct):
    """The body of a check, as far as it is looked at."""

    subject: UUID
    purpose: str


class Told(msgspec.Struct):
    """A small answer."""

    decision: str
    live: list[str]
    since: str


class NewEntry(msgspec.Struct):
    """An entry, as far as it is looked at."""

    type: str
    effective_at: str
    purpose: str
    given_by: UUID
    capacity: str


class NewEntries(msgspec.Struct):
    """The body of a write."""

    subject: UUID
    entries: list[NewEntry]


READY = Told(decision="PERMIT", live=["a"], since="2026-07-10T10:00:00Z")


@post("/v1/checks", status_code=200)
async def ready() -> Told:
    """What was there before."""
    return READY


@post("/v1/checks", status_code=200)
async def select(data: Question, state: State) -> Told:
    """What one row says."""
    return await selected(state.pool, data)


@post("/v1/entries", status_code=201)
async def insert(data: NewEntries, state: State) -> dict[str, int]:
    """One row more."""
    async with state.pool.connection() as connection:
        entry = data.entries[0]
        values = (data.subject, entry.type, msgspec.json.encode(entry), "key")
        cursor = await connection.execute(INSERT, values, prepare=True)
        row = await cursor.fetchone()
    return {"position": row[0]}


async def selected(pool: AsyncConnectionPool, asked: Question) -> Told:
    """The row, by its key."""
    async with pool.connection() as connection, connection.cursor(row_factory=ROW) as cursor:
        await cursor.execute(SELECT, (asked.subject, asked.purpose), prepare=True)
        found = await cursor.fetchone()
    assert found is not None, "everybody who is asked about has a row"
    return found


ROW = class_row(Told)


async def _configure(connection: AsyncConnection) -> None:
    await connection.set_autocommit(True)


@asynccontextmanager
async def pooled(app: Litestar) -> AsyncIterator[None]:
    """The application with its pool open."""
    async with AsyncConnectionPool(
        app.state.conninfo, min_size=POOL_SIZE, open=False, configure=_configure
    ) as pool:
        app.state.pool = pool
        yield


def plain(handler: Callable[..., object]) -> Callable[[str], Litestar]:
    """An application of one handler and nothing else."""

    def make(conninfo: str) -> Litestar:
        return Litestar(
            route_handlers=[handler],
            lifespan=[pooled] if conninfo else [],
            state=State({"conninfo": conninfo}),
            openapi_config=None,
            logging_config=None,
        )

    return make


def made(name: str, conninfo: str) -> Litestar:
    """The application of this name."""
    if name == "obvious":
        from ops.bench.reference_obvious import obvious

        return obvious(conninfo)
    if name == "ready":
        return plain(ready)("")
    return plain({"select": select, "insert": insert}[name])(conninfo)


async def _serve(app: Litestar, port: int) -> None:
    """Served as the service is; here the pool is opened by the lifespan."""
    settings = config(app)
    settings.lifespan, settings.port = "on", port
    await uvicorn.Server(settings).serve()


def main() -> None:
    """Serve until told to end."""
    name, port, conninfo = sys.argv[1:]
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(_serve(made(name, conninfo), int(port)))


if __name__ == "__main__":
    main()
