"""Arrays made in one go are what the server would have made of the same list."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import psycopg
import pytest

from ledger.arrays import Array, bigints, byteas, integers, texts, timestamps, uuids

SEED = 20261125
CHANCE = random.Random(SEED)


def moments() -> list[datetime]:
    zones = [UTC, timezone(timedelta(hours=-11, minutes=-30)), timezone(timedelta(hours=14))]
    far = [datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC)]
    usual = datetime(2026, 3, 29, 0, 59, 59, 999999, tzinfo=UTC)
    return [*far, *(usual.astimezone(zone) for zone in zones)]


CASES: list[tuple[str, Callable[[Any], Array], Sequence[object]]] = [
    ("bigint", bigints, [0, -1, 2**63 - 1, -(2**63)]),
    ("integer", integers, [0, -1, 2**31 - 1, -(2**31)]),
    ("text", texts, ["", "é “quoted”, {braces} \\ NULL", None, "x" * 70_000]),
    ("bytea", byteas, [b"", b"\x00\xff", None, CHANCE.randbytes(70_000)]),
    ("timestamptz", timestamps, [*moments(), None]),
    ("uuid", uuids, [UUID(int=0), UUID(int=2**128 - 1), None]),
]


@pytest.mark.parametrize(("kind", "array", "values"), CASES, ids=[one[0] for one in CASES])
@pytest.mark.parametrize("many", ["none", "each alone", "all"])
def test_the_server_reads_what_the_list_holds(database, kind, array, values, many):
    lists = {"none": [[]], "each alone": [[one] for one in values], "all": [list(values)]}[many]
    with psycopg.connect(database) as connection:
        for some in lists:
            query = f"SELECT %s::{kind}[], %s::{kind}[] = %s::{kind}[]"
            row = connection.execute(query.encode(), [array(some), array(some), some]).fetchone()
            assert row == (some, True)


def test_too_much_for_its_type_is_not_sent():
    with pytest.raises(OverflowError):
        bigints([2**63])
    with pytest.raises(OverflowError):
        integers([2**31])
