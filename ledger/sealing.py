"""An entry as it is sealed: which fields go under which key, and back again.

What answers need is sealed under the subject's key, content under the key of the subject and
purpose, so that content can be erased alone (design, Sealing). Entries about no one person are
stored in clear. Not here: the cryptography (`seal`) or where keys come from (`keys`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast
from uuid import UUID

import msgspec

from ledger.disclosure import JSON
from ledger.errors import Fault
from ledger.events import BY_NAME, Fact, name_of
from ledger.history import Dossier, about
from ledger.neighbours import chain, entry_of
from ledger.seal import CLEAR, DataKey, Entropy, Opened, PlainGroup, Sealed, seal
from ledger.terms import EVERY_PURPOSE
from ledger.wire import basis_of, content_of, fact_from_builtins, fact_to_builtins

TIMESTAMP_BYTES = 6


class Sealable(msgspec.Struct, frozen=True, kw_only=True):
    """A fact with its identity, the keys it is sealed under, and who recorded it."""

    event_id: UUID
    fact: Fact
    recorded_by: str
    basis_key: DataKey = CLEAR
    content_key: DataKey = CLEAR


def seal_entry(one: Sealable, *, origin: str, entropy: Entropy) -> Sealed:
    """The sealed container of the entry, with the commitment that its leaf takes."""
    fields = fact_to_builtins(basis_of(one.fact))
    del fields["type"]
    fields |= {"recorded_by": one.recorded_by, "schema": one.fact.schema}
    groups = [PlainGroup(name="basis", key=one.basis_key, fields=cast(dict[str, JSON], fields))]
    content = cast(dict[str, JSON], content_of(one.fact))
    if content:
        groups.append(PlainGroup(name="content", key=one.content_key, fields=content))
    return seal(
        origin=origin,
        event_id=one.event_id,
        type=name_of(one.fact),
        groups=groups,
        entropy=entropy,
    )


def content_purpose(fact: Fact, dossier: Dossier | None = None) -> str | None:
    """The purpose whose erasure takes the content of this fact with it; None for no one purpose.

    What names none is for that of the entry it says something of, looked up in the dossier.
    """
    named = getattr(fact, "purpose", None)
    of = about(fact)
    if named is None and of is not None and dossier is not None:
        spoken_of = (entry_of(dossier, entry) for entry in chain(dossier, of))
        found = (getattr(one, "purpose", None) for one in spoken_of)
        named = next((one for one in found if one is not None), None)
    return None if named in (None, EVERY_PURPOSE) else cast(str, named)


def opened_fact(opened: Opened) -> Fact | None:
    """The basis of the fact as recorded, or None where its key is destroyed."""
    fields = opened.fields.get("basis")
    return None if fields is None else _fact(opened.type, fields)


def whole_fact(opened: Opened) -> Fact | None:
    """The fact with its content, as far as that can still be read."""
    fields = opened.fields.get("basis")
    if fields is None:
        return None
    return _fact(opened.type, {**fields, **opened.fields.get("content", {})})


def recorded_by(opened: Opened) -> str | None:
    """The client that recorded the entry."""
    return cast("str | None", opened.fields.get("basis", {}).get("recorded_by"))


def _fact(name: str, fields: Mapping[str, JSON]) -> Fact:
    values = dict(fields)
    values.pop("recorded_by", None)
    schema = values.pop("schema", None)
    kind = BY_NAME.get(name)
    if kind is None or schema != kind.schema:
        raise Fault(f"this release cannot read entries of type {name}, schema {schema}")
    try:
        return fact_from_builtins({"type": name, **values})
    except msgspec.ValidationError:
        # The error can repeat what it could not read, and that is personal.
        raise Fault(f"an entry of type {name} holds what this release cannot read") from None


def new_event_id(unix_ms: int, entropy: Entropy) -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): the milliseconds, then random bits."""
    random = entropy(16 - TIMESTAMP_BYTES)
    value = int.from_bytes(unix_ms.to_bytes(TIMESTAMP_BYTES, "big") + random, "big")
    value = value & ~(0xF << 76) | 7 << 76
    return UUID(int=value & ~(0x3 << 62) | 2 << 62)
