"""The service for a test: over a scratch ledger, on a free port, in a thread of its own.

    @pytest.fixture(scope="module")
    def service(postgres: str) -> Iterator[Service]:
        with scratch(postgres) as where, served(where) as made:
            yield made

`served` twice over one `scratch` is two applications on one database. What callers say in a test
is `Caller`'s. Not here: the service as a process of its own (`tests/faults`).
"""

import asyncio
import contextlib
import secrets
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx
import psycopg
from litestar import Litestar
from psycopg.conninfo import make_conninfo

from api.access import SCOPES, Scope
from api.app import create_app
from api.issuer import Issuer
from api.runtime import Places, Runtime, prepare, running
from api.serving import DrainingServer, config
from api.settings import Settings
from migrations import Folder
from tests.integration import templates

SETTINGS = Settings(
    pool_size=4,
    origin="http.test/ledger",
    body_bytes_max=300_000,
    catalogue_bytes_max=300_000,
    rate_limit_burst=100_000,
    resolve_limit_burst=100_000,
)
CATALOGUE = (Path(__file__).parents[1] / "scenarios" / "catalogue.json").read_bytes()
IN_FORCE_SINCE = "2018-05-25T00:00:00Z"
ANSWER_SECONDS = 60.0


Beside = Callable[[Runtime], AbstractAsyncContextManager[None]]


class Caller:
    """A client of the service with a token; each method is one request."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(
            base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=ANSWER_SECONDS
        )

    def check(self, subject: UUID, purpose: str = "PHOTO", **more: Any) -> httpx.Response:
        """One question."""
        return self.post("/v1/checks", {"subject": str(subject), "purpose": purpose, **more})

    def record(
        self, subject: UUID, *entries: dict[str, Any], key: str | None = None, **headers: str
    ) -> httpx.Response:
        """Entries about a person, under a new key unless one is given."""
        return self.write(f"/v1/subjects/{subject}/entries", *entries, key=key, **headers)

    def record_common(self, *entries: dict[str, Any], **headers: str) -> httpx.Response:
        """Entries about no one person."""
        return self.write("/v1/entries", *entries, **headers)

    def write(
        self, path: str, *entries: dict[str, Any], key: str | None = None, **headers: str
    ) -> httpx.Response:
        """Entries under a key; `if_match` and the like become headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(
            path,
            json={"entries": list(entries)},
            headers={"idempotency-key": key or secrets.token_hex(8), **named},
        )

    def adopt(
        self, document: bytes, *, effective_at: str | None = None, **headers: str
    ) -> httpx.Response:
        """A catalogue, whole."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.put(
            "/v1/catalogue",
            content=document,
            params={"effective_at": effective_at} if effective_at else {},
            headers={
                "content-type": "application/json",
                "idempotency-key": secrets.token_hex(8),
                **named,
            },
        )

    def post(self, path: str, body: object) -> httpx.Response:
        """A JSON body."""
        return self.http.post(path, json=body)


class Service:
    """A running service."""

    def __init__(self, *, url: str, issuer: Issuer, where: Places, ledger: Runtime) -> None:
        self.url = url
        self.issuer = issuer
        self.where = where
        self.ledger = ledger
        self._callers: list[Caller] = []
        self.caller = self.caller_with(*SCOPES)

    def caller_with(self, *scopes: Scope, client: str = "test") -> Caller:
        """A caller whose token has these scopes."""
        return self._keep(Caller(self.url, self.issuer.token(client, scopes, seconds=3600)))

    def stranger(self, token: str) -> Caller:
        """A caller with whatever token."""
        return self._keep(Caller(self.url, token))

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the main database, read by its owner."""
        with psycopg.connect(self.where.database) as connection:
            return connection.execute(query, values or None).fetchall()

    def size(self) -> int:
        """How many entries the log has."""
        n: int = self.sql("SELECT size FROM log_head WHERE log = 0")[0][0]
        return n

    def close(self) -> None:
        """Every connection of its callers is closed."""
        for one in self._callers:
            one.http.close()

    def _keep(self, caller: Caller) -> Caller:
        self._callers.append(caller)
        return caller


