"""What the commands share: exit codes, options, files read, and a command run on the database.

Not here: any one command, or what is printed (`output`, `shown`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec
import rich_click as click

import migrations
from api.remote import Service
from api.runtime import Places, Runtime, places, prepare, running
from api.settings import Settings
from ledger.errors import LedgerError, Malformed

FAILED = 1
DIFFERS = 3
LOCAL_CLIENT = "local"
"""Who recorded what a command records without a service."""

T = TypeVar("T")
Act = Callable[[Runtime], Awaitable[T]]

url_option = click.option(
    "--url", envvar="LEDGER_URL", help="A running service; without one, the configured database."
)
token_option = click.option(
    "--token", envvar="LEDGER_TOKEN", help="Its bearer token, as `ledger token` prints one."
)
file_argument = click.Path(dir_okay=False, path_type=Path)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a command acts: at a running service, or on the database of these settings."""

    settings: Settings
    service: Service | None

    def on_ledger(self, act: Act[T]) -> T:
        """What the act on the database comes to."""
        return on_ledger(self.settings, act)


def target(settings: Settings, *, url: str | None, token: str | None) -> Target:
    """The service where a URL was given; a service needs a token."""
    if not url:
        return Target(settings=settings, service=None)
    if not token:
        raise Malformed("set it, or LEDGER_TOKEN: `ledger token` prints one", field="--token")
    return Target(settings=settings, service=Service(url=url, token=token))


def on_ledger(settings: Settings, act: Act[T]) -> T:
    """What the act on the configured database comes to, everything closed again."""
    with places(settings) as where:
        make_ready(where, settings)
        return asyncio.run(_acted(where, settings, act))


async def _acted(where: Places, settings: Settings, act: Act[T]) -> T:
    async with running(where, settings) as ledger:
        return await act(ledger)


def make_ready(where: Places, settings: Settings) -> None:
    """A database of our own is brought to this release; another one must have been."""
    if where.embedded:
        prepare(where, settings)
        return
    waiting = [*migrations.pending(where.database, "ledger")]
    waiting += migrations.pending(where.keys, "keys")
    if waiting:
        raise migrations.MigrationError(
            f"{len(waiting)} migrations have not run on this database: run `ledger migrate` first"
        )


def file_bytes(path: Path) -> bytes:
    """The file, or `Malformed` naming it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror}", field=str(path)) from error


def in_file(path: Path, error: LedgerError) -> Malformed:
    """The error, saying in which file."""
    return Malformed(str(error), field=str(path))


def subject_of(text: str, *, field: str = "--subject") -> UUID:
    """The subject as the resolver gave it."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Malformed("must be a UUID, as the resolver gave it", field=field) from error
