"""The key file: what it wraps, whom it lets in, and what destroying takes away."""

import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.keywrap import (
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from ledger.kek import FileKek, Kek, KekFileRefused, UnwrapFailed

CONTEXT = {"key_id": "7f000001-0000-4000-8000-000000000001", "version": "1"}
DEK = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kek"


def test_a_file_kek_is_a_kek(path):
    kek: Kek = FileKek(path)
    assert kek.unwrap(kek.wrap(DEK, CONTEXT), CONTEXT) == DEK


def test_the_file_is_made_once_for_its_owner_alone_and_then_kept(path):
    wrapped = FileKek(path).wrap(DEK, CONTEXT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert FileKek(path).unwrap(wrapped, CONTEXT) == DEK
    assert list(path.parent.iterdir()) == [path]


def test_starters_at_once_agree_on_one_key(path):
    together = Barrier(8)

    def start(_: int) -> str:
        together.wait()
        return FileKek(path).kek_id

    with ThreadPoolExecutor(8) as starters:
        assert len(set(starters.map(start, range(8)))) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_starter_that_comes_second_uses_the_first_ones_key(path, monkeypatch):
    first = FileKek(path)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert FileKek(path).kek_id == first.kek_id


def test_rotators_at_once_lose_no_epoch(path):
    kek = FileKek(path)
    together = Barrier(6)

    def rotate(_: int) -> bytes:
        mine = FileKek(path)
        together.wait()
        mine.rotate()
        return mine.wrap(DEK, CONTEXT)

    with ThreadPoolExecutor(6) as rotators:
        wrapped = list(rotators.map(rotate, range(6)))
    assert [kek.unwrap(each, CONTEXT) for each in wrapped] == [DEK] * 6
    assert len(path.read_text().splitlines()) == 1 + 1 + 6


@pytest.mark.parametrize("other", [{**CONTEXT, "version": "2"}, {}, {"key_id": CONTEXT["key_id"]}])
def test_a_wrapped_key_moved_to_another_context_does_not_open(path, other):
    kek = FileKek(path)
    with pytest.raises(UnwrapFailed):
        kek.unwrap(kek.wrap(DEK, CONTEXT), other)


def test_neither_does_one_that_was_changed_or_wrapped_elsewhere(path, tmp_path):
    kek, other = FileKek(path), FileKek(tmp_path / "other")
    wrapped = kek.wrap(DEK, CONTEXT)
    for wrong in (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"", b"short", other.wrap(DEK, CONTEXT)):
        with pytest.raises(UnwrapFailed):
            kek.unwrap(wrong, CONTEXT)


def test_a_new_epoch_wraps_and_the_older_still_opens_in_every_process(path):
    kek, elsewhere = FileKek(path), FileKek(path)
    before = kek.wrap(DEK, CONTEXT)
    name = kek.rotate()
    assert kek.kek_id == elsewhere.kek_id == name
    assert elsewhere.unwrap(kek.wrap(DEK, CONTEXT), CONTEXT) == DEK
    assert elsewhere.unwrap(before, CONTEXT) == DEK


def test_a_destroyed_epoch_opens_nothing_anywhere_and_leaves_its_fingerprint(path):
    kek, elsewhere = FileKek(path), FileKek(path)
    first = kek.kek_id
    wrapped = kek.wrap(DEK, CONTEXT)
    secret = path.read_text().splitlines()[1].split()[1]
    kek.rotate()
    evidence = kek.destroy_epoch(first)
    assert re.fullmatch("[0-9a-f]{64}", evidence[first])
    assert kek.destroy_epoch(first) == evidence
    assert secret not in path.read_text()
    for each in (kek, elsewhere, FileKek(path)):
        with pytest.raises(UnwrapFailed):
            each.unwrap(wrapped, CONTEXT)


def test_the_bytes_of_a_replaced_file_are_overwritten(path, tmp_path):
    kek = FileKek(path)
    os.link(path, tmp_path / "old")
    size = path.stat().st_size
    kek.rotate()
    assert (tmp_path / "old").read_bytes() == bytes(size)


def test_the_epoch_in_use_cannot_be_destroyed_alone(path):
    kek = FileKek(path)
    for name in (kek.kek_id, "file:0000000000000000"):
        with pytest.raises(KekFileRefused, match="rotate first"):
            kek.destroy_epoch(name)


def test_destroying_takes_every_epoch_says_so_again_and_stops_wrapping(path):
    kek = FileKek(path)
    wrapped = kek.wrap(DEK, CONTEXT)
    kek.rotate()
    evidence = kek.destroy()
    assert len(evidence) == 2
    assert kek.destroy() == FileKek(path).destroy() == evidence
    with pytest.raises(UnwrapFailed):
        kek.unwrap(wrapped, CONTEXT)
    with pytest.raises(KekFileRefused, match=r"every key in .* is destroyed"):
        kek.wrap(DEK, CONTEXT)
    kek.rotate()
    assert kek.unwrap(kek.wrap(DEK, CONTEXT), CONTEXT) == DEK


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_open_to_others_is_refused(path, mode):
    FileKek(path)
    path.chmod(mode)
    with pytest.raises(KekFileRefused, match="open to others: chmod 600"):
        FileKek(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"consent-ledger/kek/v1\n",
        b"consent-ledger/kek/v2\nfile:0123456789abcdef " + b"A" * 43 + b"=\n",
        b"consent-ledger/kek/v1\nfile:0123456789abcdef " + b"A" * 42 + b"==\n",
        b"consent-ledger/kek/v1\nfile:0123456789abcdef destroyed\n",
        b"consent-ledger/kek/v1\nfile:0123456789abcdef " + b"A" * 43 + b"=\n\n",
    ],
)
def test_a_file_that_is_no_key_file_is_refused(path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KekFileRefused, match="restore it from its copy"):
        FileKek(path)


def test_a_file_that_goes_missing_stops_the_use_of_its_keys(path):
    kek = FileKek(path)
    path.unlink()
    with pytest.raises(KekFileRefused, match="is gone: restore it"):
        kek.wrap(DEK, CONTEXT)


def test_no_key_is_in_a_printed_form(path):
    kek = FileKek(path)
    secret = path.read_text().splitlines()[1].split()[1]
    assert secret not in repr(vars(kek))
    assert kek.kek_id in repr(vars(kek))


@pytest.mark.parametrize(
    ("plain", "wrapped"),
    [
        (
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ],
)
def test_keys_are_wrapped_as_the_standard_does(plain: str, wrapped: str) -> None:
    """RFC 5649 section 6."""
    key = bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")

    assert aes_key_wrap_with_padding(key, bytes.fromhex(plain)).hex() == wrapped
    assert aes_key_unwrap_with_padding(key, bytes.fromhex(wrapped)).hex() == plain
