"""The file of tombstones: added to, read back whole, and never taken for what it is not."""

import stat
from pathlib import Path
from uuid import UUID

import pytest

from ledger.errors import Fault
from ledger.tombstones import Tombstone, Tombstones


def tombstone(n: int) -> Tombstone:
    return Tombstone(
        key_id=UUID(int=(4 << 76) | n), version=1, fingerprint=bytes([n]) * 32, log=0, n=n
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tombstones"


def test_there_are_none_before_the_first(path):
    assert Tombstones(path).read() == []


def test_each_is_kept_once_in_order_and_for_the_owner_alone(path):
    file = Tombstones(path)
    file.add([tombstone(1), tombstone(2)])
    file.add([tombstone(2), tombstone(3)])
    file.add([])

    assert Tombstones(path).read() == [tombstone(1), tombstone(2), tombstone(3)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_that_was_broken_off_is_written_again(path):
    file = Tombstones(path)
    file.add([tombstone(1)])
    for cut in range(1, len(tombstone(2).line())):
        path.write_text(tombstone(1).line() + tombstone(2).line()[:-cut])
        file.add([tombstone(2)])
        assert {one.n for one in file.read()} == {1, 2}
        assert file.read()[-1] == tombstone(2)


def test_a_line_that_names_no_key_is_refused(path):
    path.write_text(tombstone(1).line().replace(str(tombstone(1).key_id), "-" * 36))

    with pytest.raises(Fault, match="restore the file from its copy"):
        Tombstones(path).read()
