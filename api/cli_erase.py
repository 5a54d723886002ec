"""`ledger erase`: erasures carried out, what is recorded of them, and whom to tell."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import rich_click as click

from api.certificate import Certificate, certificate_of, certificates
from api.cli_service import config_option, configured, json_option
from api.cli_words import DIFFERS, make_ready, on_ledger, subject_of
from api.erasing import opened
from api.output import complain, line, say
from api.runtime import Places, Runtime, places, running
from api.serving import stopped_by_a_signal
from api.settings import Settings
from ledger.erasing import Told
from ledger.erasure_plan import recipients
from ledger.errors import Fault
from ledger.events import KeyDestroyed
from ledger.reader import position
from ledger.restoring import Replayed
from ledger.terms import EVERY_PURPOSE
from projections.replay import timeline

PAGE = 500
Show = Callable[[Told], None]


@click.group("erase")
def erase_group() -> None:
    """Erasure: carry out what was recorded, and show what became of it."""


@erase_group.command("work")
@click.option("--once", is_flag=True, help="Carry out what can be now, and end.")
@config_option
@json_option
def work_command(once: bool, config: Path | None, as_json: bool) -> None:
    """Carry out the erasures that are recorded, until stopped.

    Its login must be a member of ledger_eraser and of ledger_app. A purpose takes two runs of
    --once a minute apart: other processes let go of its keys meanwhile. Exit 0 where nothing is
    left, 3 where a hold, a later moment or a failure keeps one back.
    """
    settings = configured(config)

    def show(one: Told) -> None:
        line(one) if as_json else say(f"{one.outcome} {one.log}:{one.n} {one.detail}")

    with stopped_by_a_signal(), places(settings) as where:
        make_ready(where, settings)
        left = asyncio.run(_work(where, settings, once=once, show=show))
    if left:
        sys.exit(DIFFERS)


async def _work(where: Places, settings: Settings, *, once: bool, show: Show) -> bool:
    """Whether something is left to do."""
    async with running(where, settings) as ledger, opened(ledger) as made:
        if once:
            told = await made.eraser.work()
            for one in told:
                show(one)
            return any(one.outcome != "EXECUTED" for one in told)
        await made.eraser.follow(asyncio.Event(), failed=_failed, told=show)
        return False


def _failed(error: Exception) -> None:
    complain(f"{error}: it is tried again")


@erase_group.command("level2")
@click.argument("subject")
@click.option("--decision", required=True, help="A reference of who decided it, shown in clear.")
@config_option
@json_option
def level2_command(subject: str, decision: str, config: Path | None, as_json: bool) -> None:
    """Drop the leaves of an erased person too: their hashes stay, and so every proof.

    It is recorded first. There is no way back, and no verifier can see any more what the leaves
    said.
    """

    async def act(ledger: Runtime) -> str:
        who = subject_of(subject, field="SUBJECT")
        async with opened(ledger) as made:
            done = await made.eraser.drop_leaves(who, decision=decision)
        return position(ledger.identity.log_of(who), done.n, done.leaf_hash)

    at = on_ledger(configured(config), act)
    line({"position": at}) if as_json else say(f"recorded at {at}")


@erase_group.command("certificate")
@click.argument("of", metavar="SUBJECT|POSITION")
@config_option
@json_option
def certificate_command(of: str, config: Path | None, as_json: bool) -> None:
    """Print the deletion certificates of a subject, or that of one KeyDestroyed entry.

    Each is a signed note; after it comes the proof that its entry is in the log, once a checkpoint
    covers it.
    """

    async def act(ledger: Runtime) -> list[Certificate]:
        if ":" in of:
            return [await certificate_of(ledger, of)]
        return await certificates(ledger, subject_of(of, field="SUBJECT"))

    found = on_ledger(configured(config), act)
    if not found:
        raise Fault("nothing is recorded of an erasure that was carried out")
    for one in found:
        line(one) if as_json else say("\n".join(_parts(one)))


def _parts(one: Certificate) -> Sequence[str]:
    return [one.note, one.proof or "No checkpoint covers the entry yet: no proof.\n"]


@erase_group.command("recipients")
@click.argument("subject")
@click.option("--purpose", default=EVERY_PURPOSE, show_default=True, help="What is erased.")
@config_option
@json_option
def recipients_command(subject: str, purpose: str, config: Path | None, as_json: bool) -> None:
    """Print whom article 19 asks to tell of the erasure, from the disclosures recorded.

    After an erasure, from what is recorded of it.
    """

    async def act(ledger: Runtime) -> list[str]:
        return await _recipients(ledger, subject_of(subject, field="SUBJECT"), purpose)

    for one in on_ledger(configured(config), act):
        line({"recipient": one}) if as_json else say(one)


async def _recipients(ledger: Runtime, subject: UUID, purpose: str) -> list[str]:
    log = ledger.identity.log_of(subject)
    loaded = (await ledger.reader.subjects(log, [subject]))[subject]
    found = {*recipients(loaded.dossier, purpose, loaded.head.now)}
    shown = await timeline(ledger.reader, subject, limit=PAGE)
    while shown:
        for one in shown:
            if isinstance(one.fact, KeyDestroyed):
                found.update(one.fact.recipients or ())
        shown = await timeline(ledger.reader, subject, after=shown[-1].version or 0, limit=PAGE)
    return sorted(found)


@erase_group.command("replay-tombstones")
@config_option
@json_option
def replay_command(config: Path | None, as_json: bool) -> None:
    """After a restore: destroy again every key that was destroyed before.

    Nothing is served until then. What the ledger itself has forgotten, because it was restored as
    well, is recorded again from the file of tombstones.
    """

    async def act(ledger: Runtime) -> Replayed:
        async with opened(ledger) as made:
            await made.eraser.work()
            return await made.replaying.replay()

    done = on_ledger(configured(config), act)
    if as_json:
        line(done)
    else:
        say(f"{done.keys} keys destroyed again; recorded again for {done.forgotten} streams")


COMMANDS = (erase_group,)
