"""The read audit is append-only by what each role may do."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.integration.appending import one_ledger
from tests.integration.wired import Founded


@pytest.fixture(scope="module")
def ledger(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE read_audit SET reason = 'x'",
        "DELETE FROM read_audit",
        "TRUNCATE read_audit",
        "UPDATE read_audit_chain SET started_at = now()",
        "DELETE FROM read_audit_chain",
    ],
)
@pytest.mark.parametrize("role", ["ledger_app", "ledger_auditor", "ledger_reader"])
def test_nobody_but_the_owner_may_change_what_was_written(ledger, role, change):
    with psycopg.connect(ledger.database) as connection:
        connection.execute(f"SET ROLE {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(change)


def test_the_auditor_may_read_and_not_add(ledger):
    with psycopg.connect(ledger.database, autocommit=True) as connection:
        connection.execute("SET ROLE ledger_auditor")
        assert connection.execute("SELECT * FROM read_audit").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO read_audit_chain SELECT * FROM read_audit_chain")
