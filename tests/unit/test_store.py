"""Which log a stream belongs to, for ever."""

from uuid import UUID

import pytest

from ledger.store import Identity

OWN = UUID("6d1c6f0e-7d3b-4b52-9a5f-0c8a2f6b1e77")
STREAMS = [UUID(int=(i << 96) | 0x4000_8000_0000_0000_0000 | i) for i in range(400)]


def identity(logs: int) -> Identity:
    return Identity(origin="test/ledger", logs=logs, stream=OWN)


@pytest.mark.parametrize(
    ("stream", "four", "seven"),
    [
        ("00000000-0000-4000-8000-000000000001", 2, 6),
        ("5f3ee4f6-6e2c-4f06-9d5c-1a8c0f2d7b11", 0, 5),
        ("ffffffff-ffff-4fff-bfff-ffffffffffff", 3, 0),
    ],
)
def test_a_stream_has_the_log_that_it_always_had(stream, four, seven):
    assert identity(4).log_of(UUID(stream)) == four
    assert identity(7).log_of(UUID(stream)) == seven


def test_the_ledgers_own_stream_is_in_the_first_log_however_many_there_are():
    assert {identity(logs).log_of(OWN) for logs in range(1, 40)} == {0}


def test_every_log_gets_streams():
    assert {identity(4).log_of(stream) for stream in STREAMS} == {0, 1, 2, 3}


def test_a_log_is_named_for_its_ledger_and_its_number():
    assert [identity(2).log_origin(log) for log in (0, 1)] == ["test/ledger/0", "test/ledger/1"]
