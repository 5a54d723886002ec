"""The way to the signers: one process a log, asked over its socket, or started beside the service.

The service cannot sign: it holds no key of the log, and whoever takes it over can have signed only
what goes on from what was signed before. Not here: what a signer will sign (`signer`).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from api.signer_process import LINE_BYTES_MAX, Asked, Replied
from ledger.errors import Unavailable
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.following import Forked, Growth, OutOfStep, Refused, RolledBack
from ledger.tlog.note import Note, parse_note

ANSWER_S = 10.0
_ERRORS = {"rolled-back": RolledBack, "out-of-step": OutOfStep, "forked": Forked}


class Signers:
    """The signers of a ledger's logs, each behind the socket `<log>.sock` of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def last(self, log: int) -> Note:
        """The checkpoint signed last."""
        return parse_note((await self._asked(log, Asked(seen=True))).note.encode())

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
    folder is called.
    """
    with contextlib.ExitStack() as stack:
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ledger-signer-")))
        for log, origin in enumerate(origins):
            stack.enter_context(_process(folder / str(log), socket_of(sockets, log), origin))
        yield sockets


@contextmanager
def _process(folder: Path, socket: Path, origin: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "api.signer_process", str(folder), str(socket), origin]
    # Its standard input ends with this process, however that ends; and so does the signer.
    with subprocess.Popen(  # noqa: S603 (this program)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None, "both are pipes"
        try:
            if process.stdout.readline() != b"ready\n":
                raise Unavailable("the signer of checkpoints did not start: it says why above")
            yield
        finally:
            process.stdin.close()
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
