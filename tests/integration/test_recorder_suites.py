"""The library's own suites for recorders pass with ours, as they come in its wheel.

They count versions from 0 where they name one outright, so all of theirs do here. Their largest
test inserts 10,000 events, and reads all the while.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from eventsourcing.tests import persistence as suites

from ledger.recorder import LedgerAggregateRecorder, LedgerRecorder
from tests.integration.appending import altered, emptied, one_ledger, stored
from tests.integration.library import recorder
from tests.integration.wired import Founded


class CountsFromZero(LedgerRecorder):
    FIRST_VERSION: ClassVar[int] = 0


class StreamsCountFromZero(LedgerAggregateRecorder):
    FIRST_VERSION: ClassVar[int] = 0


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


class OverALedger:
    """Each test of a suite has an empty ledger, whose entries are all in order at its end."""

    INITIAL_VERSION = 0
    kind: ClassVar[type[LedgerAggregateRecorder]] = CountsFromZero

    @pytest.fixture(autouse=True)
    def _ledger(self, founded_once: Founded) -> Iterator[None]:
        self.ledger = emptied(founded_once)
        self.made: list[LedgerAggregateRecorder] = []
        yield
        for each in self.made:
            each.close()
        rows = stored(self.ledger.database)
        assert rows, "the suite wrote something"
        assert [row.n for row in rows] == list(range(1, len(rows) + 1))
        assert altered(rows, self.ledger.identity) == []

    def create_recorder(self):
        made = recorder(self.kind, self.ledger.database)
        made.create_table()
        self.made.append(made)
        return made


class TestApplicationRecorder(OverALedger, suites.ApplicationRecorderTestCase):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleavingNotificationIDs(
    OverALedger, suites.NonInterleavingNotificationIDsBaseCase
):
    pass


class TestAggregateRecorder(OverALedger, suites.AggregateRecorderTestCase):
    kind = StreamsCountFromZero
