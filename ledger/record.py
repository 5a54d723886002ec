"""Recording: load the dossier, admit each fact, seal, append; again when somebody was quicker.

A request is recorded whole or not at all, and a repeated one answers as it did the first time. An
entry that concerns two people is recorded on both streams by the one request.
Not here: what may be recorded (`admit`), or how it is stored (`store`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from ledger.admit import admit
from ledger.appends import Move, NewEntry, Outcome, Recorded, Request
from ledger.errors import Conflict, Fault, KeyReused, Malformed, VersionConflict
from ledger.events import Fact, name_of
from ledger.reader import Reader
from ledger.rules.rulebook import RuleBook
from ledger.seal import CLEAR, DataKey, Destroyed, Entropy, seal_bytes
from ledger.sealing import Sealable, content_purpose, new_event_id, seal_entry
from ledger.store import Asked, Ground
from ledger.terms import Refusal
from ledger.turns import Turns
from ledger.wire import content_of, fact_to_builtins
from ledger.work import Growth, Work

CONFLICT_ATTEMPTS = 100
"""How often another process may be quicker on the same stream; within this one writers queue."""
ENTRIES_MAX = 1000
"""Entries of one request."""
_KEY_REUSED = "this idempotency key stands for another request: use a new one"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What a client wants recorded about a subject, or (None) about no one person.

    `expected_version` is the stream's version that the client saw; None asks for no such check.
    """

    subject: UUID | None
    facts: tuple[Fact, ...]
    client: str
    key: str
    expected_version: int | None = None
    bulk: bool = False
    """Whether it is one of very many that somebody sends at once: others go before it."""
    body: bytes | None = None
    """What identifies the request where its facts carry a moment that the server chose."""

    @property
    def urgent(self) -> bool:
        """Whether every moment counts: until it is recorded, answers permit what it stops."""
        return not self.bulk and any(fact.restrictive for fact in self.facts)

    def fingerprint(self) -> bytes:
        """What makes a request the same one when it comes again."""
        if self.body is not None:
            return hashlib.sha256(self.body).digest()
        facts = [fact_to_builtins(fact) for fact in self.facts]
        body = msgspec.json.encode([str(self.subject), facts], order="deterministic")
        return hashlib.sha256(body).digest()


