"""The ledger as recorders of the eventsourcing library: its stored events are entries of the log.

Selected by the library's own setting, APPLICATION_RECORDER_TOPIC=ledger.recorder:LedgerRecorder.
Events are appended by the one append function and read back from the entries; nothing is created
here, no table is locked and nothing is notified. A ledger of one log is needed.

Not here: how an event is an entry (`stored_events`), what an append does (`store`), and DCB.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Lock
from typing import ClassVar, TypeVar, cast
from uuid import UUID

import msgspec
import psycopg
from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Subscription,
)
from eventsourcing.postgres import (
    PostgresAggregateRecorder,
    PostgresApplicationRecorder,
    PostgresDatastore,
)
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row

from ledger.errors import LedgerError, OutcomeUnknown, Unavailable
from ledger.own_loop import OwnLoop
from ledger.sql import statement
from ledger.store import Identity, Store, open_pool
from ledger.stored_events import Originators, name_of_topic, numbers_of, request_of, stream_of

PAGE = 500
"""Entries read at once by a subscription, or where topics are asked for."""
POLL_SECONDS = 0.1
_LAST = 2**53
_LOG = 0

T = TypeVar("T")


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger in reach: its store is used in the loop, and nowhere else."""

    loop: OwnLoop
    store: Store
    identity: Identity


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may say beside the events: `app.save(..., idempotency_key=...)`.

    With a key, the same events are appended once however often they are sent; without, each call is
    a request of its own. `dossiers` are the new sealed bytes of streams about people.
    """

    idempotency_key: str | None = None
    dossiers: dict[UUID, bytes] = {}


class LedgerAggregateRecorder(PostgresAggregateRecorder):
    """Appends to the streams of one ledger, which must have been founded, and reads them.

    It has connections of its own, in an event loop of its own, from the first use to `close`.
    """

    FIRST_VERSION: ClassVar[int] = 1
    """The version of every originator's first event."""

    def __init__(
        self, datastore: PostgresDatastore, *, events_table_name: str = "stored_events"
    ) -> None:
        # Past the library's own, which would prepare tables that do not exist here.
        super(PostgresAggregateRecorder, self).__init__(datastore)
        _refuse_unusable(datastore)
        self.events_table_name = events_table_name
        self._opening = Lock()
        self._connected: Connected | None = None

    def create_table(self) -> None:
        """Creates nothing: raises where no ledger was migrated and founded in the database."""
        self.connected()

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: object
    ) -> Sequence[int] | None:
        """Appends the events whole or not at all; IntegrityError where a version is taken."""
        self._appended(stored_events, kwargs)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The originator's events with versions after `gt` and up to `lte`, `limit` at most."""
        stream, events = stream_of(originator_id), self._originators()
        connected = self.connected()
        rows = self.run(connected.store.dossiers(_LOG, [stream], own=connected.identity.stream))
        last = min(rows[stream].version or 0, _LAST if lte is None else events.version(lte))
        first = 0 if gt is None else max(0, events.version(gt))
        many = min(max(0, last - first), _LAST if limit is None else limit)
        after = last - many if desc else first
        found = self.run(connected.store.stream(_LOG, stream, after=after, until=last, limit=many))
        told = [events.event(entry) for entry in found]
        return told[::-1] if desc else told

    def connected(self) -> Connected:
        """The ledger, connected to now if it was not."""
        with self._opening, _as_the_library_says():
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """What the coroutine returns, run in this recorder's event loop."""
        with _as_the_library_says():
            return self.connected().loop.run(coroutine)

    def close(self) -> None:
        """What is on its way has arrived, and connections and event loop are gone."""
        with self._opening:
            connected, self._connected = self._connected, None
        if connected is not None:
            connected.loop.run(connected.store.drain())
            connected.loop.close()

    def _connect(self) -> Connected:
        identity = _identity(self._conninfo())
        if identity.logs != 1:
            raise ProgrammingError("events are numbered by a ledger of one log only")
        loop = OwnLoop()
        pool = loop.enter(open_pool(self._conninfo, size_max=self.datastore.pool.max_size))
        return Connected(loop=loop, store=Store(pool), identity=identity)

    def _conninfo(self) -> str:
        pool = self.datastore.pool
        given = cast("Mapping[str, object]", pool.kwargs)
        values = {name: str(value) for name, value in given.items() if name != "row_factory"}
        if pool.get_password_func is not None:
            values["password"] = pool.get_password_func()
        return make_conninfo(**values)

    def _originators(self) -> Originators:
        origin = self.connected().identity.log_origin(_LOG)
        return Originators(origin=origin, first_version=self.FIRST_VERSION)

    def _appended(
        self, stored_events: Sequence[StoredEvent], options: Mapping[str, object]
    ) -> list[int] | None:
        """The n of each event; None where there is none."""
        if options.get("tracking") is not None:
            raise NotSupportedError("this recorder keeps no tracking records")
        if not stored_events:
            return None
        chosen = msgspec.convert(options, Options)
        originators = self._originators()
        with _as_the_library_says():
            request = request_of(
                stored_events,
                originators,
                client=self.events_table_name,
                key=chosen.idempotency_key or os.urandom(16).hex(),
                dossiers=chosen.dossiers,
            )
        outcome = self.run(self.connected().store.append(_LOG, request))
        if outcome.name in ("version_conflict", "key_reused"):
            raise IntegrityError(f"nothing was recorded: {outcome.name.replace('_', ' ')}")
        return numbers_of(stored_events, originators, outcome)


