"""The signer goes forward on one history, and forgets nothing that it signed."""

import os
from pathlib import Path

import pytest

from api.signer import KEY_FILE, STATE_FILE, FileKey, Signer, SignerRefused, file_signer
from api.signer_process import Asked, Replied, replied
from ledger.tlog.following import Forked, OutOfStep, RolledBack, nothing_seen
from ledger.tlog.keys import verified
from ledger.tlog.note import format_note, parse_note
from tests.unit.test_following import growth, tree
from tests.unit.trees import ORIGIN


def test_what_it_signs_goes_on_from_what_it_signed(tmp_path: Path) -> None:
    with file_signer(tmp_path / "signer", origin=ORIGIN) as signer:
        assert signer.seen() == nothing_seen(ORIGIN)
        for old, new in ((0, 5), (5, 30), (30, 30)):
            note = signer.sign(growth(old, new))
            assert [one.key for one in verified(note, [signer.verifier])] == [signer.verifier]
            assert signer.seen() == tree(new)
        for refusal, bad in (
            (RolledBack, growth(5, 20)),
            (OutOfStep, growth(20, 40)),
            (Forked, growth(30, 40, fork=3)),
            (Forked, growth(30, 30, fork=3)),
        ):
            with pytest.raises(refusal):
                signer.sign(bad)
        assert signer.seen() == tree(30)


def test_it_remembers_across_processes_and_keeps_its_key(tmp_path: Path) -> None:
    with file_signer(tmp_path, origin=ORIGIN) as first:
        first.sign(growth(0, 30))
        key = first.verifier
    with file_signer(tmp_path, origin=ORIGIN) as again:
        assert (again.verifier, again.seen()) == (key, tree(30))
        with pytest.raises(RolledBack):
            again.sign(growth(0, 20))


def test_its_memory_is_on_the_disk_before_its_signature_is_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with file_signer(tmp_path, origin=ORIGIN) as signer:
        signer.sign(growth(0, 10))

        def no_space(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_space)
        with pytest.raises(OSError, match="No space"):
            signer.sign(growth(10, 20))
        monkeypatch.undo()
        assert signer.seen() == tree(10)
        assert format_note(signer.last) == (tmp_path / STATE_FILE).read_bytes()
        signer.sign(growth(10, 15))


def test_two_processes_do_not_hold_one_folder(tmp_path: Path) -> None:
    with (
        file_signer(tmp_path, origin=ORIGIN),
        pytest.raises(SignerRefused, match="another signer"),
        file_signer(tmp_path, origin=ORIGIN),
    ):
        pass
    with file_signer(tmp_path, origin=ORIGIN):
        pass


def test_files_that_are_not_as_it_left_them_are_refused_with_the_next_step(tmp_path: Path) -> None:
    def opened() -> None:
        with file_signer(tmp_path, origin=ORIGIN):
            pass

    with file_signer(tmp_path, origin=ORIGIN) as signer:
        signer.sign(growth(0, 30))
        kept = (tmp_path / STATE_FILE).read_bytes()
    key, state = tmp_path / KEY_FILE, tmp_path / STATE_FILE

    state.unlink()
    with pytest.raises(SignerRefused, match="is gone: put back the latest checkpoint"):
        opened()
    state.write_bytes(kept.replace(b"\n30\n", b"\n29\n"))
    with pytest.raises(Exception, match="does not verify"):
        opened()
    state.write_bytes(b"text")
    with pytest.raises(SignerRefused, match="is no checkpoint"):
        opened()
    with file_signer(tmp_path / "other", origin=ORIGIN) as other:
        state.write_bytes(format_note(other.last))
    with pytest.raises(SignerRefused, match="not signed by the key beside it"):
        opened()
    state.write_bytes(kept)
    key.chmod(0o644)
    with pytest.raises(SignerRefused, match="open to others"):
        opened()
    key.unlink()
    with pytest.raises(SignerRefused, match="is gone: restore it"):
        opened()


def test_a_start_that_was_broken_off_before_it_signed_anything_is_made_again(
    tmp_path: Path,
) -> None:
    with file_signer(tmp_path, origin=ORIGIN) as first:
        key = first.verifier
    (tmp_path / KEY_FILE).unlink()
    with file_signer(tmp_path, origin=ORIGIN) as again:
        assert again.verifier != key
        again.sign(growth(0, 3))


def test_its_key_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    with file_signer(tmp_path, origin=ORIGIN) as signer:
        for name in (KEY_FILE, STATE_FILE):
            assert (tmp_path / name).stat().st_mode & 0o077 == 0
        assert FileKey(tmp_path / KEY_FILE).verifier == signer.verifier
        secret = (tmp_path / KEY_FILE).read_text().rsplit("+", 1)[1].strip()
        assert secret not in repr(signer) + repr(signer.verifier)


# Lines of the process.


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b"\xff", "malformed"),
        (b'{"size":1,"root":"!","old":0}', "malformed"),
        (b'{"size":1,"root":"AA==","old":0}', "malformed"),
        (b'{"size":-1,"root":"","old":0}', "rolled-back"),
        (b'{"size":5,"root":"","old":3}', "out-of-step"),
        (b'{"unknown":1}', "malformed"),
    ],
)
def test_a_line_that_asks_for_nothing_that_can_be_signed_is_refused(
    tmp_path: Path, line: bytes, refused: str
) -> None:
    with file_signer(tmp_path, origin=ORIGIN) as signer:
        said: Replied = replied(line, signer)
        assert said.refused == refused
        assert said.message
        assert parse_note(said.note.encode()) == signer.last
        assert signer.seen() == nothing_seen(ORIGIN)


def test_what_was_seen_is_told_without_signing(tmp_path: Path) -> None:
    with file_signer(tmp_path, origin=ORIGIN) as signer:
        signer.sign(growth(0, 7))
        said = replied(b'{"seen":true}', signer)
    assert (said.refused, said.note) == ("", format_note(signer.last).decode())
    assert isinstance(signer, Signer)
    assert Asked(seen=True).proof == ()
