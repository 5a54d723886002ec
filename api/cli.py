"""The `ledger` command: every command of the group, wired from its files.

Exit codes: 0 done or permitted, 3 denied or differs, 1 failure, 2 bad usage. Not here: what a
command does.
"""

from __future__ import annotations

import sys

import rich_click as click

from api import cli_service
from api.embedded import EmbeddedError
from api.output import complain
from ledger.errors import LedgerError
from migrations import MigrationError

FAILED = 1
DIFFERS = 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def ledger() -> None:
    """A ledger of consent and legal basis."""


for command in (*cli_service.COMMANDS,):
    ledger.add_command(command)


def main() -> None:
    """Run the command; an error is one line that says what to do, never a traceback."""
    try:
        ledger.main(standalone_mode=True)
    except (LedgerError, MigrationError, EmbeddedError) as error:
        complain(str(error))
        sys.exit(FAILED)
