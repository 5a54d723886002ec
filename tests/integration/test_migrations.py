"""Migrations: forward, once, by one runner at a time, and never over a past that was changed."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

import migrations
from migrations import MigrationError, expected, migrate, pending
from tests.integration.waiting import until

ONE = "CREATE TABLE one (n integer); INSERT INTO one VALUES (1)"
TWO = "ALTER TABLE one ADD COLUMN m integer NOT NULL DEFAULT 2"
NAMES = ["0001_one.sql", "0002_two.sql"]


@pytest.fixture
def database(empty: str) -> str:
    """Nothing has run in it."""
    return empty


@pytest.fixture
def root(tmp_path: Path, monkeypatch) -> Path:
    """A release with two migrations of each database."""
    for folder in ("ledger", "keys"):
        (tmp_path / folder).mkdir()
    (tmp_path / "ledger" / "0001_one.sql").write_text(ONE)
    (tmp_path / "ledger" / "0002_two.sql").write_text(TWO)
    (tmp_path / "keys" / "0001_other.sql").write_text("CREATE TABLE other ()")
    monkeypatch.setattr(migrations, "ROOT", tmp_path)
    return tmp_path


def rows(database: str, query: str) -> list[tuple]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def test_each_file_runs_once_and_in_order(root, database):
    assert pending(database, "ledger") == expected("ledger") == NAMES
    assert migrate(database, "ledger") == NAMES
    assert migrate(database, "ledger") == []
    assert pending(database, "ledger") == []
    assert rows(database, "SELECT n, m FROM one") == [(1, 2)]


def test_asking_what_is_pending_changes_nothing(root, database):
    pending(database, "ledger")
    assert rows(database, "SELECT to_regclass('schema_migration')") == [(None,)]


def test_a_later_release_runs_only_what_it_adds(root, database):
    migrate(database, "ledger")
    (root / "ledger" / "0003_three.sql").write_text(
        "CREATE TABLE three (percent text DEFAULT '%s')"
    )
    assert pending(database, "ledger") == ["0003_three.sql"]
    assert migrate(database, "ledger") == ["0003_three.sql"]


def test_both_folders_may_share_a_database(root, database):
    assert migrate(database, "ledger") == NAMES
    assert migrate(database, "keys") == ["0001_other.sql"]
    assert pending(database, "ledger") == pending(database, "keys") == []


@pytest.mark.parametrize("ask", [migrate, pending])
def test_an_edited_file_is_refused_and_nothing_runs(root, database, ask):
    migrate(database, "ledger")
    (root / "ledger" / "0001_one.sql").write_text(ONE + " ")
    (root / "ledger" / "0003_three.sql").write_text("CREATE TABLE three ()")
    with pytest.raises(MigrationError, match=r"ledger/0001_one\.sql has changed since it was run"):
        ask(database, "ledger")
    assert rows(database, "SELECT to_regclass('three')") == [(None,)]


@pytest.mark.parametrize("ask", [migrate, pending])
def test_a_release_that_lacks_a_file_that_was_run_is_refused(root, database, ask):
    migrate(database, "ledger")
    (root / "ledger" / "0002_two.sql").unlink()
    with pytest.raises(MigrationError, match=r"0002_two\.sql was run .* this release lacks it"):
        ask(database, "ledger")


def test_a_file_renamed_after_it_was_run_is_refused(root, database):
    migrate(database, "ledger")
    (root / "ledger" / "0001_one.sql").rename(root / "ledger" / "0001_uno.sql")
    with pytest.raises(MigrationError, match=r"0001_one\.sql was run .* lacks it"):
        migrate(database, "ledger")


@pytest.mark.parametrize("name", ["0004_gap.sql", "0002_twin.sql", "3_short.sql", "0003_Loud.sql"])
def test_files_that_are_not_numbered_one_after_another_are_refused(root, name):
    (root / "ledger" / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match="is not numbered"):
        expected("ledger")


def test_a_failing_file_is_undone_whole_and_the_ones_before_it_stay(root, database):
    (root / "ledger" / "0003_bad.sql").write_text("CREATE TABLE half (); SELECT 1 / 0")
    with pytest.raises(MigrationError, match=r"0003_bad\.sql failed and was undone: division"):
        migrate(database, "ledger")
    assert rows(database, "SELECT to_regclass('half')") == [(None,)]
    assert pending(database, "ledger") == ["0003_bad.sql"]
    (root / "ledger" / "0003_bad.sql").write_text("CREATE TABLE half ()")
    assert migrate(database, "ledger") == ["0003_bad.sql"]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_file_that_ends_its_transaction_is_refused(root, database, end):
    (root / "ledger" / "0003_sly.sql").write_text(f"SELECT 1; {end};")
    with pytest.raises(MigrationError, match="ends the transaction it runs in"):
        migrate(database, "ledger")
    assert pending(database, "ledger") == ["0003_sly.sql"]


def test_a_server_that_does_not_answer_is_named_so():
    with pytest.raises(MigrationError, match="the database cannot be used"):
        pending("host=127.0.0.1 port=1 connect_timeout=2", "ledger")


def waiters(database: str) -> int:
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return rows(database, query)[0][0]


def test_of_runners_at_once_one_applies_everything_and_the_others_wait_and_apply_nothing(
    root, database
):
    with psycopg.connect(database, autocommit=True) as holder, ThreadPoolExecutor(3) as runners:
        holder.execute("SELECT pg_advisory_lock(%s)", (migrations.LOCK_KEY,))
        started = [runners.submit(migrate, database, "ledger") for _ in range(3)]
        until(lambda: waiters(database) == 3, "three runners wait for the lock")
        assert rows(database, "SELECT to_regclass('one')") == [(None,)]
        holder.execute("SELECT pg_advisory_unlock(%s)", (migrations.LOCK_KEY,))
        applied = sorted(runner.result() for runner in started)
    assert applied == [[], [], NAMES]
    assert rows(database, "SELECT n FROM one") == [(1,)]


def test_the_key_database_of_this_release_can_be_made_from_nothing(database):
    assert migrate(database, "keys") == expected("keys")
    assert "0001_keys.sql" in expected("keys")
    assert pending(database, "keys") == []


def test_a_copy_of_the_release_agrees_on_what_was_run(database, tmp_path, monkeypatch):
    migrate(database, "keys")
    shutil.copytree(migrations.ROOT / "keys", tmp_path / "keys")
    monkeypatch.setattr(migrations, "ROOT", tmp_path)
    assert pending(database, "keys") == []
