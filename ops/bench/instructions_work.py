"""What `instructions` counts, done as often as it is told to on standard input: "check 20".

Everything comes from the first line, and the same line makes the same work. Every answer is held
against the one known beforehand: a wrong one ends the process.
"""

from __future__ import annotations

import asyncio
import gc
import select
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar
from uvicorn.loops.auto import auto_loop_factory

from api.access import SCOPES
from api.app import create_app
from api.runtime import Places, running
from api.settings import Settings
from api.telemetry import Telemetry
from api.trust import accepted_tokens, local_issuer
from ledger.answer import answer
from ledger.history import Dossier
from ledger.rules.rulebook import uk_gdpr
from ops.bench.people import PURPOSE, RECENT, Person, granted
from ops.bench.questions import common_dossier, dossier_of, question

WORKS = ("answer", "check", "append")
POLL_S = 0.002
"""A process that waits in the kernel would not hear callgrind's monitor."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger and its people."""

    settings: Settings
    database: str
    keys: str
    folder: str
    asked: list[Person]
    written: list[Person]

    @classmethod
    def of(
        cls, settings: Settings, where: Places, *, asked: list[Person], written: list[Person]
    ) -> Told:
        """As the process that counts is told."""
        return cls(
            settings=settings, database=where.database, keys=where.keys, folder=str(where.folder),
            asked=asked, written=written,
        )  # fmt: skip

    def where(self) -> Places:
        """Where the ledger keeps things."""
        folder = Path(self.folder)
        return Places(database=self.database, keys=self.keys, folder=folder, embedded=False)


class Works:
    """Each work, done so often; the next one goes on where the last ended."""

    def __init__(self, told: Told, app: Litestar) -> None:
        self._app = app
        token = local_issuer(told.settings).token("bench", SCOPES, seconds=86_400)
        self._headers = [
            (b"host", b"ledger.example"),
            (b"authorization", f"Bearer {token}".encode()),
            (b"content-type", b"application/json"),
        ]
        self._asked = told.asked
        self._written = iter(told.written)
        self._common = common_dossier()
        self._dossiers = [dossier_of(one) for one in told.asked]

    async def answer(self, many: int) -> None:
        """`answer` about people whose dossiers were just decoded."""
        law = uk_gdpr()
        for n in range(many):
            place = n % len(self._asked)
            held = self._dossiers[place]
            fresh = Dossier(held.subject, held.items)
            found = answer(question(n), fresh, self._common, law)
            assert found.decision.value == self._asked[place].decision, found

    async def check(self, many: int) -> None:
        """Checks, each about another person."""
        for n in range(many):
            one = self._asked[n % len(self._asked)]
            body = {"subject": str(one.subject), "purpose": PURPOSE}
            told = await self._post("/v1/checks", body, expected=200)
            assert msgspec.json.decode(told)["decision"] == one.decision, told

    async def append(self, many: int) -> None:
        """A consent of another person each."""
        for _ in range(many):
            subject = next(self._written).subject
            path = f"/v1/subjects/{subject}/entries"
            key = (b"idempotency-key", f"consent {subject}".encode())
            body = {"entries": [granted(subject, RECENT)]}
            await self._post(path, body, key, expected=201)

    async def freeze(self, _: int) -> None:
        """What there is by now is no longer looked through for garbage."""
        gc.collect()
        gc.freeze()

    async def _post(
        self, path: str, body: object, *more: tuple[bytes, bytes], expected: int
    ) -> bytes:
        content = msgspec.json.encode(body)
        sent: list[Any] = []
        parts = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> Any:
            return parts.pop() if parts else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        length = (b"content-length", str(len(content)).encode())
        scope: Any = _scope(path, [*self._headers, length, *more])
        await self._app(scope, receive, send)
        told = b"".join(one.get("body", b"") for one in sent[1:])
        assert sent[0]["status"] == expected, told
        return told


def _scope(path: str, headers: Sequence[tuple[bytes, bytes]]) -> dict[str, Any]:
    """A request as the server hands it over."""
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": "POST", "scheme": "http", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "headers": headers, "state": {},
        "client": ("127.0.0.1", 40_000), "server": ("127.0.0.1", 8080),
    }  # fmt: skip


def _orders() -> Iterator[tuple[str, int]]:
    """What to do next, until there is nobody to say so."""
    while True:
        while not select.select([sys.stdin], [], [], POLL_S)[0]:
            pass
        said = sys.stdin.readline().split()
        if not said:
            return
        yield said[0], int(said[1])


async def _serve(told: Told) -> None:
    settings = told.settings
    async with running(told.where(), settings, Telemetry.of(settings)) as ledger:
        works = Works(told, create_app(ledger, accepted_tokens(settings)))
        print("done", flush=True)
        for name, many in _orders():
            await getattr(works, name)(many)
            print("done", flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(_serve(msgspec.json.decode(sys.stdin.readline(), type=Told)))
