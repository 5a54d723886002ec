"""Migrated databases to make others from: each is migrated once a process, and copied."""

import secrets

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from migrations import Folder, migrate

_made: dict[tuple[str, int, Folder], str] = {}
"""The templates of this process, by their server and what has run in them."""


def create(connection: psycopg.Connection, name: str, folder: Folder | None) -> None:
    """A new database of this name in which that folder's files have run; no file where None."""
    template = "template0" if folder is None else _template(connection, folder)
    made, copied = sql.Identifier(name), sql.Identifier(template)
    # By far the cheaper way where nothing has to survive a loss of power.
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(made, copied)
    )


def drop(connection: psycopg.Connection, name: str) -> None:
    """The database is gone, whoever is still connected."""
    named = sql.Identifier(name)
    connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(named))


def drop_templates(postgres: str) -> None:
    """Nothing of this process is left behind on a server that outlives it."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        for place in [one for one in _made if one[:2] == _server(connection)]:
            drop(connection, _made.pop(place))


def _template(connection: psycopg.Connection, folder: Folder) -> str:
    place = (*_server(connection), folder)
    if place not in _made:
        name = f"ledger_template_{secrets.token_hex(8)}"
        create(connection, name, None)
        info = connection.info
        migrate(make_conninfo(info.dsn, dbname=name, password=info.password or None), folder)
        _made[place] = name
    return _made[place]


def _server(connection: psycopg.Connection) -> tuple[str, int]:
    return connection.info.host, connection.info.port