@contextlib.contextmanager
def scratch(postgres: str) -> Iterator[Places]:
    """A founded ledger in two new databases of the server, which are dropped again."""
    name = f"http_test_{secrets.token_hex(8)}"
    names: dict[str, Folder] = {name: "ledger", f"{name}_keys": "keys"}
    with (
        tempfile.TemporaryDirectory(prefix="ledger-http-") as folder,
        psycopg.connect(postgres, autocommit=True) as connection,
    ):
        for each, migrated in names.items():
            templates.create(connection, each, migrated)
        database, keys = (make_conninfo(postgres, dbname=each) for each in names)
        where = Places(database=database, keys=keys, folder=Path(folder), embedded=False)
        try:
            prepare(where, SETTINGS)
            yield where
        finally:
            for each in names:
                templates.drop(connection, each)


@contextlib.contextmanager
def served(
    where: Places,
    *,
    catalogue: bytes | None = CATALOGUE,
    make_app: Callable[[Runtime, Issuer], Litestar] = create_app,
    settings: Settings = SETTINGS,
    beside: Beside = lambda _: contextlib.nullcontext(),
) -> Iterator[Service]:
    """The application over the ledger, the catalogue adopted (the scenarios', unless given).

    `beside` is entered with the ledger, and left after the last request.
    """
    issuer = Issuer.at(where.folder / "token-key.json")
    listening: Future[tuple[Runtime, DrainingServer]] = Future()
    with socket.socket() as bound:
        # A plain event loop, unlike uvloop, would let each answer wait for an acknowledgement.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.bind(("127.0.0.1", 0))
        making = Making(where, issuer, settings, make_app, beside)
        thread = threading.Thread(target=_serve, args=(making, bound, listening))
        thread.start()
        try:
            ledger, _ = listening.result(timeout=60)
            url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            service = Service(url=url, issuer=issuer, where=where, ledger=ledger)
            if catalogue is not None:
                answer = service.caller.adopt(
                    catalogue, effective_at=IN_FORCE_SINCE, idempotency_key="first"
                )
                assert answer.status_code == 201, answer.text
            yield service
            service.close()
        finally:
            if listening.done() and not listening.exception():
                listening.result()[1].should_exit = True
            thread.join()


class Making(NamedTuple):
    """What a service is made of."""

    where: Places
    issuer: Issuer
    settings: Settings
    make_app: Callable[[Runtime, Issuer], Litestar]
    beside: Beside


def _serve(
    making: Making, bound: socket.socket, listening: "Future[tuple[Runtime, DrainingServer]]"
) -> None:
    async def serving() -> None:
        async with running(making.where, making.settings) as ledger, making.beside(ledger):
            app = making.make_app(ledger, making.issuer)
            server = DrainingServer(
                config(app),
                ready=lambda: listening.set_result((ledger, server)),
                draining=app.state["draining"],
            )
            await server.serve(sockets=[bound])

    try:
        asyncio.run(serving())
    except BaseException as error:
        if listening.done():
            raise
        listening.set_exception(error)


def answer_of(response: httpx.Response) -> dict[str, Any]:
    """The answer that was given."""
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def malformed(response: httpx.Response, *, field: str) -> None:
    """The request could not be read, and the field is named."""
    assert (response.status_code, response.json().get("field")) == (400, field), response.text


def recorded(response: httpx.Response) -> dict[str, Any]:
    """The body of what was recorded."""
    assert response.status_code == 201, response.text
    body: dict[str, Any] = response.json()
    return body


def refusal(response: httpx.Response, *, status: int = 422) -> tuple[str, str]:
    """The reason and the pointer of what was not."""
    assert response.status_code == status, response.text
    problem = response.json()
    return problem["reason"], problem["pointer"]


def subject() -> UUID:
    """A person never heard of."""
    return uuid4()
