"""`ledger record`: what happened to one person, or to no one person, recorded from the shell."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import rich_click as click

from api.cli_service import config_option, configured, json_option
from api.cli_words import (
    LOCAL_CLIENT,
    file_argument,
    file_bytes,
    in_file,
    on_ledger,
    subject_of,
    target,
    token_option,
    url_option,
)
from api.entries import EntriesBody, RecordedBody, recorded
from api.output import say
from api.remote import EntryRefused
from api.runtime import Runtime
from api.settings import Settings
from ledger.errors import LedgerError, Malformed, OutcomeUnknown
from ledger.events import Fact
from ledger.record import Command, Refused
from ledger.wire import read_fact, unreadable


@click.command("record")
@click.option("--subject", help="The person, as the resolver gave it.")
@click.option("--common", is_flag=True, help="About no one person: notices, bases for all, policy.")
@click.option("--file", type=file_argument, help="JSON: an entry, a list of entries; - is stdin.")
@click.option("--key", help="Idempotency key: the same one when you retry.")
@config_option
@url_option
@token_option
@json_option
@click.argument("entry", nargs=-1, metavar="[TYPE FIELD=VALUE...]")
def record_command(
    subject: str | None,
    common: bool,
    file: Path | None,
    key: str | None,
    config: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
    entry: tuple[str, ...],
) -> None:
    """Record one entry, written as TYPE FIELD=VALUE..., or those of a file, together.

    A value is JSON where it reads as JSON, and text otherwise. Exit 0 where all are recorded, 3
    where they are refused.
    """
    if common == (subject is not None):
        raise click.UsageError("name a person with --subject, or say --common")
    if (file is None) == (not entry):
        raise click.UsageError("write one entry, or name a --file")
    about = None if subject is None else subject_of(subject)
    values = entries_of_file(file) if file else [_written(entry)]
    where = target(configured(config), url=url, token=token)
    given, key = key, key or str(uuid4())
    try:
        if where.service is None:
            show_recorded(record_directly(where.settings, about, values, key), as_json=as_json)
            return
        path = f"/v1/subjects/{about}/entries" if about else "/v1/entries"
        body = msgspec.json.encode(EntriesBody(entries=values))
        show_recorded(where.service.send("POST", path, body, key=key), as_json=as_json)
    except OutcomeUnknown as error:
        raise _with_key(error, None if given else key) from error


def _with_key(error: OutcomeUnknown, key: str | None) -> LedgerError:
    """The key that makes a retry safe, where the caller does not hold it yet."""
    return OutcomeUnknown(f"{error}; it was --key {key}") if key else error


def record_directly(
    settings: Settings, subject: UUID | None, values: list[dict[str, object]], key: str
) -> bytes | Refused:
    """The entries as recorded on the configured database."""
    facts: tuple[Fact, ...] = tuple(
        read_fact(value, field=f"entries[{n}]") for n, value in enumerate(values)
    )

    async def act(ledger: Runtime) -> bytes | Refused:
        command = Command(subject=subject, facts=facts, client=LOCAL_CLIENT, key=key)
        return await recorded_now(ledger, command)

    return on_ledger(settings, act)


async def recorded_now(ledger: Runtime, command: Command) -> bytes | Refused:
    """What the service would answer, the command recorded on the database."""
    result = await ledger.recorder.record(command)
    return result if isinstance(result, Refused) else recorded(result, ledger.receipts).content


def show_recorded(result: bytes | Refused, *, as_json: bool) -> None:
    """What was recorded; a refusal is raised."""
    if isinstance(result, Refused):
        refusal = result.refusal
        where = f"entries[{result.entry}].{refusal.pointer}"
        raise EntryRefused(f"{where}: {refusal.message} ({refusal.reason})")
    if as_json:
        sys.stdout.write(result.decode() + "\n")
        return
    body = msgspec.json.decode(result, type=RecordedBody)
    for one in body.entries:
        say(f"recorded {one.type} {one.entry} at {one.position}, {one.recorded_at}")


def entries_of_file(path: Path) -> list[dict[str, object]]:
    """The entries of a JSON file: one, a list, or the body of a request."""
    text = sys.stdin.buffer.read() if str(path) == "-" else file_bytes(path)
    try:
        value = msgspec.json.decode(text)
        if isinstance(value, dict) and "entries" not in value:
            value = [value]
        body = {"entries": value} if isinstance(value, list) else value
        return msgspec.convert(body, EntriesBody).entries
    except msgspec.ValidationError as error:
        raise in_file(path, unreadable(error, field="body")) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("is not JSON", field=str(path)) from error


def _written(words: tuple[str, ...]) -> dict[str, object]:
    kind, *fields = words
    values: dict[str, object] = {"type": kind}
    for n, field in enumerate(fields, start=1):
        name, separator, text = field.partition("=")
        if not separator or not name:
            raise click.UsageError(f"word {n} after the type must be FIELD=VALUE")
        values[name] = _value(text)
    return values


def _value(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text


COMMANDS = (record_command,)
