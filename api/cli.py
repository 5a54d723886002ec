"""The `ledger` command: every command of the group, wired from its files.

Exit codes: 0 done or permitted, 3 denied or differs, 1 failure, 2 bad usage. Not here: what a
command does.
"""

from __future__ import annotations

import sys

import psycopg
import rich_click as click

from api import (
    cli_ask,
    cli_care,
    cli_catalogue,
    cli_compare,
    cli_config,
    cli_demo,
    cli_erase,
    cli_keys,
    cli_log,
    cli_pack,
    cli_record,
    cli_replay,
    cli_scenario,
    cli_service,
    cli_signer,
    cli_timeline,
    cli_transfer,
)
from api.cli_words import DIFFERS, FAILED
from api.embedded import EmbeddedError
from api.output import complain
from api.remote import EntryRefused
from ledger.errors import LedgerError
from migrations import MigrationError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def ledger() -> None:
    """A ledger of consent and legal basis."""


for command in (
    *cli_service.COMMANDS,
    *cli_signer.COMMANDS,
    *cli_config.COMMANDS,
    *cli_record.COMMANDS,
    *cli_ask.COMMANDS,
    *cli_replay.COMMANDS,
    *cli_scenario.COMMANDS,
    *cli_catalogue.COMMANDS,
    *cli_transfer.COMMANDS,
    *cli_timeline.COMMANDS,
    *cli_demo.COMMANDS,
    *cli_care.COMMANDS,
    *cli_compare.COMMANDS,
    *cli_log.COMMANDS,
    *cli_pack.COMMANDS,
    *cli_erase.COMMANDS,
    *cli_keys.COMMANDS,
):
    ledger.add_command(command)


def main() -> None:
    """Run the command; an error is one line that says what to do, never a traceback."""
    try:
        code = ledger.main(standalone_mode=False)
    except EntryRefused as error:
        code = _told(str(error), DIFFERS)
    except (LedgerError, MigrationError, EmbeddedError) as error:
        code = _told(str(error), FAILED)
    except psycopg.Error as error:
        code = _told(f"the database refused: {error}", FAILED)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "ledger"
        code = _told(f"{error.format_message()} See `{path} --help`.", error.exit_code)
    except click.ClickException as error:
        code = _told(error.format_message(), error.exit_code)
    except click.Abort:
        code = _told("interrupted: nothing was left half done", FAILED)
    sys.exit(code if isinstance(code, int) else 0)


def _told(text: str, code: int) -> int:
    complain(" ".join(text.split()))
    return code