class Receipted(msgspec.Struct, frozen=True, kw_only=True):
    """The request's own entries as recorded, and whether it had been recorded before."""

    log: int
    entries: tuple[Recorded, ...]
    replayed: bool


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The first entry of the request that may not be recorded: its place from 0, and why."""

    entry: int
    refusal: Refusal


class Recorder:
    """Records into one ledger. `milliseconds` is the clock of event ids only."""

    def __init__(
        self,
        reader: Reader,
        rulebook: RuleBook,
        *,
        entropy: Entropy,
        milliseconds: Callable[[], int],
    ) -> None:
        self._reader = reader
        self._rulebook = rulebook
        self._entropy = entropy
        self._milliseconds = milliseconds
        self._turns: Turns[UUID | None] = Turns()

    async def record(self, command: Command) -> Receipted | Refused:
        """The entries as recorded, or the refusal of the first that may not be.

        Raises `VersionConflict` where `expected_version` is not the stream's, `KeyReused`,
        `OutcomeUnknown` and `Unavailable`.
        """
        _check(command, own=self._reader.identity.stream)
        await self._turns.take(command.subject)
        try:
            return await self._recorded(command)
        finally:
            self._turns.give(command.subject)

    async def _recorded(self, command: Command) -> Receipted | Refused:
        ground = await self._ground(command)
        before = await self._before(command, ground)
        if before is not None:
            return before
        for _ in range(CONFLICT_ATTEMPTS):
            told = await self._attempt(command, ground)
            if isinstance(told, Receipted):
                return told
            # What stands in the way may be this very request, recorded meanwhile.
            ground = await self._ground(command)
            told = await self._before(command, ground) or told
            if told is not None:
                return told
            if command.expected_version is not None:
                raise VersionConflict("the stream has another version: read it again")
        raise Conflict("the stream is being written too fast: retry with the same key")

    async def _ground(self, command: Command) -> Ground:
        stream = self._uuid(command.subject)
        asked = Asked(stream, command.client, command.key, command.urgent)
        log, own = self._log(command.subject), self._reader.identity.stream
        return await self._reader.store.ground(log, asked, own=own)

    async def _attempt(self, command: Command, ground: Ground) -> Receipted | Refused | None:
        """None where a stream is not, or no longer, where the request expects it."""
        work = Work(self._reader, ground)
        stream = await work.load(command.subject)
        if command.expected_version not in (None, stream.version):
            return None
        refused = await self.plan(command, work)
        if refused is not None:
            return refused
        outcome = await self._append(command, work)
        if outcome.name == "key_reused":
            raise KeyReused(_KEY_REUSED)
        if outcome.name == "version_conflict":
            return None
        replayed = outcome.name == "replayed"
        return self._receipted(command, outcome.entries, replayed=replayed)

    async def _before(self, command: Command, ground: Ground) -> Receipted | None:
        """The same request, if it was accepted before.

        It is acknowledged by the append, not by having been seen: a commit is visible before it is
        known to be on a standby, and the append waits for that.
        """
        seen = ground.fingerprint
        if seen is None:
            return None
        if seen != command.fingerprint():
            raise KeyReused(_KEY_REUSED)
        again = Request(
            client=command.client, key=command.key, fingerprint=seen, moves=(), entries=()
        )
        outcome = await self._reader.store.append(self._log(command.subject), again)
        if outcome.name != "replayed":
            return None
        return self._receipted(command, outcome.entries, replayed=True)

    async def plan(self, command: Command, work: Work) -> Refused | None:
        """The work grown by each fact and what it brings onto other streams, or a refusal.

        Each is admitted on what came before it; `work` has loaded the command's own stream.
        """
        for place, fact in enumerate(command.facts):
            verdict = admit(
                fact,
                dossier=work.dossier(command.subject),
                catalogue=work.catalogue(command.subject),
                rulebook=self._rulebook,
                now=work.now(command.subject),
            )
            if isinstance(verdict, Refusal):
                return Refused(entry=place, refusal=verdict)
            refusal = await work.add(
                verdict, command.subject, entry_ids=lambda: str(self._event_id())
            )
            if refusal is not None:
                return Refused(entry=place, refusal=refusal)
        return None

    def move(self, subject: UUID | None, growth: Growth, key: DataKey) -> Move:
        """The stream as the growth leaves it, its dossier sealed under the key of its subject."""
        plain = growth.plain()
        return Move(
            subject=self._uuid(subject),
            version=growth.loaded.version,
            sealed=plain
            if subject is None
            else seal_bytes(plain, subject=subject, key=key, entropy=self._entropy),
        )

    async def basis_key(self, subject: UUID | None) -> DataKey:
        """The key of what answers need, committed before anything is sealed under it."""
        if subject is None:
            return CLEAR
        key = (await self._reader.keys.subject_keys([subject], create=True))[subject]
        return _live(key)

    async def content_key(
        self, subject: UUID | None, fact: Fact, growth: Growth | None = None
    ) -> DataKey:
        """The key of the fact's content, committed as well; CLEAR where it has none.

        `growth` is the stream with the fact, where it may be about an entry of the same request.
        """
        if subject is None or not content_of(fact):
            return CLEAR
        if growth is None:
            log = self._reader.identity.log_of(subject)
            growth = Growth(loaded=(await self._reader.subjects(log, [subject]))[subject])
        purpose = content_purpose(fact, growth.dossier())
        return _live(await self._reader.keys.content_key(subject, purpose, create=True))

    async def _append(self, command: Command, work: Work) -> Outcome:
        entries: list[NewEntry] = []
        moves: list[Move] = []
        for subject, growth in work.growths():
            # Those of content first: a person's key is made with them, by the same commit.
            contents = [await self.content_key(subject, one.fact, growth) for one in growth.added]
            basis = await self.basis_key(subject)
            for version, (one, content) in enumerate(
                zip(growth.added, contents, strict=True), start=growth.loaded.version + 1
            ):
                sealable = Sealable(
                    event_id=UUID(one.entry),
                    fact=one.fact,
                    recorded_by=command.client,
                    basis_key=basis,
                    content_key=content,
                )
                entries.append(self._entry(subject, version, sealable))
            moves.append(self.move(subject, growth, basis))
        request = Request(
            client=command.client,
            key=command.key,
            fingerprint=command.fingerprint(),
            moves=tuple(moves),
            entries=tuple(entries),
            urgent=command.urgent,
        )
        return await self._reader.store.append(self._log(command.subject), request)

    def _entry(self, subject: UUID | None, version: int, one: Sealable) -> NewEntry:
        origin = self._reader.identity.log_origin(self._log(subject))
        sealed = seal_entry(one, origin=origin, entropy=self._entropy)
        return NewEntry(
            stream=self._uuid(subject),
            version=version,
            name=name_of(one.fact),
            event_id=one.event_id,
            container=sealed.container,
            digests=sealed.digests,
            commitment=sealed.commitment,
        )

    def _event_id(self) -> UUID:
        return new_event_id(self._milliseconds(), self._entropy)

    def _uuid(self, subject: UUID | None) -> UUID:
        return subject or self._reader.identity.stream

    def _log(self, subject: UUID | None) -> int:
        identity = self._reader.identity
        return 0 if subject is None else identity.log_of(subject)

    def _receipted(
        self, command: Command, entries: Sequence[Recorded], *, replayed: bool
    ) -> Receipted:
        stream = self._uuid(command.subject)
        mine = tuple(one for one in entries if one.stream == stream)
        return Receipted(log=self._log(command.subject), entries=mine, replayed=replayed)


def _live(key: DataKey | Destroyed) -> DataKey:
    if isinstance(key, Destroyed):
        raise Fault("the keys of this subject were destroyed after it was read: read it again")
    return key


def _check(command: Command, *, own: UUID) -> None:
    if command.subject == own:
        raise Malformed("is the ledger's own stream, not a person", field="subject")
    if command.subject is not None and command.subject.version != 4:
        raise Malformed("must be a subject as the resolver gives it: a UUIDv4", field="subject")
    if not command.facts:
        raise Malformed("must hold at least one entry", field="entries")
    if len(command.facts) > ENTRIES_MAX:
        raise Malformed(f"must hold at most {ENTRIES_MAX} entries", field="entries")
    if not command.key:
        raise Malformed("must not be empty", field="Idempotency-Key")
