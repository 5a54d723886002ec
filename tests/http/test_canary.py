"""No identifier of a person leaves by a way that is not its own.

`ledger serve` runs as a process, on a PostgreSQL that writes down every statement, with a collector
for its spans and metrics. Identifiers of real shape are driven through every call, in every place,
with every error provoked; then everything that is told of the service is searched for them.
"""

import contextlib
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import psycopg
import pytest

from tests.faults.serving import Ground, Server, ground, serving
from tests.http.canaries import CANARIES, Sent, found_in, in_headers, requests_of
from tests.http.collector import Collector, collecting
from tests.http.routes import BODIES, CALLS, Call
from tests.integration.waiting import until

pytestmark = pytest.mark.timeout(600)

MARK = "a statement of the test"
STREAM_BYTES = 400
TELLS = {
    ("GET", "/v1/subjects/{subject:uuid}/entries"),
    ("GET", "/v1/catalogue"),
    ("GET", "/v1/reads"),
    ("GET", "/v1/feed/consumers"),
    ("GET", "/v1/feed/consumers/{consumer:str}"),
    ("PUT", "/v1/feed/consumers/{consumer:str}"),
    ("POST", "/v1/checks"),
    ("POST", "/v1/checks/batch"),
    ("POST", "/v1/packs"),
}
"""Calls whose answers hold what was recorded, or repeat what was asked: they are for that."""
SAID = {"ledger-reason"}
"""A header of the requests that are sent while there is no database."""
ECHOED = {"x-request-id"}
"""Headers that repeat what their caller said: AuthZEN 1.0 requires it."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: the headers but those that are echoed, and the body, both as text."""

    sent: Sent
    code: int
    headers: str
    body: str


class Run:
    """Everything that was told while the canaries went through."""

    def __init__(self, where: Ground, server: Server, collector: Collector) -> None:
        self.where = where
        self.server = server
        self.collector = collector
        self.answers: list[Answered] = []
        self.prometheus = ""
        self.openapi: dict[str, Any] = {}

    def drive(self, client: httpx.Client, sent: Sent) -> None:
        """One request and its answer."""
        request = sent.request
        if sent.stranger:
            given = httpx.request(
                **{**request, "url": f"{self.server.url}{request['url']}"}, timeout=30
            )
            self._keep(sent, given, given.text)
            return
        with client.stream(**request) as answer:
            self._keep(sent, answer, _body(sent.call, answer))

    def _keep(self, sent: Sent, answer: httpx.Response, body: str) -> None:
        headers = [f"{k}: {v}" for k, v in answer.headers.items() if k not in ECHOED]
        self.answers.append(
            Answered(sent=sent, code=answer.status_code, headers="\n".join(headers), body=body)
        )

    def journal(self) -> str:
        """PostgreSQL's own, of every day."""
        folder = self.where.postgres.root / "cluster" / "log"
        return "\n".join(path.read_text(errors="replace") for path in sorted(folder.iterdir()))

    def codes(self) -> Counter[int]:
        return Counter(one.code for one in self.answers)


def _body(call: Call, answer: httpx.Response) -> str:
    if not (call[1].endswith("/stream") and answer.status_code == 200):
        return answer.read().decode(errors="replace")
    # It has no end.
    found = b""
    for part in answer.iter_bytes():
        found += part
        if len(found) > STREAM_BYTES or b"\n\n" in found:
            break
    return found.decode(errors="replace")


def parameters_of(openapi: dict[str, Any]) -> dict[Call, list[str]]:
    """The query parameters of each call, by its route as the application spells it."""
    found: dict[tuple[str, str], list[str]] = {}
    for path, methods in openapi["paths"].items():
        for method, about in methods.items():
            names = [one["name"] for one in about.get("parameters", []) if one.get("in") == "query"]
            found[method.upper(), path] = names
    plain = {(method, _plain(path)): (method, path) for method, path in CALLS}
    return {plain[call]: names for call, names in found.items() if call in plain}


def _plain(path: str) -> str:
    for kind in ("uuid", "str", "int", "path"):
        path = path.replace(f":{kind}}}", "}")
    return path


@contextlib.contextmanager
def unreadable(where: Ground, table: str) -> Iterator[None]:
    """The service finds no such table meanwhile."""
    database = where.variables()["LEDGER_DATABASE_URL"]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {table}_elsewhere")
        try:
            yield
        finally:
            connection.execute(f"ALTER TABLE {table}_elsewhere RENAME TO {table}")


