"""`ledger log receipt|verify`: a receipt asked for or printed, and what its holder can check."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

import msgspec
import rich_click as click

from api.cli_service import config_option, configured, json_option
from api.cli_words import (
    DIFFERS,
    file_argument,
    file_bytes,
    in_file,
    target,
    token_option,
    url_option,
)
from api.holding import claims, read_hash, read_held, read_keys, shown
from api.output import complain, line, say
from api.receipt_page import page
from api.receipts import Receipt
from api.runtime import Runtime
from ledger.errors import Fault, Malformed


@click.command("receipt")
@click.argument("entry", type=click.UUID)
@click.option("--print", "printed", is_flag=True, help="As a page for people, with a code to scan.")
@config_option
@url_option
@token_option
def receipt_command(
    entry: UUID, printed: bool, config: Path | None, url: str | None, token: str | None
) -> None:
    """Print the receipt of an entry, to be given to whom it is about.

    The page names the ledger, the entry's number, the moment and a fingerprint: nobody, and not
    what was recorded.
    """
    where = target(configured(config), url=url, token=token)
    if where.service is not None:
        text = where.service.get(f"/v1/log/receipts/{entry}")
        receipt = msgspec.json.decode(text, type=Receipt)
    else:

        async def act(ledger: Runtime) -> Receipt:
            found = await ledger.published.entry(entry)
            if found is None:
                raise Malformed("is the id of no entry", field="ENTRY")
            log, row = found
            proof = await ledger.published.proof(log, row.n - 1)
            return ledger.receipts.receipt(log, row, proof=proof)

        receipt = where.on_ledger(act)
    if printed:
        sys.stdout.write(page(receipt))
    else:
        line(receipt)


@click.command("verify")
@click.argument("file", type=file_argument)
@click.option(
    "--vkey", "vkeys", multiple=True, required=True, help="A key to believe. May be repeated."
)
@click.option("--leaf-hash", help="The leaf's, where a proof file holds no leaf.")
@json_option
def verify_command(
    file: Path, vkeys: tuple[str, ...], leaf_hash: str | None, as_json: bool
) -> None:
    """Check a receipt, or a proof file, without asking anybody.

    Take the keys from elsewhere than the file: the log's, that of its receipts, and those of
    witnesses. Exit 0 where something was shown and nothing failed, 3 otherwise.
    """
    keys = read_keys(vkeys)
    hash_ = None if leaf_hash is None else read_hash(leaf_hash)
    try:
        found = list(claims(read_held(file_bytes(file), hash_=hash_), keys))
    except (Fault, Malformed) as error:
        raise in_file(file, error) from error
    for one in found:
        line(one) if as_json else say(f"{one.claim}: {one.result} {one.text}")
    if not shown(found):
        complain("nothing is shown by this file with these keys")
        sys.exit(DIFFERS)


COMMANDS = (receipt_command, verify_command)
