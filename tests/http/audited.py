"""What requests left in the read audit, as its owner reads it."""

import hashlib
from typing import Any

import httpx

from tests.http.service import Service


def named(response: httpx.Response) -> str:
    """The request's id in the read audit, as the response names it."""
    assert response.status_code == 200, response.text
    return response.headers["ledger-read-id"]


COLUMNS = (
    "id", "request", "client", "reason", "on_behalf_of", "trace", "kind", "subject", "purpose",
    "question", "position", "catalogue", "rulebook", "decision", "answer_digest", "stored",
)  # fmt: skip


def left(service: Service, response: httpx.Response) -> list[dict[str, Any]]:
    """The rows of the request, in the order in which they were written."""
    query = f"SELECT {', '.join(COLUMNS)} FROM read_audit WHERE request = %s ORDER BY chain, n"
    found = [dict(zip(COLUMNS, row, strict=True)) for row in service.sql(query, named(response))]
    assert str(found[0]["id"]) == named(response)
    return found


def digest(response: httpx.Response) -> bytes:
    return hashlib.sha256(response.content).digest()


def count(service: Service) -> int:
    n: int = service.sql("SELECT count(*) FROM read_audit")[0][0]
    return n
