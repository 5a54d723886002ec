"""Lists as PostgreSQL takes arrays in binary: what a batch sends is made in one go.

A driver turns each element into text and looks up how for every one; a batch has hundreds. The
statement says by a cast what each array is. Not here: what is sent (`appends`, `store`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_BYTEA, _INT8, _INT4, _TEXT, _TIMESTAMPTZ, _UUID = 17, 20, 23, 25, 1184, 2950
"""The types' numbers in every server's catalogue."""
_EMPTY = Struct("!iiI")
_HEADER = Struct("!iiIii")
_LENGTH = Struct("!i").pack
_NULL = _LENGTH(-1)
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class Array:
    """An array of one dimension as it is sent."""

    __slots__ = ("sent",)

    def __init__(self, sent: bytes) -> None:
        self.sent = sent


class _AsSent(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        return obj.sent


psycopg.adapters.register_dumper(Array, _AsSent)


def uuids(values: Iterable[UUID | None]) -> Array:
    """uuid[]"""
    return _array(_UUID, [None if one is None else one.bytes for one in values])


def bigints(values: Iterable[int]) -> Array:
    """bigint[]"""
    return _array(_INT8, [one.to_bytes(8, "big", signed=True) for one in values])


def integers(values: Iterable[int]) -> Array:
    """integer[]"""
    return _array(_INT4, [one.to_bytes(4, "big", signed=True) for one in values])


def texts(values: Iterable[str | None]) -> Array:
    """text[]"""
    return _array(_TEXT, [None if one is None else one.encode() for one in values])


def byteas(values: Iterable[bytes | None]) -> Array:
    """bytea[]"""
    return _array(_BYTEA, list(values))


def timestamps(values: Iterable[datetime | None]) -> Array:
    """timestamptz[]"""
    return _array(_TIMESTAMPTZ, [None if one is None else _since_2000(one) for one in values])


def _since_2000(moment: datetime) -> bytes:
    return ((moment - _EPOCH) // _MICROSECOND).to_bytes(8, "big", signed=True)


def _array(kind: int, elements: Sequence[bytes | None]) -> Array:
    if not elements:
        return Array(_EMPTY.pack(0, 0, kind))
    parts = [_NULL if one is None else _LENGTH(len(one)) + one for one in elements]
    nulls = None in elements
    return Array(_HEADER.pack(1, nulls, kind, len(elements), 1) + b"".join(parts))
