"""`ledger keys`: the epochs of the key-encrypting key, made, wrapped under, and destroyed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import rich_click as click

from api.cli_service import config_option, configured, json_option
from api.cli_words import on_ledger
from api.output import line, say
from api.runtime import Runtime
from ledger.civil import london_date
from ledger.key_epochs import Epoch, Epochs
from projections.consumer_secrets import Secrets
from projections.everyone import rows


class _Count(msgspec.Struct, frozen=True, kw_only=True):
    kek_id: str
    secrets: int


@click.group("keys")
def keys_group() -> None:
    """The key-encrypting key: its epochs, and what is wrapped under each."""


@keys_group.command("status")
@config_option
@json_option
def status_command(config: Path | None, as_json: bool) -> None:
    """Show the epochs, how much is wrapped under each, and until when a backup may need it."""

    async def act(ledger: Runtime) -> list[Epoch]:
        return await (await _epochs(ledger)).all()

    for one in on_ledger(configured(config), act):
        line(one) if as_json else say(_spelt(one))


def _spelt(one: Epoch) -> str:
    text = f"{one.kek_id} {one.state}: {one.keys} keys"
    if one.backups_until is not None and one.state == "past":
        text += f"; backups may need it until {one.backups_until}"
    return text


@keys_group.command("rotate")
@config_option
@json_option
def rotate_command(config: Path | None, as_json: bool) -> None:
    """Begin a new epoch, and wrap everything under it."""

    async def act(ledger: Runtime) -> str:
        begun = ledger.kek.rotate()
        await _rewrapped(ledger)
        return begun

    begun = on_ledger(configured(config), act)
    line({"kek_id": begun}) if as_json else say(f"{begun} wraps from now on; copy the key file")


@keys_group.command("rewrap")
@config_option
@json_option
def rewrap_command(config: Path | None, as_json: bool) -> None:
    """Wrap under the newest epoch what is under an older one; safe to repeat."""
    retired = on_ledger(configured(config), _rewrapped)
    if as_json:
        line({"retired": retired})
    else:
        say("\n".join(f"nothing is under {one} any more" for one in retired) or "Nothing to do.")


@keys_group.command("destroy-epoch")
@click.argument("kek_id")
@click.option("--force", is_flag=True, help="Give up backups that are within their horizon.")
@config_option
@json_option
def destroy_command(kek_id: str, force: bool, config: Path | None, as_json: bool) -> None:
    """Destroy a past epoch: backups whose keys were wrapped under it can never be read again.

    Refused while anything is wrapped under it, and before the last backup that may need it is
    beyond its horizon.
    """

    async def act(ledger: Runtime) -> str:
        epochs = await _epochs(ledger)
        today = london_date((await ledger.store.head(0)).now)
        return await epochs.destroy(kek_id, today=today, force=force)

    mark = on_ledger(configured(config), act)
    if as_json:
        line({"kek_id": kek_id, "fingerprint": mark})
    else:
        say(f"{kek_id} is destroyed, fingerprint {mark}: destroy it in every copy of the file too")


async def _rewrapped(ledger: Runtime) -> Sequence[str]:
    """The past epochs under which nothing is wrapped any more."""
    await ledger.keys.rewrap()
    await Secrets(ledger.pool, ledger.kek, entropy=os.urandom).rewrap()
    return await (await _epochs(ledger)).retire()


async def _epochs(ledger: Runtime) -> Epochs:
    found = await rows(ledger.pool, _Count, "secrets_by_kek", {"log": 0})
    return Epochs(
        ledger.keys_pool,
        ledger.kek,
        backup_days=ledger.settings.key_backup_days,
        elsewhere={one.kek_id: one.secrets for one in found},
    )


COMMANDS = (keys_group,)
