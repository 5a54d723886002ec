"""Every operation as its document has it, under made-up requests: what comes back is as declared.

The ordinary run makes the same requests each time; the seed and the counts are printed.
LEDGER_SCHEMATHESIS_SEED makes others, LEDGER_SCHEMATHESIS_EXAMPLES more for each operation.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from litestar import Litestar
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from api.access import SCOPES
from api.app import create_app
from api.issuer import Issuer
from api.openapi_operations import OPERATIONS
from api.runtime import Runtime
from tests.http.packing import publish
from tests.http.routes import NEEDED
from tests.http.service import ANSWER_SECONDS, Service, scratch, served

SEED = int(os.environ.get("LEDGER_SCHEMATHESIS_SEED", "20260205"))
EXAMPLES = int(os.environ.get("LEDGER_SCHEMATHESIS_EXAMPLES", "25"))
CASES_MIN = 3_000
PHASES = ("examples", "coverage", "fuzzing", "stateful")
CHECKS: dict[str, dict[str, Any]] = {
    # 503 is for what is `behind`, which is looked at here.
    "not_a_server_error": {"enabled": True, "expected-statuses": ["2xx", "3xx", "4xx", "503"]},
    "status_code_conformance": {"enabled": True},
    "content_type_conformance": {"enabled": True},
    "response_headers_conformance": {"enabled": True},
    "response_schema_conformance": {"enabled": True},
}


PUBLIC = {
    f"{method} {re.sub(r':[a-z]+}', '}', path)}"
    for (method, path), scope in NEEDED.items()
    if scope is None
}
"""What anybody may ask."""


class Run:
    """What came of a run: how many requests of each operation, and what was not as declared."""

    def __init__(self) -> None:
        self.cases: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()
        self.told: set[str] = set()
        self.wrong: list[str] = []

    def take(self, event: events.EngineEvent) -> None:
        """Count a scenario; an error of the run itself is also wrong."""
        match event:
            case events.ScenarioFinished(recorder=recorder):
                self._count(recorder)
            case events.NonFatalError(value=error, label=label):
                self.wrong.append(f"{label}: {error!r}")
            case events.FatalError(exception=error):
                raise error

    def _count(self, recorder: ScenarioRecorder) -> None:
        for case_id, exchange in recorder.interactions.items():
            operation = recorder.cases[case_id].value.operation
            self.cases[operation.label] += 1
            answer = exchange.response
            if answer is None:
                self.wrong.append(f"{operation.label}: no answer")
                continue
            self.codes[answer.status_code] += 1
            if answer.status_code in (200, 201, 422):
                self.told.add(operation.label)
            said = answer.content[:600].decode("utf-8", "replace")
            if answer.status_code == 503 and json.loads(said)["type"] != "/problems/behind":
                self.wrong.append(f"{operation.label}: {said}")
            for check in recorder.checks.get(case_id, ()):
                if check.failure_info is not None:
                    failure, sample = check.failure_info.failure, check.failure_info.code_sample
                    told = f"{failure.title}: {failure.message}\n{answer.status_code} {said}"
                    self.wrong.append(f"{operation.label}: {told}\n{sample[:1000]}")


def draining(ledger: Runtime, issuer: Issuer) -> Litestar:
    """The application of a process that is asked to end: its streams end, and nobody waits."""
    app = create_app(ledger, issuer)
    app.state["draining"].set()
    return app


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where, make_app=draining) as made:
        publish(made)
        yield made


def run(service: Service, token: str, *, examples: int, phases: tuple[str, ...]) -> Run:
    """Every operation with this token."""
    config = SchemathesisConfig.from_dict(
        {
            "base-url": service.url,
            "headers": {"authorization": f"Bearer {token}"},
            "seed": SEED,
            "continue-on-failure": True,
            "request-timeout": ANSWER_SECONDS,
            "checks": {"enabled": False, **CHECKS},
            "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
            "generation": {
                "deterministic": "LEDGER_SCHEMATHESIS_SEED" not in os.environ,
                "database": "none",
                "max-examples": examples,
                "no-shrink": True,
            },
        }
    )
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json", config=config)
    found = Run()
    for event in from_schema(schema).execute():
        found.take(event)
    told = ", ".join(f"{code}: {count}" for code, count in sorted(found.codes.items()))
    print(f"schemathesis: seed {SEED}, {found.cases.total()} requests; {told}")
    return found


def test_what_comes_back_is_as_declared(service: Service) -> None:
    token = service.issuer.token("schemathesis", SCOPES, seconds=36_000)

    found = run(service, token, examples=EXAMPLES, phases=PHASES)

    assert not found.wrong, "\n\n".join(found.wrong[:10])
    assert found.cases.keys() == {f"{method} {path}" for method, path in OPERATIONS}
    assert found.cases.total() >= CASES_MIN
    assert {200, 201, 400, 404, 415, 422, 428} <= found.codes.keys()
    assert service.caller.http.get("/v1/catalogue").status_code == 200


def test_without_a_scope_nothing_is_done(service: Service) -> None:
    before = service.size()
    token = service.issuer.token("schemathesis", (), seconds=36_000)

    found = run(service, token, examples=3, phases=("examples", "coverage", "fuzzing"))

    assert not found.wrong, "\n\n".join(found.wrong[:10])
    assert found.told <= PUBLIC
    assert service.size() == before
