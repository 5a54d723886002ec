"""`ledger log checkpoint|prove|witness`: the log's tree, signed, proved, and shown to witnesses."""

from __future__ import annotations

import sys
from base64 import b64decode
from pathlib import Path
from uuid import UUID

import msgspec
import rich_click as click

from api.cli_service import config_option, configured, json_option
from api.cli_words import DIFFERS, Target, on_ledger, target, token_option, url_option
from api.log_proofs import Inclusion
from api.log_public import checked_log
from api.output import line, say
from api.remote import Service
from api.runtime import Runtime
from api.witness_policy import FIELD, asked, read_policy
from api.witnessing import witnessing
from ledger.errors import Fault, Malformed
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.note import format_note, parse_note
from ledger.tlog.proof import LogProof, format_proof, parse_proof
from projections.witnessing import Standing

UNASKED = "none"
"""In the place of a token: what is public asks for none."""
UNCOVERED = "no checkpoint covers it yet: ask again while the service runs"
log_option = click.option("--log", default=0, show_default=True, help="The number of the log.")
out_argument = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


class Witnessed(msgspec.Struct, frozen=True, kw_only=True):
    """How a log and a witness stand: entries, those that it has cosigned, and since when."""

    log: int
    witness: str
    entries: int
    cosigned: int
    age_seconds: float | None
    alarms: int


@click.command("checkpoint")
@click.option("--size", type=click.IntRange(min=0), help="An older one, by how much it covers.")
@log_option
@config_option
@url_option
def checkpoint_command(size: int | None, log: int, config: Path | None, url: str | None) -> None:
    """Print the newest checkpoint as it is signed and cosigned; keep it, and compare it later."""
    if url:
        path = "/v1/log/checkpoint" if size is None else f"/v1/log/checkpoints/{size}"
        _write(Path("-"), Service(url=url, token=UNASKED).get(path, log=log))
        return

    async def act(ledger: Runtime) -> bytes:
        note = await ledger.published.note(checked_log(ledger, log), size)
        if note is None:
            raise Fault("no such checkpoint is kept: the service signs them while it runs")
        return format_note(note)

    _write(Path("-"), on_ledger(configured(config), act))


@click.command("prove")
@click.argument("entry", required=False, type=click.UUID)
@click.option("--index", type=click.IntRange(min=0), help="The place of the leaf, from 0.")
@click.option("--out", type=out_argument, help="<index>.tlog-proof if none; - prints it.")
@log_option
@config_option
@url_option
@token_option
def prove_command(
    entry: UUID | None,
    index: int | None,
    out: Path | None,
    log: int,
    config: Path | None,
    url: str | None,
    token: str | None,
) -> None:
    """Write the proof that an entry is in the log, c2sp.org/tlog-proof, for `ledger log verify`.

    Where the entry is named by its id, the proof holds its leaf as well.
    """
    if (entry is None) == (index is None):
        raise click.UsageError("name an ENTRY, or its --index")
    where = target(configured(config), url=url, token=token)
    proof = _proof_of(where, entry) if entry else _proof_at(where, log, index or 0)
    out = out or Path(f"{proof.index}.tlog-proof")
    _write(out, format_proof(proof))
    if str(out) != "-":
        say(f"{out}: leaf {proof.index} under a checkpoint of {_size(proof)} entries")


@click.command("witness")
@click.option("--settle", metavar="KEY-NAME", help="Settle the alarms of this witness.")
@config_option
@json_option
def witness_command(settle: str | None, config: Path | None, as_json: bool) -> None:
    """Have each witness asked now for whom it is time, and show how they stand.

    A witness is asked once a minute at most, whoever asks. Exit 3 where an alarm is not settled.
    """

    async def act(ledger: Runtime) -> list[Witnessed]:
        policy = read_policy(ledger.settings.witness_policy_file)
        if policy is None:
            raise Malformed("names no file: see ops/docs/witnesses.md", field=FIELD)
        logs = range(ledger.identity.logs)
        async with witnessing(ledger) as follower:
            for log in logs if settle else ():
                await follower.settle(log, settle or "")
            await follower.look()
            return [
                _witnessed(log, one.key.name, await follower.standing(log, one))
                for log in logs
                for one in asked(policy)
            ]

    found = on_ledger(configured(config), act)
    for one in found:
        line(one) if as_json else say(_shown(one))
    if any(one.alarms for one in found):
        sys.exit(DIFFERS)


def _proof_of(where: Target, entry: UUID) -> LogProof:
    if where.service is not None:
        return parse_proof(where.service.get(f"/v1/log/proof/{entry}"))

    async def act(ledger: Runtime) -> LogProof | None:
        found = await ledger.published.entry(entry)
        if found is None:
            raise Malformed("is the id of no entry", field="ENTRY")
        log, row = found
        return await ledger.published.proof(log, row.n - 1, extra=row.leaf or None)

    return _covered(where.on_ledger(act))


def _proof_at(where: Target, log: int, index: int) -> LogProof:
    if where.service is not None:
        return _proof_over_http(where.service, log, index)

    async def act(ledger: Runtime) -> LogProof | None:
        return await ledger.published.proof(checked_log(ledger, log), index)

    return _covered(where.on_ledger(act))


def _proof_over_http(service: Service, log: int, index: int) -> LogProof:
    note = parse_note(service.get("/v1/log/checkpoint", log=log))
    size = parse_checkpoint(note.text).size
    if index >= size:
        raise Fault(UNCOVERED)
    text = service.get("/v1/log/proofs/inclusion", log=log, index=index, size=size)
    hashes = msgspec.json.decode(text, type=Inclusion).proof
    return LogProof(index=index, hashes=tuple(b64decode(one) for one in hashes), checkpoint=note)


def _covered(proof: LogProof | None) -> LogProof:
    if proof is None:
        raise Fault(UNCOVERED)
    return proof


def _size(proof: LogProof) -> int:
    return parse_checkpoint(proof.checkpoint.text).size


def _write(path: Path, data: bytes) -> None:
    if str(path) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        path.write_bytes(data)
    except OSError as error:
        raise Malformed(f"cannot be written: {error.strerror}", field=str(path)) from error


def _witnessed(log: int, name: str, standing: Standing) -> Witnessed:
    return Witnessed(
        log=log,
        witness=name,
        entries=standing.head,
        cosigned=standing.seen,
        age_seconds=standing.age,
        alarms=standing.alarms,
    )


def _shown(one: Witnessed) -> str:
    age = "never" if one.age_seconds is None else f"{one.age_seconds:.0f} s ago"
    alarms = f"; {one.alarms} alarms are not settled" if one.alarms else ""
    return f"log {one.log}, {one.witness}: {one.cosigned} of {one.entries} entries, {age}{alarms}"


COMMANDS = (checkpoint_command, prove_command, witness_command)
