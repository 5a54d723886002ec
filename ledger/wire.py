"""Entries as JSON objects: read strictly, civil dates made instants, content told from basis.

A civil field accepts `YYYY-MM-DD`; it becomes 00:00 Europe/London of the day where the entry
restricts, of the next day where it permits (law, section 9.2), and the date as written is kept in
`civil_dates`. An instant is RFC 3339 with an offset: a number or a naive time is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import cast, get_args, get_type_hints

import msgspec

from ledger.civil import next_day, parse_day, parse_instant, start_of_day
from ledger.errors import Malformed
from ledger.events import BY_NAME, AnyFact, Fact
from ledger.events.base import Day

_FIELD_DAYS: dict[str, Day] = {
    "expires_at": "start",
    "requested_effective_at": "start",
    "received_at": "start",
    "period_ends_at": "start",
    "ends_at": "start",
    "review_at": "start",
    "in_force_from": "start",
    "in_force_until": "start",
    "informed_at": "next",
}
_to_json = msgspec.json.Encoder().encode
_from_json = msgspec.json.Decoder().decode
_DAY_LENGTH = len("YYYY-MM-DD")
_DIGESTED = ("evidence", "contemporaneous_evidence")
_PATH = " - at `$"
_UNKNOWN_FIELD = "Object contains unknown field"
_WORD = re.compile(r"`[a-z_]{1,40}`$")
"""A field's name, and no identifier that was sent in the place of one."""
_REPEATS_THE_VALUE = ("Invalid enum value ", "Invalid value ")


def fact_from_builtins(value: Mapping[str, object]) -> Fact:
    """The fact that `fact_to_builtins` wrote."""
    return cast(Fact, msgspec.convert(value, AnyFact))


def fact_to_builtins(fact: Fact) -> dict[str, object]:
    """The fact as JSON values: instants as RFC 3339 in UTC, absent fields left out."""
    return cast("dict[str, object]", _from_json(_to_json(fact)))


def basis_of(fact: Fact) -> Fact:
    """The fact without its content: what answers use, and what survives the content's erasure."""
    dropped = {name: None for name in fact.content if getattr(fact, name) is not None}
    return msgspec.structs.replace(fact, **dropped) if dropped else fact


def content_of(fact: Fact) -> dict[str, object]:
    """The fields that are sealed apart and may be erased on their own."""
    held = [name for name in sorted(fact.content) if getattr(fact, name) is not None]
    if not held:
        return {}
    values = fact_to_builtins(fact)
    return {name: values[name] for name in held}


def read_fact(value: object, *, field: str = "entry") -> Fact:
    """The fact that a caller sent, or `Malformed` naming the field that cannot be read."""
    if not isinstance(value, dict):
        raise Malformed("must be a JSON object", field=field)
    kind = BY_NAME.get(value["type"]) if isinstance(value.get("type"), str) else None
    if kind is None:
        raise Malformed("is not a type of entry that this ledger knows", field=f"{field}.type")
    read = dict(value)
    civil = _read_times(kind, read, field)
    if civil:
        read["civil_dates"] = {**_given_dates(value, field), **civil}
        if "effective_at" in civil:
            read["precision"] = "date"
    _add_digests(kind, read)
    try:
        return msgspec.convert(read, kind)
    except msgspec.ValidationError as error:
        raise unreadable(error, field=field) from error


def unreadable(error: msgspec.ValidationError, *, field: str) -> Malformed:
    """The error with its path in place of msgspec's `$`, and no value: some texts repeat one."""
    head, found, path = str(error).rpartition(_PATH)
    message = head if found else path
    if message.startswith(_UNKNOWN_FIELD) and not _WORD.search(message):
        message = "holds a field that this type does not have"
    if message.startswith(_REPEATS_THE_VALUE):
        message = "is not one of the values that this field takes"
    return Malformed(message, field=field + path.rstrip("`") if found else field)


def _given_dates(value: Mapping[str, object], field: str) -> dict[str, object]:
    given = value.get("civil_dates")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Malformed("must be an object of dates", field=f"{field}.civil_dates")
    return given


def _read_times(kind: type[Fact], read: dict[str, object], field: str) -> dict[str, str]:
    """Replace every time in place; the dates that stood for instants, by field."""
    civil: dict[str, str] = {}
    for name in _instants(kind):
        text = read.get(name)
        if text is None:
            continue
        if not isinstance(text, str):
            raise Malformed("must be an RFC 3339 string with an offset", field=f"{field}.{name}")
        if len(text) == _DAY_LENGTH:
            civil[name] = text
        day = _FIELD_DAYS.get(name, kind.day)
        read[name] = _instant(text, day=day, field=f"{field}.{name}")
    return civil


def _instant(text: str, *, day: Day, field: str) -> datetime:
    if len(text) != _DAY_LENGTH:
        return parse_instant(text, field=field)
    civil = parse_day(text, field=field)
    try:
        return start_of_day(civil if day == "start" else next_day(civil))
    except Malformed as error:
        raise Malformed(error.message, field=field) from None


@lru_cache(maxsize=256)
def _instants(kind: type[Fact]) -> tuple[str, ...]:
    """The fields of the type that hold instants."""
    hints = get_type_hints(kind)
    return tuple(name for name in kind.__struct_fields__ if _holds_instant(hints[name]))


def _holds_instant(hint: object) -> bool:
    return hint is datetime or datetime in get_args(hint)


def _add_digests(kind: type[Fact], read: dict[str, object]) -> None:
    """That evidence exists is basis: its digest stays when the reference is erased."""
    for name in _DIGESTED:
        text = read.get(name)
        if name in kind.__struct_fields__ and isinstance(text, str):
            digest = hashlib.sha256(text.encode()).hexdigest()
            read.setdefault(f"{name}_digest", f"sha256:{digest}")
