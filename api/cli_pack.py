"""`ledger pack`: evidence for somebody who believes nothing but mathematics, made and verified."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import msgspec
import rich_click as click

from api.bar import bar
from api.cli_asking import left
from api.cli_service import config_option, configured, json_option
from api.cli_words import file_argument, file_bytes, on_ledger, subject_of
from api.output import line, say
from api.packing import enclosed, made_now, sources
from api.runtime import Runtime
from ledger.civil import parse_instant
from ledger.errors import Malformed
from ledger.terms import Operation
from projections.packs import pdf
from projections.packs.build import Pack, build
from projections.packs.files import texts_of
from projections.packs.order import Order, Withhold, checked, moment_of
from projections.packs.verifier import main as verifier
from projections.read_audit import sha256, written_instant

CLASSES = ("ordinary", "special", "offence")
_UNMADE = datetime(1, 1, 1, tzinfo=UTC)
"""Before the ledger is asked what time it is."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A pack in its file."""

    file: str
    sha256: str
    bytes: int
    position: str
    made_at: str
    entries: int
    answers: int
    withheld: int


@click.group("pack")
def pack_group() -> None:
    """Evidence packs: what a stranger needs to check the record without us."""


@pack_group.command("build")
@click.option("--subject", help="Whom it is about; without one, it is about a purpose alone.")
@click.option("--purpose", "purposes", multiple=True, help="May be repeated; all if none.")
@click.option("--from", "start", help="Answers that were given from this instant on.")
@click.option("--until", "end", help="And before this one.")
@click.option("--at", "moments", multiple=True, help="An instant or a day to ask about; repeated.")
@click.option("--operation", default="USE", show_default=True, help="USE, COLLECT, SHARE, STORE.")
@click.option(
    "--data", default="ordinary", show_default=True, help="A class, or category ids with commas."
)
@click.option("--recipient", help="To whom, for SHARE.")
@click.option(
    "--withhold",
    "withheld",
    multiple=True,
    metavar="[ENTRY:]FIELD=REASON",
    help="A field to leave out, of one entry or of all; the reason stands in the pack.",
)
@click.option("--notice", "notices", type=file_argument, multiple=True, help="A notice's text.")
@click.option("--no-pdf", is_flag=True, help="Make no PDF, even where the extra is installed.")
@click.option("--out", required=True, type=file_argument, help="The file to write.")
@config_option
@json_option
def build_command(
    out: Path,
    notices: tuple[Path, ...],
    no_pdf: bool,
    config: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Write a pack about a person, or about a purpose.

    It holds personal data in clear: the file is readable by you alone. Without --at the moments are
    those of the complaints that are recorded.
    """
    settings = configured(config)
    texts = texts_of(file_bytes(one) for one in notices)
    asked_for = checked(_order(asked))

    async def act(ledger: Runtime) -> Pack:
        now = (await ledger.reader.own()).head.now
        order = msgspec.structs.replace(asked_for, made_at=now)
        with bar("building") as progress:
            pack = await build(
                sources(ledger, progress.of),
                order,
                enclosed(ledger, texts),
                with_pdf=pdf.can_be_made() and not no_pdf,
            )
        await left(ledger, "ledger pack build", [made_now(pack)])
        return pack

    pack = on_ledger(settings, act)
    _write(out, pack.data)
    done = _written(out, pack)
    line(done) if as_json else say(_spelt(done))


@pack_group.command("verify")
@click.argument("file", type=file_argument)
@click.option(
    "--policy", required=True, type=file_argument, help="Whom to believe: c2sp.org/tlog-policy."
)
@click.option("--receipt", "receipts", type=file_argument, multiple=True, help="One that you hold.")
@click.option("--receipt-key", help="The verifier key of the log's receipts.")
@click.option("--no-recompute", is_flag=True, help="Do not recompute answers.")
@json_option
def verify_command(
    file: Path,
    policy: Path,
    receipts: tuple[Path, ...],
    receipt_key: str | None,
    no_recompute: bool,
    as_json: bool,
) -> None:
    """Verify a pack, from its bytes alone: no ledger, no database, no network.

    It is the verifier that a stranger runs, and that packs hold a copy of. Exit 0 where the pack
    holds, 3 where a claim failed, 2 where a file cannot be read.
    """
    words = [str(file), "--policy", str(policy)]
    words += [word for one in receipts for word in ("--receipt", str(one))]
    words += ["--receipt-key", receipt_key] if receipt_key else []
    words += [*["--no-recompute"] * no_recompute, *["--json"] * as_json]
    sys.exit(verifier.main(words))


def _order(asked: dict[str, Any]) -> Order:
    data = asked["data"]
    try:
        operation = msgspec.convert(asked["operation"], Operation)
    except msgspec.ValidationError:
        message = f"is one of {', '.join(get_args(Operation))}"
        raise Malformed(message, field="--operation") from None
    return Order(
        made_at=_UNMADE,
        subject=subject_of(asked["subject"]) if asked["subject"] else None,
        purposes=asked["purposes"] or None,
        start=parse_instant(asked["start"], field="--from") if asked["start"] else None,
        end=parse_instant(asked["end"], field="--until") if asked["end"] else None,
        at=tuple(moment_of(one, field="--at") for one in asked["moments"]),
        operation=operation,
        data=data if data in CLASSES else tuple(word.strip() for word in data.split(",")),
        recipient=asked["recipient"],
        withhold=tuple(_withhold(one) for one in asked["withheld"]),
    )


def _withhold(text: str) -> Withhold:
    """`[ENTRY:]FIELD=REASON`."""
    name, equals, reason = text.partition("=")
    entry, colon, field = name.rpartition(":")
    if not equals or not field:
        raise Malformed("is [ENTRY:]FIELD=REASON", field="--withhold")
    try:
        return Withhold(field, reason, UUID(entry) if colon else None)
    except ValueError:
        message = "names an entry by its id, a UUID as `ledger timeline` shows it"
        raise Malformed(message, field="--withhold") from None


def _write(file: Path, data: bytes) -> None:
    """The whole file or none, for this account alone: written beside, and then put in its place."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(descriptor)
        draft.replace(file)
    except OSError as error:
        raise Malformed(f"cannot be written: {error.strerror}", field=str(file)) from error
    finally:
        draft.unlink(missing_ok=True)


def _written(file: Path, pack: Pack) -> Written:
    return Written(
        file=str(file),
        sha256=sha256(pack.data).hex(),
        bytes=len(pack.data),
        position=pack.position,
        made_at=written_instant(pack.order.made_at),
        entries=pack.entries,
        answers=pack.answers,
        withheld=pack.withheld,
    )


def _spelt(done: Written) -> str:
    return (
        f"{done.file}: {done.entries} entries, complete to {done.position};"
        f" {done.answers} answers; {done.withheld} fields withheld\nSHA-256 {done.sha256}"
    )


COMMANDS = (pack_group,)
