"""Roles and logins in PostgreSQL: each may what it is for, and nothing else, found by trying.

The server is one of its own, whose logins are made as ops/docs/running.md says.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from api.demo import free_port
from api.embedded import Embedded
from api.embedded_account import account_name
from api.privileges import APPEND, FORBIDDEN, RECORD, ROLES, SERVER, login_of
from tests.integration.wired import SCENARIOS
from tests.issuing import OutsideIssuer
from tests.shell import Shell

SUPERUSER = "ledger"
OWNER, SERVICE = "ledger_owner", "ledger_service"
LOGINS = (SUPERUSER, OWNER, SERVICE, "ledger_careless", "ledger_nobody")
NAMES = ("ledger", "ledger_keys")


class Site:
    """A server whose ledger was migrated by its owner, for a service with a login of its own."""

    def __init__(self, server: Embedded, folder: Path) -> None:
        self._server = server
        self.folder = folder

    def conninfo(self, login: str, database: str = "ledger") -> str:
        return make_conninfo(self._server.conninfo(database), user=login)

    def shell(self, login: str) -> Shell:
        """Commands with this login for both databases."""
        database, keys = (self.conninfo(login, name) for name in NAMES)
        (self.folder / login).mkdir(exist_ok=True)
        made = Shell.on(database=database, keys=keys, folder=self.folder / login)
        made.variables["LEDGER_DATA_DIR"] = str(self.folder)
        return made

    def tries(self, login: str, statement: str, *, role: str | None = None) -> None:
        """The statement, undone."""
        with psycopg.connect(self.conninfo(login)) as connection:
            if role is not None:
                connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
            connection.execute(statement)
            connection.rollback()


@pytest.fixture(scope="module")
def site(module_place: Path) -> Iterator[Site]:
    root = module_place / "server"
    root.mkdir(mode=0o755)
    accounts = {account_name(os.geteuid()), "postgres"}
    lines = (f'ledger "{one}" {login}\n' for one in accounts for login in LOGINS)
    (root / "logins.conf").write_text("".join(lines))
    (root / "ledger.local.conf").write_text(f"fsync = off\nident_file = '{root / 'logins.conf'}'\n")
    with Embedded(root, report=lambda _: None) as server:
        folder = module_place / "data"
        folder.mkdir(mode=0o755)
        made = Site(server, folder)
        _make_logins(made)
        yield made


def _make_logins(site: Site) -> None:
    with psycopg.connect(site.conninfo(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
        for name in NAMES:
            connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
    assert site.shell(OWNER).run("migrate").code == 0
    with psycopg.connect(site.conninfo(OWNER), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {SERVICE} LOGIN IN ROLE ledger_app")
        connection.execute("CREATE ROLE ledger_careless LOGIN IN ROLE ledger_app, ledger_eraser")
        connection.execute("CREATE ROLE ledger_nobody LOGIN")


def test_a_service_with_a_login_of_its_own_records_and_answers(site: Site) -> None:
    shell = site.shell(SERVICE)
    person = "5f3ee4f6-6e2c-4f06-9d5c-1a8c0f2d7b11"

    assert shell.run("migrate").code == 0, "there is nothing to do, and nothing to be refused"
    assert shell.run("catalogue", "apply", SCENARIOS / "catalogue.json").code == 0
    words = ("ConsentGranted", "effective_at=2026-01-10", "purpose=PHOTO", f"given_by={person}")
    recorded = shell.run("record", "--subject", person, *words, "capacity=SELF", "evidence=form")
    assert (recorded.code, recorded.err) == (0, "")
    asked = shell.run("check", "--subject", person, "--purpose", "PHOTO", "--json")
    assert asked.json()[0]["flags"] != []
    assert shell.run("timeline", "--subject", person).code == 0
    examined = shell.run("doctor", "--json")
    found = {one["check"]: one for one in examined.json()}
    assert [name for name, one in found.items() if not one["ok"]] == []
    assert found["login"]["detail"] == (
        f"{SERVICE} can become ledger_app alone, and not the owner {OWNER}"
    )
    assert (
        "cannot try ledger_reader, ledger_auditor, ledger_eraser" in found["privileges"]["detail"]
    )


def test_the_service_is_served_with_that_login_for_the_clients_of_an_issuer(site: Site) -> None:
    issuer, port = OutsideIssuer(), free_port("127.0.0.1", 18080, exact=False)
    shell = site.shell(SERVICE)
    shell.variables |= issuer.settings(issuer.publish(site.folder / "jwks.json"))
    shell.variables |= {"LEDGER_PORT": str(port), "LEDGER_METRICS_PORT": "0"}
    question = {"subject": "5f3ee4f6-6e2c-4f06-9d5c-1a8c0f2d7b12", "purpose": "PHOTO"}

    with shell.started("serve") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"Serving on")
        asked = [
            httpx.post(
                f"http://127.0.0.1:{port}/v1/checks",
                json=question,
                headers={"authorization": f"Bearer {token}"},
            )
            for token in (issuer.token(), issuer.token(exp=1))
        ]
    assert [one.status_code for one in asked] == [200, 401]
    assert asked[0].json()["decision"] == "DENY"


def test_without_an_issuer_it_is_not_served_and_the_settings_are_named(site: Site) -> None:
    for command in ("serve", "token", "demo"):
        ran = site.shell(SERVICE).run(command)

        assert ran.code != 0
        assert "database_url" in ran.err
        for name in ("issuer", "audience", "jwks_url", "jwks_file"):
            assert f"`{name}`" in ran.err
    assert not (site.folder / "token-key.json").exists()


@pytest.mark.parametrize(
    ("login", "said"),
    [
        (SUPERUSER, f"owns the record or can become its owner {OWNER}"),
        (OWNER, f"owns the record or can become its owner {OWNER}"),
        ("ledger_careless", "can become ledger_eraser"),
    ],
)
def test_the_doctor_finds_a_login_that_may_too_much(site: Site, login: str, said: str) -> None:
    examined = site.shell(login).run("doctor", "--json")
    (found,) = [one for one in examined.json() if one["check"] == "login"]

    assert examined.code == 1
    assert not found["ok"] and said in found["detail"]


def test_the_doctor_finds_what_was_given_to_the_login_itself(site: Site) -> None:
    with psycopg.connect(site.conninfo(OWNER), autocommit=True) as connection:
        connection.execute(f"GRANT INSERT ON entry TO {SERVICE}")
        try:
            examined = site.shell(SERVICE).run("doctor", "--json")
        finally:
            connection.execute(f"REVOKE INSERT ON entry FROM {SERVICE}")
    failing = {one["check"]: one["detail"] for one in examined.json() if not one["ok"]}

    assert list(failing) == ["login"]
    assert f"{SERVICE} itself may INSERT" in failing["login"]


def test_the_doctor_finds_a_login_that_has_no_role(site: Site) -> None:
    examined = site.shell("ledger_nobody").run("doctor", "--json")

    assert examined.code == 1
    assert not all(one["ok"] for one in examined.json())


def test_a_service_login_cannot_migrate_and_is_told_who_can(site: Site) -> None:
    with psycopg.connect(site.conninfo(SUPERUSER), autocommit=True) as connection:
        last = "SELECT max(name) FROM schema_migration WHERE folder = 'ledger'"
        (name,) = connection.execute(last).fetchone() or ("",)
        row = "folder = 'ledger' AND name = %s"
        held = connection.execute(f"SELECT * FROM schema_migration WHERE {row}", [name]).fetchone()
        connection.execute(f"DELETE FROM schema_migration WHERE {row}", [name])
        try:
            ran = site.shell(SERVICE).run("migrate")
        finally:
            connection.execute("INSERT INTO schema_migration VALUES (%s, %s, %s, %s)", held)

    assert ran.code == 1
    assert "ledger migrate` with the owner's" in ran.err


# What each role may not.

ATTEMPTS = [(role, what) for role, attempts in FORBIDDEN.items() for what in attempts]
UNTRIED_BY_DOCTOR = {
    "copy in": "COPY entry FROM STDIN",
    "copy from a program": "COPY entry FROM PROGRAM 'true'",
    "copy from a file": "COPY entry FROM '/etc/passwd'",
    "copy out to a file": "COPY entry TO '/tmp/entries'",
    "become the owner": f"SET ROLE {OWNER}",
    "become the owner for the session": f"SET SESSION AUTHORIZATION {OWNER}",
    "become the superuser": f"SET SESSION AUTHORIZATION {SUPERUSER}",
    "own a table": "ALTER TABLE entry OWNER TO CURRENT_USER",
    "make a trigger": (
        "CREATE TRIGGER t BEFORE INSERT ON entry FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "make a rule": "CREATE RULE r AS ON INSERT TO entry DO INSTEAD NOTHING",
    "make an index": "CREATE INDEX ON entry (log)",
    "secure rows": "ALTER TABLE entry ENABLE ROW LEVEL SECURITY",
    "alter the append": "ALTER FUNCTION append SECURITY INVOKER",
    "drop the append": "DROP FUNCTION append",
    "make a schema": "CREATE SCHEMA doctor",
    "make an extension": "CREATE EXTENSION dblink",
    "read new settings": "SELECT pg_reload_conf()",
    "alter the database": "ALTER DATABASE ledger SET session_replication_role = replica",
    "alter its role": "ALTER ROLE CURRENT_USER SUPERUSER",
    "lock a table": "LOCK TABLE entry IN ACCESS EXCLUSIVE MODE",
    "read a file": "SELECT pg_read_file('/etc/passwd')",
    "merge": (
        "MERGE INTO entry e USING log_head h ON false WHEN NOT MATCHED THEN INSERT DEFAULT VALUES"
    ),
    "rename": "ALTER TABLE entry RENAME TO entries",
}


@pytest.mark.parametrize(("role", "what"), ATTEMPTS)
def test_no_role_may_what_the_doctor_tries(site: Site, role: str, what: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        site.tries(SUPERUSER, FORBIDDEN[role][what], role=role)


@pytest.mark.parametrize("what", [*RECORD, *SERVER])
def test_neither_may_the_login_of_the_service(site: Site, what: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        site.tries(SERVICE, {**RECORD, **SERVER}[what])


@pytest.mark.parametrize("what", UNTRIED_BY_DOCTOR)
@pytest.mark.parametrize("role", [None, "ledger_app"])
def test_nor_anything_else_that_could_change_the_record(
    site: Site, role: str | None, what: str
) -> None:
    """From the login itself, and from the role that each connection of the service takes."""
    with pytest.raises(errors.InsufficientPrivilege):
        site.tries(SERVICE, UNTRIED_BY_DOCTOR[what], role=role)


@pytest.mark.parametrize("role", [*(one for one in ROLES if one != "ledger_app"), OWNER, SUPERUSER])
def test_the_service_cannot_become_anybody_else(site: Site, role: str) -> None:
    for before in (None, "ledger_app"):
        with pytest.raises(errors.InsufficientPrivilege):
            site.tries(SERVICE, f"SET ROLE {role}", role=before)


def test_a_grant_by_who_may_not_grant_changes_nothing(site: Site) -> None:
    """PostgreSQL warns, and grants nothing, where some right is held and none may be passed on."""
    with psycopg.connect(site.conninfo(SERVICE), autocommit=True) as connection:
        for statement in (
            "GRANT INSERT ON entry TO ledger_app",
            "GRANT ledger_eraser TO ledger_app",
        ):
            try:
                connection.execute(statement)
            except errors.InsufficientPrivilege:
                continue
    with pytest.raises(errors.InsufficientPrivilege):
        site.tries(SERVICE, RECORD["INSERT"])
    with psycopg.connect(site.conninfo(SERVICE)) as connection:
        assert login_of(connection).becomes == ("ledger_app",)


# And what it may.

MAY = {
    "ledger_app": [
        "SELECT * FROM entry, dossier, log_head, idempotency, tombstone, ledger_identity",
        f"{APPEND}",
        "SELECT ledger_clock()",
        "DELETE FROM current_basis",
        "UPDATE follower SET n = n",
        "INSERT INTO read_audit SELECT * FROM read_audit LIMIT 0",
    ],
    "ledger_reader": [
        "SELECT * FROM entry, dossier, log_head, current_basis",
        "SELECT ledger_clock()",
    ],
    "ledger_auditor": [
        "SELECT log, n, stream, version, name, event_id, digests, leaf, leaf_hash FROM entry",
        "SELECT * FROM log_head, ledger_identity, read_audit, read_audit_chain",
        "SELECT ledger_clock()",
    ],
    "ledger_eraser": [
        "SELECT * FROM entry",
        "UPDATE entry SET container = '', leaf = '' WHERE log = 0 AND n = 1",
        "SELECT bury(0::smallint, '5f3ee4f6-6e2c-4f06-9d5c-1a8c0f2d7b11', 0)",
        "SELECT forget_requests(0::smallint, ARRAY[1::bigint])",
        "INSERT INTO erasure (log, n, plan) VALUES (0, 1, '{}')",
        "DELETE FROM erasure WHERE log = 0",
    ],
}


@pytest.mark.parametrize(
    ("role", "statement"), [(role, one) for role, every in MAY.items() for one in every]
)
def test_each_role_may_what_it_is_for(site: Site, role: str, statement: str) -> None:
    site.tries(SUPERUSER, statement, role=role)


def test_every_right_on_every_table_is_one_that_is_meant(site: Site) -> None:
    """A table or a right that comes later is seen here: nobody writes but as said."""
    query = """
        SELECT grantee::text, table_name::text, privilege_type::text
        FROM information_schema.role_table_grants
        WHERE table_schema = 'public' AND grantee <> %s AND privilege_type <> 'SELECT'
    """
    with psycopg.connect(site.conninfo(SUPERUSER)) as connection:
        rows = connection.execute(query, [OWNER]).fetchall()
    record = {"entry", "dossier", "log_head", "idempotency", "tombstone", "ledger_identity"}

    eraser = {(table, right) for grantee, table, right in rows if grantee == "ledger_eraser"}
    assert eraser == {("erasure", "INSERT"), ("erasure", "DELETE")}
    assert {grantee for grantee, _, _ in rows} == {"ledger_app", "ledger_eraser"}
    assert not record & {table for _, table, _ in rows}
    audit = {right for _, table, right in rows if table.startswith("read_audit")}
    assert audit == {"INSERT"}


def test_everybody_else_may_nothing(site: Site) -> None:
    for table in ("entry", "dossier", "log_head", "read_audit", "schema_migration"):
        with pytest.raises(errors.InsufficientPrivilege):
            site.tries("ledger_nobody", f"SELECT * FROM {table}")
    with pytest.raises(errors.InsufficientPrivilege):
        site.tries("ledger_nobody", str(APPEND))
