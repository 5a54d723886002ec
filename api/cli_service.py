"""Commands that run the service or look after it: serve, token, migrate."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from api.access import SCOPES, Scope
from api.console.sign_in_settings import check_sign_in
from api.issuer import EVERY
from api.output import line, say
from api.runtime import Runtime, folder_of, places, prepare
from api.serving import serve, stopped_by_a_signal
from api.settings import Settings, load
from api.trust import check_local, check_trust, local_issuer
from ledger.events import BY_NAME

TOKEN_SECONDS = 8 * 60 * 60


def configured(config: Path | None) -> Settings:
    """The settings of this call."""
    return load(config)


config_option = click.option(
    "--config", type=click.Path(dir_okay=False, path_type=Path), help="A TOML file of settings."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("serve")
@config_option
def serve_command(config: Path | None) -> None:
    """Serve the HTTP API, with PostgreSQL started beside it where no database is set."""
    settings = configured(config)
    check_trust(settings)
    check_sign_in(settings)
    with stopped_by_a_signal(), places(settings) as where:
        if where.warning:
            say(where.warning)
        prepare(where, settings)

        def ready(_: Runtime) -> None:
            say(f"Serving on http://{settings.host}:{settings.port}")

        serve(where, settings, ready=ready)


@click.command("token")
@config_option
@click.option("--client", default="local", show_default=True, help="The id entries will carry.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="All if none.")
@click.option("--purpose", "purposes", multiple=True, help="A purpose of its grant; all if none.")
@click.option(
    "--entry-type",
    "entry_types",
    multiple=True,
    type=click.Choice(["*", *BY_NAME]),
    metavar="TYPE",
    help="What it may record; all if none.",
)
@click.option("--seconds", default=TOKEN_SECONDS, show_default=True)
def token_command(
    config: Path | None,
    client: str,
    scopes: tuple[Scope, ...],
    purposes: tuple[str, ...],
    entry_types: tuple[str, ...],
    seconds: int,
) -> None:
    """Print a bearer token of the local issuer, which is the embedded default's."""
    settings = configured(config)
    check_local(settings)
    folder_of(settings).mkdir(parents=True, exist_ok=True)
    say(
        local_issuer(settings).token(
            client,
            scopes or SCOPES,
            seconds=seconds,
            purposes=purposes or EVERY,
            entry_types=entry_types or EVERY,
        )
    )


@click.command("migrate")
@config_option
@json_option
def migrate_command(config: Path | None, as_json: bool) -> None:
    """Bring both databases to this release and found the ledger."""
    settings = configured(config)
    with places(settings) as where:
        identity, done = prepare(where, settings)
    if as_json:
        line({"origin": identity.origin, "logs": identity.logs, "applied": done})
        return
    say("\n".join(done) or "Nothing to do: both databases are at this release.")


COMMANDS = (serve_command, token_command, migrate_command)
