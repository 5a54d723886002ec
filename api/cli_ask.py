"""`ledger check`, `timeline`, `compare`: questions about one person, asked from the shell."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import rich_click as click

from api.checks import CheckBody
from api.cli_asking import asked_here
from api.cli_service import config_option, configured, json_option
from api.cli_words import DIFFERS, Target, subject_of, target, token_option, url_option
from api.output import line, say
from api.runtime import Runtime
from api.shown import at_length
from ledger.answer import Answer
from ledger.errors import Malformed
from ledger.terms import Decision
from ledger.wire import unreadable
from projections.checks import explained

CLASSES = ("ordinary", "special", "offence")


@click.command("check")
@click.option("--subject", required=True)
@click.option("--purpose", required=True)
@click.option("--operation", default="USE", show_default=True, help="USE, COLLECT, SHARE, STORE.")
@click.option(
    "--data", default="ordinary", show_default=True, help="A class, or category ids with commas."
)
@click.option("--recipient", help="To whom, for SHARE.")
@click.option("--exception", help="The recorded exception of article 18(2) that is relied on.")
@click.option("--effective-at", help="An instant or a day; now if left out.")
@click.option("--known-at", help="An instant; everything recorded if left out.")
@click.option("--at-position", help="Everything recorded up to this entry.")
@click.option("--min-position", help="Nothing older than this entry.")
@click.option("--explain", default="summary", show_default=True, help="none, summary or full.")
@config_option
@url_option
@token_option
@json_option
def check_command(
    config: Path | None, url: str | None, token: str | None, as_json: bool, **asked: str | None
) -> None:
    """May we process this person's data for this purpose, on which basis, and why?

    Exit 0 on PERMIT, 3 on every other answer.
    """
    body = _body(asked)
    found = _answer(target(configured(config), url=url, token=token), body)
    if as_json:
        line(found)
    else:
        for text in at_length(found):
            say(text)
    if found.decision is not Decision.PERMIT:
        sys.exit(DIFFERS)


def _body(asked: dict[str, str | None]) -> CheckBody:
    """The question as the service takes it."""
    values: dict[str, object] = {name: value for name, value in asked.items() if value is not None}
    values["subject"] = subject_of(str(asked["subject"]))
    data = str(asked["data"])
    if data not in CLASSES:
        values["data"] = tuple(word.strip() for word in data.split(","))
    try:
        return msgspec.convert(values, CheckBody)
    except msgspec.ValidationError as error:
        raise _of_option(unreadable(error, field="")) from error


def _of_option(error: Malformed) -> Malformed:
    """The error naming the option in place of the field."""
    name = (error.field or "").lstrip(".").partition("[")[0].replace("_", "-")
    return Malformed(error.message, field=f"--{name}" if name else None)


def _answer(where: Target, body: CheckBody) -> Answer:
    if where.service is not None:
        text = where.service.send("POST", "/v1/checks", msgspec.json.encode(body))
        return msgspec.json.decode(text, type=Answer)
    query = body.query()

    async def ask(ledger: Runtime) -> Answer:
        return explained(await asked_here(ledger, query), body.explain)

    return where.on_ledger(ask)


COMMANDS = (check_command,)
