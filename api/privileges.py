"""What the roles in PostgreSQL may not do, and the login of the service even less: found by trying.

Each attempt is rolled back, touches no row, and waits for no lock. A role that the login cannot
become cannot be tried by it, and is said to be so. Not here: granting anything (`migrations`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import LiteralString

import msgspec
import psycopg
from psycopg import sql

from api.runtime import Places
from ledger.connections import CHECKED_ROLE
from ledger.errors import Fault

Attempts = Mapping[str, LiteralString]

RECORD: Attempts = {
    "UPDATE": "UPDATE entry SET leaf = leaf WHERE false",
    "DELETE": "DELETE FROM entry WHERE false",
    "TRUNCATE": "TRUNCATE entry",
    "INSERT": "INSERT INTO entry SELECT * FROM entry LIMIT 0",
    "UPDATE of the head": "UPDATE log_head SET size = size WHERE false",
    "UPDATE of dossiers": "UPDATE dossier SET sealed = sealed WHERE false",
    "INSERT of dossiers": "INSERT INTO dossier SELECT * FROM dossier LIMIT 0",
    "DELETE of dossiers": "DELETE FROM dossier WHERE false",
    "UPDATE of requests": "UPDATE idempotency SET fingerprint = fingerprint WHERE false",
    "DELETE of requests": "DELETE FROM idempotency WHERE false",
    "INSERT of tombstones": "INSERT INTO tombstone SELECT * FROM tombstone LIMIT 0",
    "DELETE of tombstones": "DELETE FROM tombstone WHERE false",
    "UPDATE of the identity": "UPDATE ledger_identity SET origin = origin WHERE false",
    "UPDATE of the read audit": "UPDATE read_audit SET hash = hash WHERE false",
    "DELETE of the read audit": "DELETE FROM read_audit WHERE false",
    "TRUNCATE of the read audit": "TRUNCATE read_audit, read_audit_chain",
    "UPDATE of its chains": "UPDATE read_audit_chain SET process = process WHERE false",
    "DELETE of its chains": "DELETE FROM read_audit_chain WHERE false",
}
"""What would change the record past the append."""
SERVER: Attempts = {
    "switch triggers and keys off": "SET LOCAL session_replication_role = 'replica'",
    "disable triggers": "ALTER TABLE entry DISABLE TRIGGER ALL",
    "alter a table": "ALTER TABLE entry ADD COLUMN doctor integer",
    "drop a table": "DROP TABLE idempotency",
    "replace a function": (
        "CREATE OR REPLACE FUNCTION ledger_clock() RETURNS timestamptz LANGUAGE sql VOLATILE"
        " AS 'SELECT clock_timestamp()'"
    ),
    "make a table": "CREATE TABLE public.doctor ()",
    "make a role": "CREATE ROLE ledger_doctor",
}
"""What only the owner of the tables, or of the server, may."""
APPEND: LiteralString = f"SELECT append(0::smallint, {', '.join(['NULL'] * 15)}) LIMIT 0"
_NOT_APPEND: Attempts = {"append": APPEND}
_ERASURE: Attempts = {
    "bury a person": "SELECT bury(0::smallint, NULL, NULL) LIMIT 0",
    "forget requests": "SELECT forget_requests(0::smallint, NULL) LIMIT 0",
}
_CONTENT: Attempts = {
    "read what is sealed": "SELECT container FROM entry LIMIT 0",
    "read dossiers": "SELECT sealed FROM dossier LIMIT 0",
}

FORBIDDEN: dict[str, Attempts] = {
    CHECKED_ROLE: {**RECORD, **SERVER, **_ERASURE},
    "ledger_reader": {**RECORD, **SERVER, **_NOT_APPEND, **_ERASURE},
    "ledger_auditor": {**RECORD, **SERVER, **_NOT_APPEND, **_CONTENT, **_ERASURE},
    "ledger_eraser": {
        **{what: attempt for what, attempt in RECORD.items() if what != "UPDATE"},
        **SERVER,
        **_NOT_APPEND,
        "UPDATE of what a leaf says": "UPDATE entry SET leaf_hash = leaf_hash WHERE false",
        "UPDATE of digests": "UPDATE entry SET digests = digests WHERE false",
        "read dossiers": "SELECT sealed FROM dossier LIMIT 0",
    },
}
"""Of each role, what it must not be able to do, each an example of it."""
ROLES = tuple(FORBIDDEN)


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Who a connection is: its login, the owner of the record, and what it can become or do."""

    name: str
    owner: str
    superuser: bool
    becomes: tuple[str, ...]
    may: tuple[str, ...]

    @property
    def owns(self) -> bool:
        """Whether nothing that is granted or not binds it."""
        return self.superuser or self.owner in (self.name, *self.becomes)


