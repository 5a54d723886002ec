"""Signers as processes: asked over their sockets, ended with whoever started them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from api.signing import Signers, socket_of, started
from ledger.errors import Unavailable
from ledger.tlog.following import Forked, OutOfStep, Refused, RolledBack
from ledger.tlog.note import format_note
from tests.integration.waiting import ended, until
from tests.unit.test_following import growth, tree
from tests.unit.trees import ORIGIN

STARTER = """
import sys
from functools import partial
from pathlib import Path
from api.signing import started
with started(Path(sys.argv[1]), [sys.argv[2]]) as sockets:
    print(sockets, flush=True)
    sys.stdin.read()
"""


def test_a_signer_is_asked_over_its_socket_and_says_why_it_refuses(tmp_path: Path) -> None:
    async def story(signers: Signers) -> None:
        note = await signers.sign(0, growth(0, 30))
        assert await signers.last(0) == note
        assert await signers.seen(0) == tree(30)
        for refusal, bad in (
            (RolledBack, growth(0, 20)),
            (OutOfStep, growth(20, 40)),
            (Forked, growth(30, 40, fork=2)),
        ):
            with pytest.raises(refusal, match="the signer refuses"):
                await signers.sign(0, bad)
        many = await asyncio.gather(*(signers.seen(0) for _ in range(20)))
        assert many == [tree(30)] * 20

    with started(tmp_path, [ORIGIN]) as sockets:
        assert socket_of(sockets, 0).stat().st_mode & 0o077 == 0
        asyncio.run(story(Signers(sockets)))
    with started(tmp_path, [ORIGIN]) as sockets:
        assert asyncio.run(Signers(sockets).seen(0)) == tree(30)


def test_each_log_has_its_own(tmp_path: Path) -> None:
    with started(tmp_path, [ORIGIN, "other.example/1"]) as sockets:
        signers = Signers(sockets)
        first, second = (asyncio.run(signers.last(log)) for log in (0, 1))
        assert first.signatures[0].name == ORIGIN
        assert second.signatures[0].name == "other.example/1"
        with pytest.raises(Refused):
            asyncio.run(signers.sign(1, growth(5, 6)))


def test_where_no_signer_answers_nothing_is_signed(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        asyncio.run(Signers(tmp_path).seen(0))


def test_a_signer_that_cannot_start_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "checkpoint-key").write_text("no key\n")
    (tmp_path / "0" / "checkpoint-key").chmod(0o640)
    with pytest.raises(Unavailable, match="did not start"), started(tmp_path, [ORIGIN]):
        pass
    assert "open to others: chmod 600" in capfd.readouterr().err


def test_a_client_that_talks_nonsense_ends_nothing_but_its_own_talk(tmp_path: Path) -> None:
    async def story(sockets: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(socket_of(sockets, 0))
        writer.write(b"x" * 100_000 + b"\n")
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            assert await reader.read() == b""
        writer.close()
        assert (await Signers(sockets).seen(0)).size == 0

    with started(tmp_path, [ORIGIN]) as sockets:
        asyncio.run(story(sockets))


def test_one_that_ends_by_itself_is_started_again_and_remembers(tmp_path: Path) -> None:
    with started(tmp_path, [ORIGIN]) as sockets:
        asyncio.run(Signers(sockets).sign(0, growth(0, 9)))
        for size in (12, 15):
            before = _children(os.getpid())
            (signer,) = [one for one in before if b"api.signer_process" in _words(one)]
            os.kill(signer, signal.SIGKILL)
            until(partial(ended, signer), "the signer is gone")
            until(lambda: _seen(sockets) is not None, "another one answers")
            asyncio.run(Signers(sockets).sign(0, growth(size - 3, size)))
            assert _seen(sockets) == size
    (left,) = [[one for one in _children(os.getpid()) if b"signer_process" in _words(one)]]
    assert left == []


def _seen(sockets: Path) -> int | None:
    try:
        return asyncio.run(Signers(sockets).seen(0)).size
    except Unavailable:
        return None


def _words(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def test_it_ends_with_whoever_started_it_however_that_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path), ORIGIN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        sockets = Path(starter.stdout.readline().strip())
        signed = asyncio.run(Signers(sockets).sign(0, growth(0, 9)))
        (signer,) = _children(starter.pid)
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
    until(lambda: ended(signer), "the signer ends with its starter")
    with started(tmp_path, [ORIGIN]) as again:
        assert format_note(asyncio.run(Signers(again).last(0))) == format_note(signed)


def _children(parent: int) -> list[int]:
    found = []
    for one in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (one / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(one.name))
    return found
