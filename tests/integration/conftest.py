"""A PostgreSQL for the tests, and a database of it for each.

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
from psycopg.conninfo import make_conninfo

from api.embedded import Embedded
from migrations import Folder
from tests.integration import templates


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
        templates.drop_templates(named)
        return
    with _open_directory() as root:
        # No test needs what it wrote to survive a loss of power.
        (root / "ledger.local.conf").write_text("fsync = off\n")
        with Embedded(root) as server:
            yield server.conninfo()


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """Connection information of a main database, migrated and never used."""
    with _database(postgres, "ledger") as made:
        yield made


@pytest.fixture
def empty(postgres: str) -> Iterator[str]:
    """Connection information of a database with nothing in it."""
    with _database(postgres, None) as made:
        yield made


@contextlib.contextmanager
def _database(postgres: str, folder: Folder | None) -> Iterator[str]:
    name = f"ledger_test_{secrets.token_hex(8)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        templates.create(connection, name, folder)
        try:
            yield make_conninfo(postgres, dbname=name)
        finally:
            templates.drop(connection, name)
