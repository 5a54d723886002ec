"""What the service answers, typed; members that are newer than this client are passed over.

Instants are aware `datetime`s. They are dataclasses and no structs of the service's: only what the
service said is read into them, strictly, so that no number becomes a moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal, NoReturn
from uuid import UUID

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Decision = Literal["PERMIT", "PERMIT_LIMITED", "DENY", "OUT_OF_SCOPE"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliance:
    """A line that the answer rests on, and the entry that declared it."""

    article6: str
    source: str | None
    entry: str
    suspended: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """Half-open: a restrictive fact had effect in it and was not yet known."""

    start: Instant
    end: Instant
    entry: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One rule that was evaluated: whether it matched, and the entries it used."""

    rule: str
    article: str
    matched: bool
    flag: str | None
    entries: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A duty, the last day to fulfil it (Europe/London), and the entry it comes from."""

    what: str
    at: date
    entry: str
    basis_of_clock: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a check says, and everything it rests on.

    `position` and `catalogue` are the last entries that it takes into account, of the person's log
    and of the ledger's own stream.
    """

    decision: Decision
    live: tuple[str, ...]
    relied_on: tuple[Reliance, ...]
    conditions: tuple[str, ...]
    denied_categories: tuple[str, ...]
    flags: tuple[str, ...]
    late_gaps: tuple[Interval, ...]
    because: tuple[Step, ...]
    due: tuple[Due, ...]
    next_change_at: Instant | None
    effective_at: Instant
    known_at: Instant
    position: str
    rulebook: str
    catalogue: str

    @property
    def permitted(self) -> bool:
        """Whether all that was asked about is permitted.

        False for PERMIT_LIMITED, which permits a part: who can keep to that part reads `decision`,
        `live` and `denied_categories`. Where categories are denied, PERMIT does not permit those.
        """
        return self.decision == "PERMIT" and not self.denied_categories

    def __bool__(self) -> NoReturn:
        """Raise: an answer that denies would pass as true."""
        raise TypeError("an answer is neither true nor false: ask for its `permitted`")


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchAnswer:
    """The answer to the question of this `id`."""

    id: str
    answer: Answer


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchAnswers:
    """The answers in the order of the questions."""

    answers: tuple[BatchAnswer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Basis:
    """One purpose's answer."""

    purpose: str
    answer: Answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Bases:
    """Every purpose at one moment."""

    bases: tuple[Basis, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """A change that was `learned`, at an instant of recording, or `happened`, at one of effect.

    By entries, or by time alone: `entries` are then those that time acted on.
    """

    kind: Literal["learned", "happened"]
    by: Literal["entry", "time"]
    at: Instant
    changed: tuple[str, ...]
    entries: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One purpose at both moments; unchanged where `changed` is empty."""

    purpose: str
    before: Answer
    after: Answer
    changed: tuple[str, ...]
    causes: tuple[Cause, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Every purpose at two moments."""

    purposes: tuple[Compared, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """The subject that an identifier stands for."""

    subject: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What the log promises of one entry, to be kept; `leaf` is None for a narrow grant."""

    v: int
    log: str
    leaf_index: int
    leaf: str | None
    leaf_hash: str
    mmd_seconds: int
    status: str
    promise: str
    proof: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedEntry:
    """An entry as recorded: its id, its type and its place, with what the log promises of it."""

    entry: UUID
    type: str
    position: str
    recorded_at: Instant
    receipt: Receipt | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What was recorded; `position` and `receipt` are those of the last entry.

    `version` is the stream's, None for a client whose grant is not over every purpose. `replayed`
    says that it was recorded before, under the same `key`.
    """

    position: str
    version: int | None
    entries: tuple[RecordedEntry, ...]
    receipt: Receipt | None = None
    key: str = ""
    replayed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogue:
    """The catalogue adopted last.

    `version` is that of the ledger's own stream, None for a client bound to some purposes, which
    sees those alone.
    """

    document: dict[str, object]
    version: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineEntry:
    """One entry of a person; `fact` is what can still be read, None once it is erased."""

    entry: UUID
    position: str
    n: int
    version: int | None
    type: str
    effective_at: Instant | None
    recorded_at: Instant
    fact: dict[str, object] | None
    erased: tuple[str, ...]
    recorded_by: str | None
    client: str
    leaf_hash: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelinePage:
    """Entries in the order of recording, complete to `position`."""

    entries: tuple[TimelineEntry, ...]
    complete: bool
    next: str | None
    position: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A person on a list."""

    subject: UUID
    decision: Decision
    live: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PopulationPage:
    """Part of a list of people, which is complete to `positions` and `catalogue`."""

    people: tuple[Listed, ...]
    complete: bool
    next: str | None
    effective_at: Instant
    known_at: Instant
    positions: tuple[str, ...]
    catalogue: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldPermitted:
    """Somebody who was told that something is permitted; `read` is the row in the read audit."""

    read: UUID
    client: str
    reason: str | None
    on_behalf_of: str | None
    answered_at: Instant
    decision: str
    effective_at: Instant


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A half-open interval in which more was believed permitted than hindsight permits."""

    purpose: str
    start: Instant
    end: Instant
    believed: Decision
    hindsight: Decision
    entries: tuple[str, ...]
    shown_at: Instant
    told: tuple[ToldPermitted, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposed:
    """One person's gaps, in order of purpose and time."""

    subject: UUID
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposures:
    """Everyone with a gap in a period, complete to `positions`."""

    people: tuple[Exposed, ...]
    complete: bool
    positions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """A row of the read audit: who was told what, when, and for what stated reason.

    `log`, `chain` and `n` are its place, `hash` is over all else.
    """

    id: UUID
    request: UUID
    answered_at: Instant
    client: str
    reason: str | None
    on_behalf_of: str | None
    trace: str | None
    kind: str
    subject: UUID | None
    purpose: str | None
    question: dict[str, object]
    decision: str | None
    effective_at: Instant | None
    known_at: Instant | None
    position: str | None
    catalogue: str | None
    rulebook: str | None
    answer_digest: str
    stored_digest: str | None
    log: int
    chain: UUID
    n: int
    prev: str
    hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadsPage:
    """Part of a list of rows, none of them answered at `until` or later."""

    reads: tuple[Read, ...]
    complete: bool
    next: str | None
    until: Instant


@dataclass(frozen=True, kw_only=True, slots=True)
class EventData:
    """What an event is about; `purpose` may be `*`, and is absent where it cannot be told."""

    type: str | None = None
    entry: str | None = None
    purpose: str | None = None
    effective_at: Instant | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A CloudEvent of the feed: that something happened, and nothing of what."""

    id: str
    source: str
    type: str
    time: Instant
    position: str
    data: EventData
    subject: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """No event at or before `cursor` will be told later; `behind` came after it at `time`."""

    cursor: str
    positions: tuple[str, ...]
    time: Instant
    behind: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedPage:
    """Events in order, perhaps none: keep `next` with what was made of them."""

    events: tuple[Event, ...]
    next: str
    complete: bool
    checkpoint: Checkpoint
