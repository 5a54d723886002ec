"""`ledger timeline`: what was recorded about one person, or about no one person, in order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import msgspec
import rich_click as click

from api.cli_asking import left
from api.cli_service import config_option, configured, json_option
from api.cli_words import on_ledger, subject_of, target, token_option, url_option
from api.cursors import LIMIT_MAX
from api.output import line, say
from api.remote import Service
from api.runtime import Runtime
from api.settings import Settings
from projections.listed import Listing
from projections.replay import TimelineEntry, timeline

ENVELOPE = ("type", "effective_at")
"""Fields of a fact that stand at the head of its line."""


WORD_LENGTH_MAX = 80
"""Longer values are cut, and whole only in JSON."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What a service answers: some entries, and where the next ones begin."""

    entries: list[dict[str, object]]
    next: str | None = None


@click.command("timeline")
@click.option("--subject", help="The person, as the resolver gave it; the ledger's own if none.")
@config_option
@url_option
@token_option
@json_option
def timeline_command(
    subject: str | None, config: Path | None, url: str | None, token: str | None, as_json: bool
) -> None:
    """Print every entry about a person in the order of recording, with its content."""
    about = None if subject is None else subject_of(subject)
    where = target(configured(config), url=url, token=token)
    if where.service is not None:
        if about is None:
            raise click.UsageError("a service shows the timeline of a person: name a --subject")
        _show(_asked(where.service, about), as_json=as_json)
    else:
        _show(_read(where.settings, about), as_json=as_json)


def _asked(service: Service, subject: UUID) -> Iterable[dict[str, object]]:
    cursor: str | None = None
    while True:
        text = service.get(f"/v1/subjects/{subject}/entries", cursor=cursor, limit=LIMIT_MAX)
        page = msgspec.json.decode(text, type=Page)
        yield from page.entries
        cursor = page.next
        if cursor is None:
            return


def _read(settings: Settings, subject: UUID | None) -> Iterable[dict[str, object]]:
    async def act(ledger: Runtime) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        while True:
            asked = {"after": len(found), "limit": LIMIT_MAX}
            listing = await Listing.begun(ledger.reader, "TIMELINE", asked)
            page = await timeline(ledger.reader, subject, after=len(found), limit=LIMIT_MAX)
            if subject is not None:
                about = listing.page(msgspec.json.encode(page), subject=subject)
                await left(ledger, "ledger timeline", [about])
            found += [_as_sent(one) for one in page]
            if len(page) < LIMIT_MAX:
                return found

    return on_ledger(settings, act)


def _as_sent(one: TimelineEntry) -> dict[str, object]:
    """The entry as a service sends it."""
    return msgspec.json.decode(msgspec.json.encode(one), type=dict[str, object])


def _show(entries: Iterable[dict[str, object]], *, as_json: bool) -> None:
    for one in entries:
        line(one) if as_json else say(_spelt(one))


def _spelt(one: dict[str, object]) -> str:
    fact = one.get("fact")
    if not isinstance(fact, dict):
        return f"{one['position']}  {one['recorded_at']}  {one['type']}  erased"
    rest = " ".join(
        f"{name}={_word(value)}" for name, value in fact.items() if name not in ENVELOPE
    )
    head = f"{one['position']}  {one['recorded_at']}  {one['type']}"
    return f"{head}  from {one['effective_at']}  {rest}".rstrip()


def _word(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= WORD_LENGTH_MAX else f"{text[: WORD_LENGTH_MAX - 1]}…"


COMMANDS = (timeline_command,)
