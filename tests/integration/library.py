"""A ledger as the eventsourcing library is told of it."""

from typing import TypeVar

from eventsourcing.postgres import PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from ledger.recorder import LedgerAggregateRecorder

R = TypeVar("R", bound=LedgerAggregateRecorder)


def settings(conninfo: str) -> dict[str, str]:
    """The library's settings for the database."""
    found = conninfo_to_dict(conninfo)
    return {
        "POSTGRES_DBNAME": str(found["dbname"]),
        "POSTGRES_HOST": str(found.get("host", "")),
        "POSTGRES_PORT": str(found.get("port", "")),
        "POSTGRES_USER": str(found.get("user", "")),
        "POSTGRES_PASSWORD": str(found.get("password", "")),
    }


def datastore(conninfo: str, **options) -> PostgresDatastore:
    """The library's own datastore for the database."""
    named = settings(conninfo)
    dbname, host, port, user, password = (
        named[f"POSTGRES_{name}"] for name in ("DBNAME", "HOST", "PORT", "USER", "PASSWORD")
    )
    return PostgresDatastore(dbname, host, port, user, password, pool_size=4, **options)


def recorder(kind: type[R], conninfo: str, **options) -> R:
    """A recorder over the database, to be closed by whoever asked for it."""
    return kind(datastore(conninfo, **options), events_table_name="tests_events")
