"""`ledger log audit`: a whole log held against itself, its checkpoints, and what it seals."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import rich_click as click

from api.bar import bar
from api.cli_service import config_option, configured, json_option
from api.cli_words import DIFFERS, file_argument, file_bytes, in_file, make_ready
from api.output import line, say
from api.runtime import Places, Runtime, places, running
from api.settings import Settings
from api.witness_policy import read_policy
from ledger.errors import Fault, Malformed
from ledger.tlog.keys import VerifierKey, parse_vkey
from ledger.tlog.note import Note, parse_note
from ledger.tlog.policy import Known, Policy, parse_policy
from projections.audit import Audited, Auditing, audit
from projections.audit_content import Contents, audit_content
from projections.audit_findings import LISTED_MAX, AuditFinding
from projections.dropped_leaves import dropped
from projections.rebuild import Rebuild

PROCESSES_MAX = 4


@click.command("audit")
@click.option("--content", is_flag=True, help="Also open everything sealed; needs the keys.")
@click.option("--derived", is_flag=True, help="Also hold dossiers and lists against the entries.")
@click.option(
    "--policy",
    type=file_argument,
    help="Whose signatures count, c2sp.org/tlog-policy; else that of the settings.",
)
@click.option("--vkey", "vkeys", multiple=True, help="A log's verifier key, without any witness.")
@click.option(
    "--checkpoint",
    "checkpoints",
    type=file_argument,
    multiple=True,
    help="A checkpoint kept elsewhere, which the log must go on from. May be repeated.",
)
@click.option(
    "--findings",
    "listed_max",
    type=click.IntRange(min=1),
    default=LISTED_MAX,
    show_default=True,
    help="How many to list.",
)
@config_option
@json_option
def audit_command(
    content: bool,
    derived: bool,
    policy: Path | None,
    vkeys: tuple[str, ...],
    checkpoints: tuple[Path, ...],
    listed_max: int,
    config: Path | None,
    as_json: bool,
) -> None:
    """Hold every entry against its leaf, the tree and the checkpoints; name the first bad position.

    Reads as an auditor may, without content and keys, unless asked for more. Exit 0 where nothing
    is wrong, 3 where something is.
    """
    settings = configured(config)
    auditing = Auditing(
        policy=_policy(policy, vkeys) or read_policy(settings.witness_policy_file),
        held=tuple(_checkpoint(one) for one in checkpoints),
        processes=_processes(),
        listed_max=listed_max,
    )
    with places(settings) as where:
        if where.embedded or content or derived:
            make_ready(where, settings)
        wrong = _audited(where, auditing, as_json=as_json)
        if content or derived:
            deeper = _Deeper(content=content, derived=derived, listed_max=listed_max)
            wrong += asyncio.run(deeper.audited(where, settings, as_json=as_json))
    if wrong:
        sys.exit(DIFFERS)


def _processes() -> int:
    """For each there is one of the server, which may be on this machine."""
    return max(1, min(PROCESSES_MAX, (os.cpu_count() or 1) // 2))


def _audited(where: Places, auditing: Auditing, *, as_json: bool) -> int:
    """How many findings there are; each log is told as soon as it is audited."""
    wrong = 0
    with bar("auditing") as progress:
        auditing = msgspec.structs.replace(
            auditing, progress=progress.of, may_be_empty=dropped(where.database)
        )
        for one in audit(where.database, auditing):
            wrong += one.findings
            line(one) if as_json else _show(_log_lines(one, auditing), one.listed, one.findings)
    return wrong


class _Deeper(msgspec.Struct, frozen=True, kw_only=True):
    """What is audited with the rights of the service: what is sealed, and what is derived."""

    content: bool
    derived: bool
    listed_max: int

    async def audited(self, where: Places, settings: Settings, *, as_json: bool) -> int:
        """How many findings there are."""
        wrong = 0
        async with running(where, settings) as ledger:
            for log in range(ledger.identity.logs) if self.content else ():
                with bar("opening") as progress:
                    one = await audit_content(
                        ledger.reader,
                        ledger.pool,
                        log,
                        listed_max=self.listed_max,
                        progress=progress.of,
                    )
                wrong += one.findings
                line(one) if as_json else _show([_content_line(one)], one.listed, one.findings)
            if self.derived:
                derived = await _derived(ledger)
                wrong += derived.difference is not None
                line(derived) if as_json else say(_derived_line(derived))
        return wrong


class Derived(msgspec.Struct, frozen=True, kw_only=True, tag_field="part", tag="derived"):
    """How many streams were compared, and the first derived row that is wrong, if any is."""

    streams: int
    difference: str | None


async def _derived(ledger: Runtime) -> Derived:
    with bar("comparing") as progress:
        rebuild = Rebuild(ledger.reader, ledger.rulebook, ledger.pool)
        checked = await rebuild.check(progress=progress.of)
    return Derived(streams=checked.streams, difference=checked.difference)


def _policy(path: Path | None, vkeys: Sequence[str]) -> Policy | None:
    """The policy that was given; of verifier keys alone, one that asks for no witness."""
    if path is None and not vkeys:
        return None
    if path is None:
        return Policy(logs=[Known(key=_vkey(one)) for one in vkeys], quorum="none")
    if vkeys:
        raise Malformed("the policy names the logs: leave it out", field="--vkey")
    try:
        return parse_policy(file_bytes(path))
    except Fault as error:
        raise in_file(path, error) from error


def _vkey(text: str) -> VerifierKey:
    try:
        return parse_vkey(text)
    except Fault as error:
        raise Malformed(str(error), field="--vkey") from error


def _checkpoint(path: Path) -> Note:
    try:
        return parse_note(file_bytes(path))
    except Fault as error:
        raise in_file(path, error) from error


def _show(lines: Iterable[str], listed: Sequence[AuditFinding], findings: int) -> None:
    for each in lines:
        say(each)
    for one in listed:
        say(f"  {one}")
    if findings > len(listed):
        say(f"  and {findings - len(listed)} more")


def _log_lines(one: Audited, auditing: Auditing) -> Iterator[str]:
    yield f"log {one.log}: {one.entries} entries of {one.streams} streams, to {one.position}"
    if one.root is not None:
        yield f"  root {one.root}"
    told = [f"{one.checkpoints} checkpoints agree"]
    if auditing.policy is None:
        told.append("their signatures are not checked without a policy")
    else:
        told.append(f"signed up to {one.signed}, cosigned by the quorum up to {one.witnessed}")
    if auditing.held:
        told.append(f"held elsewhere up to {one.held}")
    yield "  " + "; ".join(told)
    lines = f"{one.cosignatures} cosignatures verify"
    yield f"  {lines}, {one.cosignatures_not_checked} are of keys not known and not checked"
    if one.emptied:
        yield f"  {one.emptied} leaves were emptied by erasures"
    if not one.findings:
        yield "  nothing is wrong"


def _content_line(one: Contents) -> str:
    told = (
        f"content of log {one.log}: {one.groups} groups opened, {one.erased} erased,"
        f" {one.other} entries of other applications"
    )
    return told if one.findings else f"{told}; nothing is wrong"


def _derived_line(one: Derived) -> str:
    if one.difference is None:
        return f"derived: {one.streams} streams agree with their entries"
    return f"derived: {one.difference}"


COMMANDS = (audit_command,)
