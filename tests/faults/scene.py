"""A founded ledger on an embedded PostgreSQL, the writers that record into it, and their book."""

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait

import psycopg

from tests.faults.book import Book
from tests.faults.recording import Place, Writer
from tests.faults.serving import Ground, ground
from tests.integration.wired import Founded, Wired

PEOPLE = ("p1", "p2", "p3", "p4")


class Scene:
    """Writers at work, by name; everything that they say goes into the book."""

    def __init__(self, where: Ground, ledger: Founded, names: tuple[str, ...]) -> None:
        self.where = where
        self.ledger = ledger
        self.book = Book(names, PEOPLE)
        self._place = Place(
            database=ledger.database,
            keys_database=ledger.keys_database,
            kek=where.folder / "kek",
        )
        self._writers = {name: self._start(name) for name in names}

    def hear(self, names: tuple[str, ...], *, acknowledged: int = 0, said: int = 0) -> None:
        """So much has been heard of these writers together, while all are listened to."""
        acknowledgements = words = 0
        while acknowledgements < acknowledged or words < said:
            for name in self._speaking():
                told = self._writers[name].hear()
                assert told is not None, f"{name} ended by itself"
                self.book.write(name, told)
                words += name in names
                acknowledgements += name in names and told.what == "acknowledged"

    def kill(self, name: str) -> None:
        """The writer is gone, and another goes on for it."""
        for told in self._writers[name].kill():
            self.book.write(name, told)
        self._writers[name] = self._start(name)

    def stop(self) -> None:
        """Every writer has ended, with everything acknowledged that it had sent."""
        for name, writer in self._writers.items():
            for told in writer.stop():
                self.book.write(name, told)

    def end(self) -> None:
        """No writer is left, whatever became of the test."""
        for writer in self._writers.values():
            writer.end()

    def findings(self) -> list[str]:
        """Where the ledger does not bear out what the writers know."""
        return self.book.findings(self.ledger.database, self.ledger.identity)

    def _start(self, name: str) -> Writer:
        return Writer(name, self._place, self.book.numbers(name))

    def _speaking(self) -> list[str]:
        ready = wait([writer.hearing for writer in self._writers.values()], timeout=60)
        assert ready, f"nothing was heard for a minute: {dict(self.book.counts)}"
        return [name for name, writer in self._writers.items() if writer.hearing in ready]


@contextmanager
def scene(*names: str) -> Iterator[Scene]:
    """Writers at work on a ledger that has the scenarios' catalogue."""
    with ground() as where:
        database, keys = (where.postgres.conninfo(name) for name in ("ledger", "ledger_keys"))
        _spare_the_disk(where, database)
        ledger = Founded(database, keys, where.folder, logs=1)

        async def adopt(wired: Wired) -> None:
            await wired.adopt()

        ledger.run(adopt)
        made = Scene(where, ledger, names)
        try:
            yield made
        finally:
            made.end()


def _spare_the_disk(where: Ground, database: str) -> None:
    """What is killed are programs: the machine stays up, and its disk need not be waited for."""
    (where.postgres.root / "ledger.local.conf").write_text("fsync = off\n")
    with psycopg.connect(database) as connection:
        connection.execute("SELECT pg_reload_conf()")
