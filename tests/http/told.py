"""A story told to a service entry by entry, each recorded when the story says.

    with scratch(postgres) as where:
        Clock(where).stand("2020-01-10")
        with viewed(where) as (service, viewers):
            telling = Telling(service)
            telling.at("2024-04-10T09:30", withdrawal(telling.person, "2024-03-12"))
            telling.until_now()

The clock of the ledger stands where the story is, so that what is heard late is recorded late.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg

from api.runtime import Places
from tests.http.service import Service, recorded
from tests.integration.wired import born, consent, entry, withdrawal

NOW = "2026-11-23T09:00"
_CLOCK = """
CREATE TABLE IF NOT EXISTS test_clock (now timestamptz);
GRANT SELECT ON test_clock TO PUBLIC;
CREATE OR REPLACE FUNCTION ledger_clock() RETURNS timestamptz LANGUAGE sql VOLATILE
AS 'SELECT coalesce((SELECT now FROM public.test_clock), clock_timestamp())';
"""


class Clock:
    """The clock of a scratch ledger."""

    def __init__(self, where: Places) -> None:
        self._database = where.database
        with psycopg.connect(self._database) as connection:
            connection.execute(_CLOCK)

    def stand(self, moment: str) -> None:
        """It is this moment (UTC) from now on."""
        now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        with psycopg.connect(self._database) as connection:
            connection.execute("DELETE FROM test_clock")
            connection.execute("INSERT INTO test_clock VALUES (%s)", [now])


class Telling:
    """One person's story; what is told first must be recorded first."""

    def __init__(self, service: Service, person: UUID | None = None) -> None:
        self.person = person or uuid4()
        self._service = service
        self._clock = Clock(service.where)

    def at(self, moment: str, *facts: dict[str, Any]) -> list[str]:
        """The facts as recorded at that moment; the ids of their entries."""
        self._clock.stand(moment)
        body = recorded(self._service.caller.record(self.person, *facts))
        return [one["entry"] for one in body["entries"]]

    def until_now(self) -> None:
        """The clock stands at the present of all stories."""
        self._clock.stand(NOW)


def heard_late(service: Service) -> Telling:
    """A consent of March 2024, a withdrawal of that month that was heard in April, and more."""
    told = Telling(service)
    person = told.person
    told.at(
        "2023-09-04T10:00", born("1990-05-05"), entry("NoticeProvided", "2023-09-04", notice="N1")
    )
    told.at("2024-03-20T14:05", consent(person, "2024-03-01", notice="N1", explicit=True))
    told.at("2024-04-10T09:30", withdrawal(person, "2024-03-12", note="letter opened on 10 April"))
    told.at(
        "2024-06-03T11:00",
        entry("ObjectionReceived", "2024-06-01", purpose="RESEARCH") | {"kind": "ART21_1"},
        entry("RestrictionApplied", "2024-06-01", purpose="ASSESS", ground="a"),
    )
    told.until_now()
    return told
