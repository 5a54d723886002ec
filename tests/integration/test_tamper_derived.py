"""Changes to what is derived alone are found, and the stream is named by where it ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from projections.current import Tailer
from projections.rebuild import Rebuild
from tests.integration.recorded import History
from tests.integration.tampering import attacker, kept, restore
from tests.integration.wired import Founded, Wired, founded

POSITIONS = 20
DOSSIER = (
    "sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1)",
    "n[1] = n[1] + 1",
    "recorded_at[1] = recorded_at[1] - interval '1 microsecond'",
    "version = version - 1",
    "head = sha256(head)",
)
BASIS = (
    "decision = CASE decision WHEN 'DENY' THEN 'PERMIT' ELSE 'DENY' END",
    "live = live || '{f}'",
    "flags = flags || '{LATE_GAP, LATE_GAP}'",
    "since = since - interval '1 day'",
)


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def test_a_dossier_or_a_kept_row_that_was_changed_is_found(ledger: Founded) -> None:
    async def story(wired: Wired) -> None:
        history = History(ledger)
        await history.begin(wired)
        await history.grow(wired, 14)
        history.later()
        await Tailer(wired.reader, wired.rulebook, wired.pool).catch_up()
        kept(ledger)
        for nth in range(POSITIONS):
            end = dossier_changed(ledger) if nth % 2 else basis_changed(ledger)
            difference = await differs(wired)
            assert difference is not None
            assert f" 0:{end} " in difference
            restore(ledger)
        assert await differs(wired) is None

    ledger.run(story)


async def differs(wired: Wired) -> str | None:
    return (await Rebuild(wired.reader, wired.rulebook, wired.pool).check()).difference


def dossier_changed(ledger: Founded) -> int:
    """Something in somebody's dossier is another; the n of the last entry about them."""
    query = "SELECT subject, n[cardinality(n)] FROM dossier WHERE subject <> %s"
    subject, end = ledger.random.choice(sorted(ledger.sql(query, ledger.identity.stream)))
    with attacker(ledger) as one:
        change = ledger.random.choice(DOSSIER)
        one.run(f"UPDATE dossier SET {change} WHERE subject = %s", subject)
    return int(end)


def basis_changed(ledger: Founded) -> int:
    """Something in a kept row is another; the n of the last entry about its person."""
    query = (
        "SELECT subject, purpose, d.n[cardinality(d.n)] FROM current_basis"
        " JOIN dossier d USING (log, subject)"
    )
    subject, purpose, end = ledger.random.choice(sorted(ledger.sql(query)))
    with attacker(ledger) as one:
        change = ledger.random.choice(BASIS)
        where = "subject = %s AND purpose = %s"
        one.run(f"UPDATE current_basis SET {change} WHERE {where}", subject, purpose)
    return int(end)
