"""The way to the signers: one process a log, asked over its socket, or started beside the service.

The service cannot sign: it holds no key of the log, and whoever takes it over can have signed only
what goes on from what was signed before. Not here: what a signer will sign (`signer`).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from api.signer_process import LINE_BYTES_MAX, Asked, Replied
from ledger.errors import Unavailable
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.following import Forked, Growth, OutOfStep, Refused, RolledBack
from ledger.tlog.keys import VerifierKey, parse_vkey
from ledger.tlog.note import Note, parse_note

ANSWER_S = 10.0
AGAIN_S = 1.0
"""How long after a signer ended another one is started."""
diagnostics = logging.getLogger("ledger")
_ERRORS = {"rolled-back": RolledBack, "out-of-step": OutOfStep, "forked": Forked}


class Signers:
    """The signers of a ledger's logs, each behind the socket `<log>.sock` of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def last(self, log: int) -> Note:
        """The checkpoint signed last."""
        return parse_note((await self._asked(log, Asked(seen=True))).note.encode())

    async def key(self, log: int) -> VerifierKey:
        """The log's public key."""
        return parse_vkey((await self._asked(log, Asked(seen=True))).key)

    async def seen(self, log: int) -> Checkpoint:
        """The largest tree that was signed."""
        return parse_checkpoint((await self.last(log)).text)

    async def sign(self, log: int, growth: Growth) -> Note:
        """The new checkpoint, signed; raises `Refused` where it does not go on from the last."""
        asked = Asked(
            old=growth.old,
            size=growth.new.size,
            root=_text(growth.new.root),
            proof=tuple(_text(one) for one in growth.proof),
        )
        replied = await self._asked(log, asked)
        if replied.refused:
            raise _ERRORS.get(replied.refused, Refused)(f"the signer refuses: {replied.message}")
        return parse_note(replied.note.encode())

    async def _asked(self, log: int, asked: Asked) -> Replied:
        try:
            async with asyncio.timeout(ANSWER_S):
                line = await _exchanged(socket_of(self._folder, log), msgspec.json.encode(asked))
            return msgspec.json.decode(line, type=Replied)
        except (OSError, TimeoutError, ValueError) as error:
            raise Unavailable("the signer of checkpoints does not answer") from error


def socket_of(folder: Path, log: int) -> Path:
    """Where the signer of the log listens."""
    return folder / f"{log}.sock"


@contextmanager
def started(folder: Path, origins: list[str]) -> Iterator[Path]:
    """The folder of the sockets of signers that run, as processes, for as long as it is used.

    `folder` keeps their keys and what they signed; a signer's socket path is short, whatever that
    folder is called. One that ends by itself is started again.
    """
    with contextlib.ExitStack() as stack:
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ledger-signer-")))
        for log, origin in enumerate(origins):
            one = _Beside(folder / str(log), socket_of(sockets, log), origin)
            stack.enter_context(one.running())
        yield sockets


class _Beside:
    """A signer as a process beside this one."""

    def __init__(self, folder: Path, socket: Path, origin: str) -> None:
        self._folder = folder
        words = ["-m", "api.signer_process", str(folder), str(socket), origin]
        self._command = [sys.executable, *words]
        self._ending = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """It answers; raises `Unavailable` where it does not start the first time."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        process = self._start()
        if process is None:
            raise Unavailable("the signer of checkpoints did not start: it says why above")
        self._process = process
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._ending.set()
            _end(self._process)
            watcher.join()

    def _watch(self) -> None:
        """Another one is started where the process ends before it is to."""
        while not self._ending.is_set():
            self._process.wait()
            _end(self._process)
            if self._ending.wait(AGAIN_S):
                return
            diagnostics.error("a signer of checkpoints ended by itself, and is started again")
            process = self._start()
            if process is not None:
                self._process = process
            if self._ending.is_set():
                _end(self._process)

    def _start(self) -> subprocess.Popen[bytes] | None:
        """The process, which listens; None where it ended instead."""
        # Its standard input ends with this process, however that ends; and so does the signer.
        try:
            process = subprocess.Popen(  # noqa: S603 (this program)
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
        except OSError:
            return None
        assert process.stdout is not None, "it is a pipe"
        if process.stdout.readline() == b"ready\n":
            return process
        _end(process)
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process has ended, and nothing of it is left open; any number of times."""
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None, "both are pipes"
        pipe.close()
    process.wait()


async def _exchanged(socket: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket, limit=LINE_BYTES_MAX)
    try:
        writer.write(line + b"\n")
        await writer.drain()
        return await reader.readline()
    finally:
        writer.close()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
