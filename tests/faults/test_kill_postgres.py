"""Nothing acknowledged is lost, doubled or reordered when PostgreSQL is killed under its writers.

Its supervisor in `api.embedded` brings it back; the writers are not restarted.
"""

import os
import random
import signal
from contextlib import suppress

import psycopg

from tests.faults.scene import Scene, scene
from tests.integration.waiting import until

KILLS = ["backend"] * 17 + ["postmaster"] * 5
ACKNOWLEDGED = (3, 80)
"""How many requests are acknowledged between one recovery and the next kill."""
WRITERS = ("ada", "ben")
AT_WORK = """
SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
ORDER BY state = 'active' DESC, random() LIMIT 1
"""


def kill_backend(on: Scene) -> None:
    """A session of a writer, in the middle of an append if any is: the server restarts itself."""
    until(lambda: _killed_one_at_work(on.ledger.database), "a session of a writer is killed")


def _killed_one_at_work(database: str) -> bool:
    """The server may be away, or on its way down from the kill before this one."""
    with suppress(psycopg.OperationalError, ProcessLookupError):
        with psycopg.connect(database, autocommit=True) as connection:
            row = connection.execute(AT_WORK).fetchone()
        if row is not None:
            os.kill(row[0], signal.SIGKILL)
            return True
    return False


def kill_postmaster(on: Scene) -> None:
    """The server whole; its supervisor has started another that serves."""
    server = on.where.postgres
    pid, restarts = server.pid, server.restarts
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: server.restarts > restarts, "the supervisor brings the server back")


def test_what_was_acknowledged_is_there_once_and_in_order_however_often_the_server_is_killed():
    print("seed", seed := random.randrange(2**32))
    chance = random.Random(seed)
    kills = chance.sample(KILLS, len(KILLS))
    with scene(*WRITERS) as on:
        for what in kills:
            on.hear(WRITERS, acknowledged=chance.randint(*ACKNOWLEDGED))
            (kill_backend if what == "backend" else kill_postmaster)(on)
        on.hear(WRITERS, acknowledged=20)
        on.stop()
        print(len(kills), "kills of PostgreSQL;", dict(on.book.counts))
        assert on.book.unknown() == 0
        assert on.findings() == []
