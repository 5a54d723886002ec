"""Recording: load the dossier, admit each fact, seal, append; again when somebody was quicker.

A request is recorded whole or not at all, and a repeated one answers as it did the first time. An
entry that concerns two people is recorded on both streams by the one request.
Not here: what may be recorded (`admit`), or how it is stored (`store`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec

from ledger.admit import admit
from ledger.counterparts import Planned
from ledger.errors import Conflict, Fault, KeyReused, Malformed, VersionConflict
from ledger.events import Fact, name_of
from ledger.history import Dossier
from ledger.reader import Reader
from ledger.rules.rulebook import RuleBook
from ledger.seal import CLEAR, DataKey, Destroyed, Entropy, Sealed, seal_bytes
from ledger.sealing import Sealable, content_purpose, new_event_id, seal_entry
from ledger.store import Move, NewEntry, Outcome, Recorded, Request
from ledger.terms import Refusal
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
    body: bytes | None = None
    """What identifies the request where its facts carry a moment that the server chose."""

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
        self._turns: WeakValueDictionary[UUID | None, asyncio.Lock] = WeakValueDictionary()

    async def record(self, command: Command) -> Receipted | Refused:
        """The entries as recorded, or the refusal of the first that may not be.

        Raises `VersionConflict` where `expected_version` is not the stream's, `KeyReused`,
        `OutcomeUnknown` and `Unavailable`.
        """
        _check(command, own=self._reader.identity.stream)
        async with self._turns.setdefault(command.subject, asyncio.Lock()):
            return await self._recorded(command)

    async def _recorded(self, command: Command) -> Receipted | Refused:
        before = await self._before(command)
        if before is not None:
            return before
        for _ in range(CONFLICT_ATTEMPTS):
            told = await self._attempt(command)
            if isinstance(told, Receipted):
                return told
            # What stands in the way may be this very request, recorded meanwhile.
            told = await self._before(command) or told
            if told is not None:
                return told
            if command.expected_version is not None:
                raise VersionConflict("the stream has another version: read it again")
        raise Conflict("the stream is being written too fast: retry with the same key")

    async def _attempt(self, command: Command) -> Receipted | Refused | None:
        """None where a stream is not, or no longer, where the request expects it."""
        work = Work(self._reader)
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

    async def _before(self, command: Command) -> Receipted | None:
        """The same request, if it was accepted before.

        It is acknowledged by the append, not by having been seen: a commit is visible before it is
        known to be on a standby, and the append waits for that.
        """
        log, store = self._log(command.subject), self._reader.store
        seen = await store.seen(log, client=command.client, key=command.key)
        if seen is None:
            return None
        if seen != command.fingerprint():
            raise KeyReused(_KEY_REUSED)
        again = Request(
            client=command.client, key=command.key, fingerprint=seen, moves=(), entries=()
        )
        outcome = await store.append(log, again)
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

    async def move(self, subject: UUID | None, growth: Growth) -> Move:
        """The stream as the growth leaves it, its dossier sealed."""
        plain, key = growth.plain(), await self.basis_key(subject)
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
        self, subject: UUID | None, fact: Fact, dossier: Dossier | None = None
    ) -> DataKey:
        """The key of the fact's content, committed as well; CLEAR where it has none.

        `dossier` is the stream with the fact, where it may be about an entry of the same request.
        """
        if subject is None or not content_of(fact):
            return CLEAR
        if dossier is None:
            log = self._reader.identity.log_of(subject)
            dossier = (await self._reader.subjects(log, [subject]))[subject].dossier
        purpose = content_purpose(fact, dossier)
        return _live(await self._reader.keys.content_key(subject, purpose, create=True))

    async def _append(self, command: Command, work: Work) -> Outcome:
        entries: list[NewEntry] = []
        moves: list[Move] = []
        for subject, growth in work.growths():
            dossier = growth.dossier()
            for version, one in enumerate(growth.added, start=growth.loaded.version + 1):
                sealed = await self._sealed(command, subject, one, dossier)
                entries.append(_new_entry(self._uuid(subject), version, one, sealed))
            moves.append(await self.move(subject, growth))
        request = Request(
            client=command.client,
            key=command.key,
            fingerprint=command.fingerprint(),
            moves=tuple(moves),
            entries=tuple(entries),
        )
        return await self._reader.store.append(self._log(command.subject), request)

    async def _sealed(
        self, command: Command, subject: UUID | None, one: Planned, dossier: Dossier
    ) -> Sealed:
        return seal_entry(
            Sealable(
                event_id=UUID(one.entry),
                fact=one.fact,
                recorded_by=command.client,
                basis_key=await self.basis_key(subject),
                content_key=await self.content_key(subject, one.fact, dossier),
            ),
            origin=self._reader.identity.log_origin(self._log(subject)),
            entropy=self._entropy,
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


def _new_entry(stream: UUID, version: int, one: Planned, sealed: Sealed) -> NewEntry:
    return NewEntry(
        stream=stream,
        version=version,
        name=name_of(one.fact),
        event_id=UUID(one.entry),
        container=sealed.container,
        digests=sealed.digests,
        commitment=sealed.commitment,
    )


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
