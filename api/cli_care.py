"""`ledger rebuild` and `ledger doctor`: the derived tables made again, and the ledger examined."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec
import rich_click as click

from api.bar import bar
from api.cli_service import config_option, configured, json_option
from api.cli_words import DIFFERS, FAILED, make_ready
from api.doctor import Examination
from api.output import line, say
from api.runtime import Places, places, running
from api.settings import Settings
from ledger.reader import Reader
from ledger.store import Store, open_pool
from projections.derived import Digests
from projections.everyone import Progress
from projections.rebuild import Checked, Rebuild


@click.command("rebuild")
@click.option("--check", "check_only", is_flag=True, help="Change nothing; say what differs.")
@config_option
@json_option
def rebuild_command(check_only: bool, config: Path | None, as_json: bool) -> None:
    """Make dossiers and lists again from the entries, or compare them with the entries.

    Exit 0 where done or nothing differs, 3 where something differs.
    """
    settings = configured(config)
    with places(settings) as where, bar("comparing" if check_only else "rebuilding") as progress:
        make_ready(where, settings)
        if check_only:
            _show_checked(asyncio.run(_checked(where, settings, progress.of)), as_json=as_json)
            return
        digests = asyncio.run(_rebuilt(where, settings, progress.of))
    if as_json:
        line(digests)
        return
    for name, digest in msgspec.structs.asdict(digests).items():
        say(f"{name} {digest}")


async def _checked(where: Places, settings: Settings, progress: Progress) -> Checked:
    async with running(where, settings) as ledger:
        rebuild = Rebuild(ledger.reader, ledger.rulebook, ledger.pool)
        return await rebuild.check(progress=progress)


def _show_checked(checked: Checked, *, as_json: bool) -> None:
    if as_json:
        line(checked)
    else:
        say(checked.difference or f"{checked.streams} streams agree with their entries")
    if checked.difference:
        sys.exit(DIFFERS)


async def _rebuilt(where: Places, settings: Settings, progress: Progress) -> Digests:
    """As the owner: nobody else may write dossiers."""
    async with (
        running(where, settings) as ledger,
        open_pool(where.database, size_max=settings.pool_size, role=None) as pool,
    ):
        reader = Reader(Store(pool), ledger.keys, ledger.identity)
        rebuild = Rebuild(reader, ledger.rulebook, pool)
        return await rebuild.rebuild(entropy=os.urandom, progress=progress)


@click.command("doctor")
@click.option("--full", is_flag=True, help="Hold every derived row against the entries.")
@config_option
@json_option
def doctor_command(full: bool, config: Path | None, as_json: bool) -> None:
    """Examine this ledger: databases, privileges, clock, keys, dossiers, disk.

    Exit 0 where all is well, 1 where something is not.
    """
    settings = configured(config)
    with places(settings) as where, bar("comparing") as progress:
        where.folder.mkdir(parents=True, exist_ok=True)
        examination = Examination(
            where=where, settings=settings, full=full, progress=progress.of if full else None
        )
        well = asyncio.run(_examined(examination, as_json=as_json))
    if not well:
        sys.exit(FAILED)


async def _examined(examination: Examination, *, as_json: bool) -> bool:
    well = True
    async for finding in examination.findings():
        well &= finding.ok
        mark = "ok  " if finding.ok else "FAIL"
        line(finding) if as_json else say(f"{mark} {finding.check}: {finding.detail}")
    return well


COMMANDS = (rebuild_command, doctor_command)
