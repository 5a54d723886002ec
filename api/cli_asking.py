"""What commands ask of the configured database leaves rows in the read audit, as at a service."""

from __future__ import annotations

import os
from collections.abc import Sequence

from api.asking import written
from api.cli_words import LOCAL_CLIENT
from api.runtime import Runtime
from ledger.answer import Answer
from projections.checks import Query
from projections.read_audit import About, Asker, of_answer, reads_of


async def asked_here(ledger: Runtime, query: Query) -> Answer:
    """The answer to one question, for `ledger check`."""
    (found,) = await ledger.checks.batch([query])
    await left(ledger, "ledger check", [of_answer(found, "CHECK")])
    return found.answer


async def left(ledger: Runtime, command: str, abouts: Sequence[About]) -> None:
    """Whoever ran the command is told this: its rows are written first."""
    if abouts:
        asker = Asker(client=LOCAL_CLIENT, reason=command)
        await written(ledger, reads_of(asker, abouts, entropy=os.urandom))
