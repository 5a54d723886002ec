"""`ledger signer`: the signer of one log's checkpoints as a service of its own."""

from __future__ import annotations

import asyncio
import grp
import signal
from collections.abc import Callable
from pathlib import Path

import rich_click as click

from api.cli_service import config_option, configured
from api.output import say
from api.signer import Signer, file_signer
from api.signer_process import serve
from ledger.errors import Malformed
from ledger.tlog.keys import format_vkey

folder_argument = click.Path(file_okay=False, path_type=Path)
socket_argument = click.Path(dir_okay=False, path_type=Path)


@click.command("signer")
@click.option(
    "--folder", required=True, type=folder_argument, help="Where its key and its memory lie."
)
@click.option("--socket", required=True, type=socket_argument, help="Where it answers.")
@click.option("--log", default=0, show_default=True, help="The number of the log.")
@click.option(
    "--group", help="The Unix group whose members may ask it; none but its owner if none."
)
@config_option
def signer_command(
    folder: Path, socket: Path, log: int, group: str | None, config: Path | None
) -> None:
    """Sign the checkpoints of one log until told to stop; give its socket's folder to the service.

    The log's name is the setting `origin`, a slash and the number. It needs no database, and should
    run as an account that the service's cannot become.
    """
    origin = f"{configured(config).origin}/{log}"
    members = None if group is None else _group(group)
    with file_signer(folder, origin=origin) as signer:

        def ready() -> None:
            say(f"Signing for {origin} as {format_vkey(signer.verifier)}")

        asyncio.run(_run(signer, socket, members, ready))


async def _run(signer: Signer, socket: Path, group: int | None, ready: Callable[[], None]) -> None:
    ended = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    try:
        await serve(signer, socket, until=ended, ready=ready, group=group)
    except OSError as error:
        raise Malformed(f"cannot be listened on: {error.strerror}", field="--socket") from error


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise Malformed("is no group of this machine", field="--group") from None


COMMANDS = (signer_command,)
