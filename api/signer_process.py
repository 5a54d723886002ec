"""The signer as a process: one request a line over a Unix socket, one answer a line.

    {"seen":true}                                                      what was signed last
    {"old":7,"size":9,"root":"<base64>","proof":["<base64>", ...]}     sign this growth

    {"note":"<the signed checkpoint>","key":"<the log's verifier key>"}
    {"refused":"rolled-back | out-of-step | forked | refused","message":"…","note":"<the last one>"}

Beside the service it says `ready` when it listens, and ends when its standard input does, so that
it never outlives whoever started it; as a service of its own it ends when it is told to. Not here:
what is signed (`signer`).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from api.signer import Signer, SignerRefused, file_signer
from ledger.errors import Fault, Malformed
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.following import Forked, Growth, OutOfStep, Refused, RolledBack
from ledger.tlog.keys import format_vkey
from ledger.tlog.note import format_note

LINE_BYTES_MAX = 16_384
_NAMES: dict[type[Refused], str] = {
    RolledBack: "rolled-back",
    OutOfStep: "out-of-step",
    Forked: "forked",
    Refused: "refused",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line from a client."""

    seen: bool = False
    old: int = 0
    size: int = 0
    root: str = ""
    proof: tuple[str, ...] = ()


class Replied(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line from the signer; `note` is the checkpoint signed last."""

    note: str = ""
    key: str = ""
    refused: str = ""
    message: str = ""


def replied(line: bytes, signer: Signer) -> Replied:
    """What the signer says to the line; it never ends over what it is told."""
    try:
        asked = msgspec.json.decode(line, type=Asked)
        if not asked.seen:
            signer.sign(_growth(asked, signer.verifier.name))
        return Replied(note=_last(signer), key=format_vkey(signer.verifier))
    except Refused as error:
        return Replied(refused=_NAMES[type(error)], message=str(error), note=_last(signer))
    except (msgspec.MsgspecError, UnicodeDecodeError, Fault, Malformed) as error:
        return Replied(refused="malformed", message=str(error), note=_last(signer))


async def serve(
    signer: Signer,
    socket: Path,
    *,
    until: asyncio.Event,
    ready: Callable[[], None],
    group: int | None = None,
) -> None:
    """Answer on the socket, which only its owner and this group may open, until told to stop."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(replied(line, signer)) + b"\n")
                await writer.drain()
        except (ValueError, ConnectionError):
            pass  # A line beyond the limit, or a client that went away.
        finally:
            writer.close()

    # Bound beside its place, so that the socket is never there with the rights of another.
    beside = socket.with_name(f".{socket.name}")
    beside.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(talk, path=beside, limit=LINE_BYTES_MAX)
    finally:
        os.umask(before)
    async with server:
        if group is not None:
            os.chown(beside, -1, group)
            beside.chmod(0o660)
        beside.replace(socket)
        ready()
        await until.wait()
    socket.unlink(missing_ok=True)


def _last(signer: Signer) -> str:
    return format_note(signer.last).decode()


def _growth(asked: Asked, origin: str) -> Growth:
    new = Checkpoint(origin=origin, size=asked.size, root=_hash(asked.root))
    return Growth(old=asked.old, new=new, proof=tuple(_hash(one) for one in asked.proof))


def _hash(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("must be base64", field="root") from None


async def _run(folder: Path, socket: Path, origin: str) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, _read_to_the_end, ended)
    with file_signer(folder, origin=origin) as signer:
        await serve(signer, socket, until=ended, ready=_say_ready)


def _say_ready() -> None:
    """Whoever started it reads this line, and need not look for the socket."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def _read_to_the_end(ended: asyncio.Event) -> None:
    if not os.read(0, 4096):
        ended.set()


def main() -> int:
    """Run the signer: `python -m api.signer_process FOLDER SOCKET ORIGIN`."""
    folder, socket, origin = sys.argv[1:]
    try:
        asyncio.run(_run(Path(folder), Path(socket), origin))
    except SignerRefused as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        pass  # Ctrl-C in a terminal reaches every process of it.
    return 0


if __name__ == "__main__":
    sys.exit(main())