def privileges(where: Places) -> str:
    """The roles are refused everything that would change the record; raises `Fault`."""
    with psycopg.connect(where.database) as connection:
        untried = [role for role in ROLES if not _becomes(connection, role)]
        for role in ROLES:
            if role not in untried:
                for what in allowed(connection, FORBIDDEN[role], role=role):
                    raise Fault(
                        f"{role} may {what}: the record is not append-only; take back what was"
                        " granted beyond the migrations"
                    )
    if CHECKED_ROLE in untried:
        raise Fault(f"this login is no member of {CHECKED_ROLE}: GRANT {CHECKED_ROLE} TO it")
    left = f"; this login cannot try {', '.join(untried)}" if untried else ""
    return f"nobody may change, remove or add entries but through the append{left}"


def login(where: Places) -> str:
    """The login of the service is bound by what its role may; raises `Fault`."""
    with psycopg.connect(where.database) as connection:
        found = login_of(connection)
    if where.embedded:
        return f"{found.name} owns the embedded server, which is for evaluation"
    if found.owns:
        raise Fault(
            f"{found.name} owns the record or can become its owner {found.owner}: serve with a"
            f" login that is a member of {CHECKED_ROLE} alone, and migrate with the owner's"
        )
    others = [role for role in found.becomes if role != CHECKED_ROLE]
    if others:
        raise Fault(f"{found.name} can become {', '.join(others)}: take it out of that role")
    if found.may:
        raise Fault(f"{found.name} itself may {', '.join(found.may)}: take back what it was given")
    return f"{found.name} can become {CHECKED_ROLE} alone, and not the owner {found.owner}"


def login_of(connection: psycopg.Connection) -> Login:
    """Who the connection is, found by trying."""
    row = connection.execute(
        "SELECT session_user::text, r.rolsuper, pg_get_userbyid(c.relowner)::text"
        " FROM pg_roles r, pg_class c WHERE r.rolname = session_user"
        " AND c.oid = 'public.entry'::regclass"
    ).fetchone()
    assert row is not None, "whoever is connected is a role, and the tables were migrated"
    name, superuser, owner = row
    becomes = tuple(role for role in (owner, *ROLES) if _becomes(connection, role))
    found = Login(name=name, owner=owner, superuser=superuser, becomes=becomes, may=())
    # Who owns everything is not made to try it.
    return found if found.owns else msgspec.structs.replace(found, may=_beyond(connection, becomes))


def _beyond(connection: psycopg.Connection, becomes: Collection[str]) -> tuple[str, ...]:
    """What the login may and the role that it serves as may not."""
    every = {**RECORD, **SERVER}
    known = CHECKED_ROLE in becomes
    others = {*allowed(connection, every, role=CHECKED_ROLE)} if known else set[str]()
    return tuple(what for what in allowed(connection, every) if what not in others)


def allowed(
    connection: psycopg.Connection, attempts: Attempts, *, role: str | None = None
) -> Iterator[str]:
    """Which of the attempts succeed, as this role or as the login itself."""
    for what, statement in attempts.items():
        if _allowed(connection, statement, role):
            yield what


def _allowed(connection: psycopg.Connection, statement: LiteralString, role: str | None) -> bool:
    """Whether it is permitted; an attempt that has to wait was not refused."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL lock_timeout = '200ms'")
        if role is not None:
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        try:
            connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            return False
        except psycopg.errors.LockNotAvailable:
            return True
    return True


def _becomes(connection: psycopg.Connection, role: str) -> bool:
    with connection.transaction(force_rollback=True):
        try:
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
            return False
    return True
