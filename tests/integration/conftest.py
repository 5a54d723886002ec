"""A PostgreSQL for the tests, and an empty database of it for each.

It is the embedded one, or the server that LEDGER_TEST_DATABASE_URL names.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.embedded import Embedded


@contextlib.contextmanager
def _open_directory() -> Iterator[Path]:
    # Not where TMPDIR says: that can be deep, or closed to all but one, and a socket needs neither.
    made = Path(tempfile.mkdtemp(prefix="ledger-", dir="/tmp"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@pytest.fixture
def place() -> Iterator[Path]:
    """A new directory that every account can reach; pytest's own are closed to all but one."""
    with _open_directory() as made:
        yield made


@pytest.fixture(scope="module")
def module_place() -> Iterator[Path]:
    """The same, for all tests of one file."""
    with _open_directory() as made:
        yield made


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Connection information of a server's `postgres` database, as an account that may do all."""
    if named := os.environ.get("LEDGER_TEST_DATABASE_URL"):
        yield make_conninfo(named)
        return
    with _open_directory() as root:
        # No test needs what it wrote to survive a loss of power.
        (root / "ledger.local.conf").write_text("fsync = off\n")
        with Embedded(root) as server:
            yield server.conninfo()


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """Connection information of an empty database, dropped with whoever is still connected."""
    name = f"ledger_test_{secrets.token_hex(8)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        named = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(named))
        try:
            yield make_conninfo(postgres, dbname=name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(named))
