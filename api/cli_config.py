"""`ledger config`: what the settings come to, what is wrong with them, what there is to set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import rich_click as click

from api.cli_service import config_option, json_option
from api.cli_words import FAILED
from api.console.sign_in_settings import check_sign_in
from api.output import line, say
from api.settings import Loaded, Settings, loaded
from api.settings_check import Finding, findings, shown
from api.trust import check_trust
from ledger.errors import Malformed


@click.group("config", invoke_without_command=True)
@config_option
@json_option
@click.pass_context
def config_command(context: click.Context, config: Path | None, as_json: bool) -> None:
    """Show the settings, secrets masked; or check them, or say what there is to set."""
    if context.invoked_subcommand is None:
        _show(config, as_json=as_json)
    elif config is not None or as_json:
        raise click.UsageError("Put the options after the word: ledger config show --json.")


@config_command.command("show")
@config_option
@json_option
def show_command(config: Path | None, as_json: bool) -> None:
    """Show the settings as they count, secrets masked."""
    _show(config, as_json=as_json)


@config_command.command("check")
@config_option
@json_option
def check_command(config: Path | None, as_json: bool) -> int:
    """Say where each value comes from, and what is wrong with it; connects to nothing."""
    read = loaded(config)
    found = [*findings(read.settings), *_trust(read.settings)]
    if as_json:
        line({"origins": read.origins, "findings": found})
    else:
        say("\n".join([*_origins(read), *_told(found)]))
    return FAILED if found else 0


@config_command.command("schema")
def schema_command() -> None:
    """Print what there is to set, as JSON Schema."""
    line(msgspec.json.schema(Settings))


def _show(config: Path | None, *, as_json: bool) -> None:
    values = shown(loaded(config).settings)
    if as_json:
        line(values)
        return
    for name, value in values.items():
        say(f"{name} = {msgspec.json.encode(value).decode()}")


def _origins(read: Loaded) -> list[str]:
    values = shown(read.settings)
    return [
        f"{name} = {msgspec.json.encode(value).decode()}  ({read.origins.get(name, 'default')})"
        for name, value in values.items()
    ]


def _trust(settings: Settings) -> Iterator[Finding]:
    """Whether there is anybody whose tokens can be accepted, and who can sign in."""
    for check in (check_trust, check_sign_in):
        try:
            check(settings)
        except Malformed as error:
            yield Finding(setting=error.field or "issuer", problem=error.message)


def _told(found: list[Finding]) -> list[str]:
    return [f"{one.setting}: {one.problem}" for one in found] or ["Nothing is wrong with these."]


COMMANDS = (config_command,)
