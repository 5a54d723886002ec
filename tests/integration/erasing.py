"""An eraser over a founded ledger, for tests: as a process of its own would run it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from ledger.erasing import Eraser, Told
from ledger.erasure_store import ERASER_ROLE, ErasureStore
from ledger.store import open_pool
from ledger.tombstones import Tombstones
from tests.integration.wired import Founded, Wired, entry

NOW = "2026-03-02T10:00:00Z"


@asynccontextmanager
async def eraser(
    ledger: Founded, wired: Wired, folder: Path, *, drain_s: float = 0.0
) -> AsyncIterator[Eraser]:
    """An eraser that waits for no other process to let go of a key, unless told to."""
    async with open_pool(ledger.database, size_max=2, role=ERASER_ROLE) as pool:
        yield Eraser(
            wired.reader,
            ErasureStore(pool),
            Tombstones(folder / "tombstones"),
            entropy=ledger.random.randbytes,
            milliseconds=wired.milliseconds,
            drain_s=drain_s,
        )


async def erased(
    ledger: Founded, wired: Wired, folder: Path, *, drain_s: float = 0.0
) -> list[Told]:
    """What became of every erasure that is recorded."""
    async with eraser(ledger, wired, folder, drain_s=drain_s) as working:
        return await working.work()


async def without_key(wired: Wired, subject: UUID, purpose: str = "PHOTO") -> None:
    """The keys of the purpose's content are destroyed, whatever is recorded of that."""
    closed = await wired.keys.close_content(subject, purpose)
    await wired.keys.destroy_keys([key_id for key_id, _ in closed])


def erasure(purpose: str = "*", **more: object) -> dict[str, object]:
    """An erasure as a caller sends it; of every purpose it is the person's."""
    return entry("ErasureExecuted", NOW, purpose=purpose, **more)


def containers(ledger: Founded, subject: UUID) -> list[bytes]:
    """The containers of the stream, by version."""
    query = "SELECT container FROM entry WHERE stream = %s ORDER BY version"
    return [container for (container,) in ledger.sql(query, subject)]