class LedgerRecorder(LedgerAggregateRecorder, PostgresApplicationRecorder):
    """The same with the log as the application sequence: a notification's id is its n."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: object
    ) -> Sequence[int] | None:
        """The n of each event, appended whole or not at all."""
        return self._appended(stored_events, kwargs)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Events in the log's order, from `start` up to `stop`, of the topics if any is named."""
        names = {name_of_topic(topic) for topic in topics}
        after = 0 if start is None else start - inclusive_of_start
        until = _LAST if stop is None else stop
        events, store = self._originators(), self.connected().store
        found: list[Notification] = []
        while len(found) < limit:
            size = PAGE if names else limit - len(found)
            page = self.run(store.log(_LOG, after=after, until=until, limit=size))
            found += [events.notification(one) for one in page if not names or one.name in names]
            if len(page) < size:
                break
            after = page[-1].n
        return found[:limit]

    def max_notification_id(self) -> int | None:
        """How many entries the log has; None while it has none."""
        return self.run(self.connected().store.head(_LOG)).size or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[LedgerRecorder]:
        """Every event after `gt`, and then each new one, found by asking again and again."""
        return LedgerSubscription(recorder=self, gt=gt, topics=topics)


class LedgerSubscription(Subscription[LedgerRecorder]):
    """Polls, in the thread of whoever iterates; outlives a server that is away for a while."""

    def __init__(
        self, recorder: LedgerRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._stopped = Event()
        self._found: deque[Notification] = deque()

    def stop(self) -> None:
        """The iteration ends, also where it is waiting."""
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        while not self._stopped.is_set():
            if self._found:
                return self._found.popleft()
            with suppress(OperationalError):
                if self._moved():
                    continue
            self._stopped.wait(POLL_SECONDS)
        raise StopIteration

    def _moved(self) -> bool:
        """Whether the log had more entries than were looked at, which now were."""
        last = self._last_notification_id or 0
        size = self._recorder.max_notification_id() or 0
        if size <= last:
            return False
        self._found.extend(
            self._recorder.select_notifications(
                last, PAGE, stop=size, topics=self._topics, inclusive_of_start=False
            )
        )
        full = len(self._found) == PAGE
        self._last_notification_id = self._found[-1].id if full else size
        return True


def _identity(conninfo: str) -> Identity:
    """Asked without the role and the pool, which a database without a ledger would not let open."""
    with (
        psycopg.connect(conninfo) as connection,
        connection.cursor(row_factory=class_row(Identity)) as cursor,
    ):
        found = cursor.execute(statement("identity")).fetchone()
    if found is None:
        raise ProgrammingError("the database holds no ledger: run `ledger migrate`")
    return found


def _refuse_unusable(datastore: PostgresDatastore) -> None:
    if datastore.enable_db_functions:
        raise ProgrammingError("POSTGRES_ENABLE_DB_FUNCTIONS lets readers miss events: unset it")
    if datastore.originator_id_type != "uuid":
        raise ProgrammingError("originators of a ledger have UUIDs: unset ORIGINATOR_ID_TYPE")
    if datastore.schema != "public":
        raise ProgrammingError("a ledger is in the schema public: unset POSTGRES_SCHEMA")


@contextmanager
def _as_the_library_says() -> Iterator[None]:
    """Our errors as those that callers of the library expect."""
    try:
        yield
    except (OutcomeUnknown, Unavailable) as error:
        raise OperationalError(str(error)) from error
    except LedgerError as error:
        raise ProgrammingError(str(error)) from error
    except psycopg.OperationalError as error:
        raise OperationalError("the database cannot be reached") from error
    except psycopg.errors.UndefinedTable as error:
        raise ProgrammingError("the database holds no ledger: run `ledger migrate`") from error
