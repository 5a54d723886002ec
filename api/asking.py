"""Questions of a caller about people: the one way from a request to an answer.

Every face (checks, batches, AuthZEN, bases) asks here, so that what is asked of all holds for all.
"""

from __future__ import annotations

from collections.abc import Sequence

from api.body import AnyRequest
from api.state import runtime
from ledger.answer import Answer
from projections.checks import Query


async def asked(request: AnyRequest, query: Query) -> Answer:
    """The answer to one question."""
    return await runtime(request).checks.check(query)


async def asked_together(request: AnyRequest, queries: Sequence[Query]) -> list[Answer]:
    """The answers in the order of the questions, all of one log on one snapshot of it."""
    return await runtime(request).checks.batch(queries)


async def asked_of_all(request: AnyRequest, query: Query) -> list[tuple[str, Answer]]:
    """Every purpose of the catalogue with its answer about one person at one moment."""
    return await runtime(request).checks.bases(query)