def wrote_down_everything(where: Ground) -> None:
    """PostgreSQL writes every statement into its journal, and every error with all its words."""
    (where.postgres.root / "ledger.local.conf").write_text(
        "log_statement = 'all'\nlog_error_verbosity = verbose\nfsync = off\n"
    )
    with psycopg.connect(where.postgres.conninfo(), autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")


def record(client: httpx.Client) -> None:
    """What people wrote freely is recorded, sealed, with a canary in it."""
    for canary in CANARIES.values():
        person = uuid4()
        grant = {
            "type": "ConsentGranted",
            "effective_at": "2026-03-02",
            "purpose": "PHOTO",
            "given_by": str(person),
            "capacity": "SELF",
            "evidence": f"a form of {canary}",
        }
        answer = client.post(
            f"/v1/subjects/{person}/entries",
            json={"entries": [grant]},
            headers={"idempotency-key": f"form of {canary}"},
        )
        assert answer.status_code == 201, answer.text
        timeline = client.get(f"/v1/subjects/{person}/entries")
        # This is how a canary looks that did get out.
        assert found_in(timeline.text), timeline.text
        again = client.post(
            f"/v1/subjects/{person}/entries",
            json={"entries": [{**grant, "evidence": "another"}]},
            headers={"idempotency-key": f"form of {canary}"},
        )
        assert again.status_code == 422


def drive(run: Run) -> None:
    """Every call with a canary in each place; then with parts of the service broken."""
    with run.server.client(seconds=60) as client:
        record(client)
        run.openapi = client.get("/openapi.json").json()
        parameters = parameters_of(run.openapi)
        for call in CALLS:
            for sent in requests_of(call, parameters):
                run.drive(client, sent)
        with unreadable(run.where, "entry"), unreadable(run.where, "dossier"):
            for sent in well_formed():
                run.drive(client, sent)
        run.prometheus = httpx.get(f"http://127.0.0.1:{run.server.metrics_port}/metrics").text
        run.where.postgres.stop()
        # Each waits for a connection: together, then.
        reaching = [one for one in well_formed() if SAID.intersection(one.request["headers"])]
        with ThreadPoolExecutor(len(reaching)) as pool:
            list(pool.map(lambda sent: run.drive(client, sent), reaching))


def well_formed() -> list[Sent]:
    """What the service would do, if its database let it."""
    return [sent for call in BODIES for sent in in_headers(call) if not sent.stranger]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with ground() as where, collecting() as collector:
        wrote_down_everything(where)
        more = {
            "LEDGER_OTLP_ENDPOINT": collector.url,
            "LEDGER_TRACE_SAMPLE_RATIO": "1",
            "LEDGER_RATE_LIMIT_PER_SECOND": "0",
            "LEDGER_RESOLVE_LIMIT_PER_SECOND": "0",
            "LEDGER_DRAIN_SECONDS": "0",
        }
        with serving(where, **more) as server:
            server.adopt()
            made = Run(where, server, collector)
            with psycopg.connect(where.postgres.conninfo()) as connection:
                connection.execute(f"SELECT '{MARK}'")
            drive(made)
            server.signal(signal.SIGTERM)
            assert server.ended() == 0
            until(lambda: bool(collector.metrics), "the metrics were sent")
            print(len(made.answers), "requests", dict(made.codes()))
            yield made


def test_every_way_out_was_open_and_every_kind_of_error_was_provoked(run: Run) -> None:
    assert {one.sent.call for one in run.answers} == set(CALLS)
    assert run.codes().keys() >= {200, 400, 401, 404, 405, 413, 415, 422, 500, 503}
    assert len(run.collector.spans()) > len(run.answers) * 0.9
    assert '"event": "unexpected' in run.server.all_told()
    assert "http_server_request_duration_seconds_bucket" in run.prometheus
    journal = run.journal()
    assert MARK in journal
    assert "append(" in journal


def test_no_diagnostic_has_one(run: Run) -> None:
    assert found_in(run.server.all_told()) == []


def test_no_span_and_no_metric_has_one(run: Run) -> None:
    assert found_in(run.collector.text()) == []
    assert found_in(run.prometheus) == []


def test_no_header_of_an_answer_has_one(run: Run) -> None:
    leaks = [(one.sent.call, one.headers) for one in run.answers if found_in(one.headers)]
    assert leaks == []


def test_no_error_has_one(run: Run) -> None:
    errors = [one for one in run.answers if one.code >= 400]
    leaks = [(one.sent.call, one.code, one.body) for one in errors if found_in(one.body)]
    assert errors
    assert leaks == []


def test_no_answer_has_one_but_those_that_tell_what_was_recorded(run: Run) -> None:
    answers = [one for one in run.answers if one.code < 400 and one.sent.call not in TELLS]
    leaks = [(one.sent.call, one.body[:2000]) for one in answers if found_in(one.body)]
    assert answers
    assert leaks == []


def test_the_journal_of_the_database_has_none(run: Run) -> None:
    assert found_in(run.journal()) == []


def test_they_are_found_however_they_are_spelt() -> None:
    for name, canary in CANARIES.items():
        assert found_in(f"x{canary}y") == [name]
        assert found_in(canary.upper()) == [name]
    assert found_in("485%20777%203457") == ["NHS number"]
    assert found_in("anastasia.okonkwo%40canary.example") == ["e-mail address"]
    assert found_in("nobody 0:4857 AB1234") == []
