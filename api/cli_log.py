"""`ledger log`: the log itself, its leaves, tree and checkpoints; each command in its own file."""

from __future__ import annotations

import rich_click as click

from api import cli_audit, cli_log_receipt, cli_log_tree


@click.group("log")
def log_group() -> None:
    """The log: what was recorded, in order, and what proves it."""


for command in (*cli_log_tree.COMMANDS, *cli_log_receipt.COMMANDS, *cli_audit.COMMANDS):
    log_group.add_command(command)

COMMANDS = (log_group,)
