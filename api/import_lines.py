"""Lines of an import: one JSON object each, read into a subject and its entries.

    {"subject": UUID or {"scheme", "value"} or null, "entries": [{"type", "effective_at", …}, …]}
    {"subject": …, "type", "effective_at", …}

An entry may carry the `id` by which later lines refer to it, and a `recorded_at`, which is not
taken over: the ledger says when it learned of something. Wherever an entry names a person, it may
name an identifier in place of a subject. Not here: recording them (`importing`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from uuid import UUID

import msgspec

from ledger.errors import Malformed
from ledger.events import ENTRY_TYPES
from ledger.record import ENTRIES_MAX
from ledger.wire import unreadable

LINE_BYTES_MAX = 8 * 1024 * 1024
ID_LENGTH_MAX = 200
PEOPLE = ("given_by", "holder", "from", "to", "into")
"""Fields that name a person."""
REFERENCES = frozenset({kind.refers for kind in ENTRY_TYPES if kind.refers}) | {
    "replacement",
    "request",
}
"""Fields that name another entry."""
OF_TWO_PEOPLE = frozenset({"IdentityMerged", "IdentityUnmerged", "EntryReattributed"})


class Identifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An identifier in place of a subject."""

    scheme: str
    value: str


class Raw(msgspec.Struct, frozen=True):
    """A line as it stands in the file, numbered from 1; `text` is None where it is too long."""

    n: int
    text: bytes | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line, read; `ids` has an element for each entry, None where it has no id."""

    n: int
    subject: UUID | Identifier | None
    entries: tuple[dict[str, object], ...]
    ids: tuple[str | None, ...]

    def identifiers(self) -> Iterator[Identifier]:
        """Every identifier that has to be resolved."""
        if isinstance(self.subject, Identifier):
            yield self.subject
        for entry in self.entries:
            yield from (entry[name] for name in PEOPLE if isinstance(entry.get(name), Identifier))  # type: ignore[misc]

    def references(self) -> Iterator[str]:
        """Every id that an entry of the line refers to."""
        for entry in self.entries:
            yield from (
                named for name in REFERENCES & entry.keys() if isinstance(named := entry[name], str)
            )

    @property
    def alone(self) -> bool:
        """Whether everything before it must be recorded first, and everything after it later."""
        return self.subject is None or any(one.get("type") in OF_TWO_PEOPLE for one in self.entries)


def raw_lines(file: IO[bytes]) -> Iterator[Raw]:
    """The lines that are not blank, one at a time, of bounded length."""
    n = 0
    while text := file.readline(LINE_BYTES_MAX + 1):
        n += 1
        if len(text) > LINE_BYTES_MAX:
            _skip_rest(file, text)
            yield Raw(n, None)
        elif text.strip():
            yield Raw(n, text)


def _skip_rest(file: IO[bytes], text: bytes) -> None:
    while text and not text.endswith(b"\n"):
        text = file.readline(LINE_BYTES_MAX)


def digest_of(path: Path) -> str:
    """What names the file's content: its SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_line(raw: Raw) -> Line:
    """The line, or `Malformed` naming the field that cannot be read."""
    value = _object(raw.text)
    subject = _subject(value.pop("subject", None))
    entries = value.pop("entries") if "entries" in value else [value]
    if not isinstance(entries, list) or not 1 <= len(entries) <= ENTRIES_MAX:
        raise Malformed(f"must be a list of 1 to {ENTRIES_MAX} entries", field="entries")
    if entries[0] is not value and value:
        raise Malformed("has fields beside subject and entries", field="line")
    read = [_entry(one, _place(n, len(entries))) for n, one in enumerate(entries)]
    return Line(
        n=raw.n,
        subject=subject,
        entries=tuple(entry for entry, _ in read),
        ids=tuple(name for _, name in read),
    )


def _place(n: int, many: int) -> str:
    return "entry" if many == 1 else f"entries[{n}]"


def _object(text: bytes | None) -> dict[str, object]:
    if text is None:
        raise Malformed(f"is longer than {LINE_BYTES_MAX} bytes: split it", field="line")
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("is not JSON", field="line") from error
    if not isinstance(value, dict):
        raise Malformed("must be a JSON object", field="line")
    return value


def _subject(value: object) -> UUID | Identifier | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return _identifier(value, "subject")
    try:
        return UUID(value) if isinstance(value, str) else _no_subject()
    except ValueError:
        return _no_subject()


def _no_subject() -> UUID:
    raise Malformed('must be a UUID, or {"scheme", "value"}', field="subject")


def _identifier(value: object, field: str) -> Identifier:
    try:
        return msgspec.convert(value, Identifier)
    except msgspec.ValidationError as error:
        raise unreadable(error, field=field) from error


def _entry(value: object, place: str) -> tuple[dict[str, object], str | None]:
    """The entry with its identifiers read, and its id."""
    if not isinstance(value, dict):
        raise Malformed("must be a JSON object", field=place)
    entry = dict(value)
    name = entry.pop("id", None)
    entry.pop("recorded_at", None)
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= ID_LENGTH_MAX):
        message = f"must be a string of 1 to {ID_LENGTH_MAX} characters"
        raise Malformed(message, field=f"{place}.id")
    for field in PEOPLE:
        if isinstance(entry.get(field), dict):
            entry[field] = _identifier(entry[field], f"{place}.{field}")
    return entry, name
