"""Settings: defaults, then a TOML file, then the environment; secrets only from files.

An unknown key of the file, or an unknown `LEDGER_` variable, is refused: a typing error must not
become a silent default. Not here: what a setting does.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ledger.errors import Malformed

PREFIX = "LEDGER_"
SECRET_FIELDS = frozenset({"database_url", "keys_url"})
OTHER_VARIABLES = frozenset(
    {
        "LEDGER_CONFIG",
        "LEDGER_HYPOTHESIS_PROFILE",
        "LEDGER_PG_BINDIR",
        "LEDGER_PG_USER",
        "LEDGER_PYTHON",
        "LEDGER_REQUIRE_GROUPS",
        "LEDGER_SEED",
        "LEDGER_TEST_DATABASE_URL",
        "LEDGER_TOKEN",
        "LEDGER_URL",
    }
)
"""Variables that say something else than a setting."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this process runs. With `database_url` set, nothing embedded starts.

    `keys_url` is by default a second database of the same server; `origin` names the ledger in its
    leaves and is fixed when the ledger is founded.
    """

    database_url: str | None = None
    keys_url: str | None = None
    data_dir: str | None = None
    kek_file: str | None = None
    token_key_file: str | None = None
    origin: str = "ledger.localhost/demo"
    host: str = "127.0.0.1"
    port: int = 8080
    pool_size: int = 8
    body_bytes_max: int = 1_048_576
    catalogue_bytes_max: int = 4_194_304
    drain_seconds: int = 5


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings, or `Malformed` naming the key that cannot be read and where it stands."""
    named = path or (Path(environ["LEDGER_CONFIG"]) if environ.get("LEDGER_CONFIG") else None)
    values: dict[str, object] = dict(_from_file(named)) if named else {}
    values |= _from_environment(environ)
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Malformed(str(error), field="settings") from error


def shown(settings: Settings) -> dict[str, object]:
    """The settings as a person may see them: secrets masked."""
    values = msgspec.structs.asdict(settings)
    return {
        name: "********" if name in SECRET_FIELDS and value is not None else value
        for name, value in values.items()
    }


def _from_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror}", field=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed("is not TOML", field=str(path)) from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in Settings.__struct_fields__:
            found[name] = value
        elif name.removesuffix("_file") in SECRET_FIELDS and name.endswith("_file"):
            found[name.removesuffix("_file")] = _secret(Path(value), variable)
        else:
            raise Malformed("is not a setting: see `ledger config show`", field=variable)
    return found


def _secret(path: Path, variable: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"names a file that cannot be read: {error.strerror}"
        raise Malformed(message, field=variable) from error
