"""`ledger compare`: what changed for one person between two moments, and because of what."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
import rich_click as click

from api.body import instant
from api.checks import Bases
from api.cli_asking import left
from api.cli_service import config_option, configured, json_option
from api.cli_words import DIFFERS, on_ledger, subject_of, target, token_option, url_option
from api.lists import Difference
from api.output import line, say
from api.remote import Service
from api.runtime import Runtime
from api.settings import Settings
from api.shown import in_short
from ledger.civil import format_instant
from ledger.errors import Malformed
from ledger.reader import latest
from projections.checks import purposes_of
from projections.compare import Compared, Moment, Record, compare
from projections.listed import Listing


class Asked(NamedTuple):
    """The two moments as asked for; what was left out is the later one's, or now."""

    effective_at: datetime | None
    known_at: datetime | None
    then_effective_at: datetime | None
    then_known_at: datetime | None

    def moments(self, newest: Moment) -> tuple[Moment, Moment]:
        """Both moments, where the newest state of knowledge is this one."""
        after = Moment(
            effective_at=self.then_effective_at or newest.effective_at,
            known_at=self.then_known_at or newest.known_at,
        )
        before = Moment(
            effective_at=self.effective_at or after.effective_at,
            known_at=self.known_at or after.known_at,
        )
        return before, after


@click.command("compare")
@click.option("--subject", required=True)
@click.option("--effective-at", help="The earlier question's instant; the later one's if none.")
@click.option("--known-at", help="What was known for it; the same as for the later one if none.")
@click.option("--then-effective-at", help="The later question's instant; now if none.")
@click.option("--then-known-at", help="What was known for it; everything recorded if none.")
@config_option
@url_option
@token_option
@json_option
def compare_command(
    subject: str,
    config: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
    **moments: str | None,
) -> None:
    """Print every purpose whose answer differs between two moments, with the causes.

    Exit 0 where none does, 3 where one does.
    """
    about = subject_of(subject)
    asked = Asked(
        **{
            name: instant(text, field=f"--{name.replace('_', '-')}")
            for name, text in moments.items()
        }
    )
    where = target(configured(config), url=url, token=token)
    if where.service is not None:
        found = _from_service(where.service, about, asked)
    else:
        found = _from_ledger(where.settings, about, asked)
    changed = [one for one in found if one.changed]
    for one in changed:
        if as_json:
            line(one)
        else:
            for text in _spelt(one):
                say(text)
    if not as_json:
        say(f"{len(found)} purposes, {len(changed)} differ")
    if changed:
        sys.exit(DIFFERS)


def _from_service(service: Service, subject: UUID, asked: Asked) -> Sequence[Compared]:
    before, after = asked.moments(_newest(service, subject, asked))
    text = service.get(
        f"/v1/subjects/{subject}/bases/diff",
        effective_at=format_instant(before.effective_at),
        known_at=format_instant(before.known_at),
        then_effective_at=format_instant(after.effective_at),
        then_known_at=format_instant(after.known_at),
    )
    return msgspec.json.decode(text, type=Difference).purposes


def _newest(service: Service, subject: UUID, asked: Asked) -> Moment:
    """The service's own now and what it knows, from its answers; asked only where it is needed."""
    if asked.then_effective_at and asked.then_known_at:
        return Moment(effective_at=asked.then_effective_at, known_at=asked.then_known_at)
    text = service.get(f"/v1/subjects/{subject}/bases")
    bases = msgspec.json.decode(text, type=Bases).bases
    if not bases:
        raise Malformed("has no purposes yet: adopt one first", field="catalogue")
    return Moment(effective_at=bases[0].answer.effective_at, known_at=bases[0].answer.known_at)


def _from_ledger(settings: Settings, subject: UUID, asked: Asked) -> Sequence[Compared]:
    async def act(ledger: Runtime) -> Sequence[Compared]:
        log = ledger.identity.log_of(subject)
        loaded = (await ledger.reader.subjects(log, [subject]))[subject]
        known = latest(loaded.head, loaded.catalogue_place)
        newest = Moment(effective_at=max(loaded.head.now, known), known_at=known)
        before, after = asked.moments(newest)
        found = compare(
            Record(person=loaded.dossier, catalogue=loaded.catalogue, rulebook=ledger.rulebook),
            before=before,
            after=after,
            purposes=purposes_of(loaded.catalogue, max(before.known_at, after.known_at)),
        )
        listing = Listing(
            kind="DIFF", identity=ledger.identity, answered_at=loaded.head.now, asked={}
        )
        await left(ledger, "ledger compare", listing.compared(found, subject, loaded))
        return found

    return on_ledger(settings, act)


def _spelt(one: Compared) -> Iterator[str]:
    yield f"{one.purpose}: {in_short(one.before)} -> {in_short(one.after)}"
    for cause in one.causes:
        entries = f" ({', '.join(cause.entries)})" if cause.entries else ""
        yield f"  {cause.kind} {format_instant(cause.at)}, by {cause.by}{entries}"


COMMANDS = (compare_command,)
