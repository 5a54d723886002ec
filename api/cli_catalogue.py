"""`ledger catalogue`: validate a document, adopt it, and say what one changes in another."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import msgspec
import rich_click as click

from api.body import instant
from api.cli_record import recorded_now, show_recorded
from api.cli_scenario import catalogue_in
from api.cli_service import config_option, configured, json_option
from api.cli_words import (
    DIFFERS,
    LOCAL_CLIENT,
    file_argument,
    file_bytes,
    target,
    token_option,
    url_option,
)
from api.output import line, say
from api.runtime import Runtime
from ledger.catalogue import CatalogueDocument
from ledger.catalogue_diff import Change, diff
from ledger.events import CatalogueAdopted
from ledger.findings import CatalogueFinding, validate
from ledger.history import History
from ledger.notice_findings import gaps
from ledger.record import Command, Refused
from ledger.rules.rulebook import LawView, uk_gdpr


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How many findings, how many of them errors, and whether the ledger would take it."""

    findings: int
    errors: int
    adoptable: bool


@click.group("catalogue")
def catalogue_group() -> None:
    """Purposes, bases, notices: the document that answers rest on."""


@catalogue_group.command("validate")
@click.argument("file", type=file_argument)
@click.option("--effective-at", help="The instant it is judged at; now if left out.")
@json_option
def validate_command(file: Path, effective_at: str | None, as_json: bool) -> None:
    """Print what is unsound in a catalogue (CV) and what its notice fails to say (G).

    Exit 0 where no finding is an ERROR, 3 where one is.
    """
    at = instant(effective_at, field="--effective-at") or _now()
    findings = findings_of(catalogue_in(file), at)
    for finding in findings:
        line(finding) if as_json else say(_spelt(finding))
    verdict = Verdict(
        findings=len(findings),
        errors=sum(one.severity == "ERROR" for one in findings),
        adoptable=not any(one.refuses_adoption for one in findings),
    )
    line(verdict) if as_json else say(_summed_up(verdict))
    if verdict.errors:
        sys.exit(DIFFERS)


def findings_of(document: CatalogueDocument, at: datetime) -> list[CatalogueFinding]:
    """Refusals, then CV1 to CV15, then G01 to G32, on the law as known at that moment."""
    law = LawView(uk_gdpr(), History(()), at)
    return [*validate(document, at=at, law=law), *gaps(document, at=at)]


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def _spelt(one: CatalogueFinding) -> str:
    refuses = ", refuses adoption" if one.refuses_adoption else ""
    cured = ", unless the primary notice says it" if one.depends_on_primary_notice else ""
    return f"{one.severity:<5} {one.code} {one.pointer}: {one.message} ({one.rule}{refuses}{cured})"


def _summed_up(verdict: Verdict) -> str:
    may = "may be adopted" if verdict.adoptable else "may not be adopted"
    return f"{verdict.findings} findings, {verdict.errors} errors; it {may}"


@catalogue_group.command("diff")
@click.argument("old", type=file_argument)
@click.argument("new", type=file_argument)
@json_option
def diff_command(old: Path, new: Path, as_json: bool) -> None:
    """Print what the new catalogue changes, purpose by purpose.

    Exit 0 where nothing differs, 3 where something does.
    """
    changes = diff(catalogue_in(old), catalogue_in(new))
    for change in changes:
        line(_as_json(change)) if as_json else say(_worded(change))
    if not as_json:
        say(f"{len(changes)} purposes differ, {sum(one.material for one in changes)} materially")
    if changes:
        sys.exit(DIFFERS)


def _as_json(change: Change) -> dict[str, object]:
    return {**msgspec.structs.asdict(change), "material": change.material}


def _worded(change: Change) -> str:
    if change.kind != "CHANGED":
        return f"{change.kind} {change.purpose}"
    material = f"; material: {_listed(change.material_fields)}" if change.material else ""
    return f"CHANGED {change.purpose}: {_listed(change.fields)}{material}"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words)


@catalogue_group.command("apply")
@click.argument("file", type=file_argument)
@click.option("--effective-at", help="The instant from which it is in force; now if left out.")
@click.option("--key", help="Idempotency key: the same one when you retry.")
@config_option
@url_option
@token_option
@json_option
def apply_command(
    file: Path,
    effective_at: str | None,
    key: str | None,
    config: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> None:
    """Adopt a catalogue document as one entry."""
    document, text = catalogue_in(file), file_bytes(file)
    moment = instant(effective_at, field="--effective-at")
    where = target(configured(config), url=url, token=token)
    key = key or str(uuid4())
    if where.service is not None:
        query = f"?effective_at={_quoted(moment)}" if moment else ""
        show_recorded(
            where.service.send("PUT", f"/v1/catalogue{query}", text, key=key), as_json=as_json
        )
        return

    async def adopt(ledger: Runtime) -> bytes | Refused:
        return await recorded_now(
            ledger,
            Command(
                subject=None,
                facts=(
                    CatalogueAdopted(
                        effective_at=moment or (await ledger.store.head(0)).now, catalogue=document
                    ),
                ),
                client=LOCAL_CLIENT,
                key=key,
                body=b"catalogue " + (effective_at or "").encode() + b"\n" + text,
            ),
        )

    show_recorded(where.on_ledger(adopt), as_json=as_json)


def _quoted(moment: datetime) -> str:
    return quote(moment.isoformat())


COMMANDS = (catalogue_group,)
