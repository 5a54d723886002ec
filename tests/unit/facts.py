"""A fact of every type, bare or with every field filled in, for tests that must hold for them all.

Values are made up from the fields themselves, so that a new type or field is here by itself. Not
here: any expectation, or facts that mean something together (`stories`).
"""

import types
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from ledger.catalogue import CatalogueDocument
from ledger.events import ENTRY_TYPES, Fact, MovedFact
from ledger.events.corrections import DestroyedKey
from ledger.events.governance import LineGained
from tests.unit.catalogues import SOUND

K = TypeVar("K", bound=Fact)
Wanted = Callable[[str], bool]

AT = datetime(2026, 10, 3, 14, 30, 15, 123456, tzinfo=UTC)
MOVED = MovedFact(
    entry="moved-1",
    recorded_at=AT,
    fact={"type": "DeathRecorded", "effective_at": "2026-10-01T09:00:00Z"},
    leaf_hash="sha256:" + "a" * 64,
)
DESTROYED = DestroyedKey(key_id="key-1", version=1, fingerprint="sha256:" + "b" * 64)
GAIN = LineGained(purpose="VISIT", article6="c", source="CA2004 s.16LA")
KINDS = sorted(ENTRY_TYPES, key=lambda kind: kind.__name__)
PROTECTIVE = [kind for kind in KINDS if kind.protective]


def full(kind: type[K], **given: Any) -> K:
    """A fact of the type with every field filled in."""
    return made(kind, lambda name: True, **given)


def bare(kind: type[K], **given: Any) -> K:
    """A fact of the type with nothing but what it cannot do without."""
    return made(kind, lambda name: False, **given)


def made(kind: type[K], wanted: Wanted, **given: Any) -> K:
    """A fact of the type with the optional fields that are wanted."""
    hints = get_type_hints(kind)
    optional = {one.name for one in msgspec.structs.fields(kind) if not one.required}
    values = {
        name: _value(name, hints[name])
        for name in kind.__struct_fields__
        if name not in optional or wanted(name)
    }
    return kind(**{**values, **given})


def _value(name: str, hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _value(name, next(one for one in arguments if one is not types.NoneType))
    if origin is Literal:
        return arguments[0]
    if origin is tuple:
        return (_value(name, arguments[0]),)
    if origin is dict:
        return {"entries": 3} if arguments[1] is int else {"effective_at": date(2026, 10, 3)}
    if hint is str:
        return "sha256:" + "0d" * 32 if name.endswith("_digest") else f"{name.strip('_')}-1"
    return _PLAIN[hint]


_PLAIN: dict[Any, Any] = {
    datetime: AT,
    date: date(2012, 2, 29),
    bool: True,
    int: 2**53 - 1,
    MovedFact: MOVED,
    DestroyedKey: DESTROYED,
    LineGained: GAIN,
    CatalogueDocument: SOUND,
}
