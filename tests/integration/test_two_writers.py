"""Whoever reads position n can read every position below it, while processes compete to append."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from ledger.appends import values_of
from ledger.sql import statement
from tests.integration.appending import Requests, altered, emptied, one_ledger, stored
from tests.integration.wired import Founded

REPOSITORY = Path(__file__).parents[2]
WRITERS = 2
SLOW = 40
TAIL = "SELECT n FROM entry WHERE log = 0 AND n > %s ORDER BY n"


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


def writer(ledger: Founded) -> subprocess.Popen[str]:
    seed = str(ledger.random.randrange(2**32))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.writing", ledger.database, seed],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


def append_slowly(ledger: Founded) -> None:
    """Appends whose numbers are given long before they are committed, so that others wait."""
    made = Requests(ledger.random)
    with psycopg.connect(ledger.database) as connection:
        for _ in range(SLOW):
            values = values_of(0, [made.request(many=5)])
            connection.execute(statement("append"), values)
            connection.execute("SELECT pg_sleep(0.02)")
            connection.commit()


class Tail:
    """A reader that follows the log until it is told how long the log is."""

    def __init__(self, ledger: Founded) -> None:
        self.reads = 0
        self.last = 0
        self.skipped: list[tuple[int, int]] = []
        self._ledger = ledger
        self._until: int | None = None
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        with psycopg.connect(self._ledger.database, autocommit=True) as connection:
            while self._until is None or self.last < self._until:
                rows = connection.execute(TAIL, [self.last]).fetchall()
                self._look([n for (n,) in rows])

    def _look(self, found: list[int]) -> None:
        """A number that is not the next one was seen before those below it."""
        self.reads += 1
        for n in found:
            if n != self.last + 1:
                self.skipped.append((self.last, n))
            self.last = n

    def finish(self, *, size: int) -> None:
        self._until = size
        self._thread.join(60)
        assert not self._thread.is_alive(), f"the log has {size} entries, the tail saw {self.last}"


def test_a_reader_never_sees_an_entry_without_all_before_it(ledger):
    tail = Tail(ledger)
    with ExitStack() as stack:
        writers = [stack.enter_context(writer(ledger)) for _ in range(WRITERS)]
        append_slowly(ledger)
        acknowledged = [int(each.communicate(timeout=120)[0]) for each in writers]
    size = sum(acknowledged) + SLOW * 5
    tail.finish(size=size)
    print(f"{size} entries of {WRITERS + 1} writers, read in {tail.reads} looks")
    assert tail.skipped == []
    rows = stored(ledger.database)
    assert [row.n for row in rows] == list(range(1, size + 1))
    assert altered(rows, ledger.identity) == []
    assert tail.reads > SLOW


def test_the_reader_would_tell_an_entry_that_was_committed_out_of_turn(ledger):
    """The same look at a log whose numbers do not follow the order of commits."""
    tail = Tail(ledger)
    tail.finish(size=0)
    tail._look([1, 2])
    tail._look([4])
    tail._look([3, 5])
    assert tail.skipped == [(2, 4), (4, 3), (3, 5)]
