"""Settings: defaults, then a TOML file, then the environment; secrets only from files.

An unknown key of the file, or an unknown `LEDGER_` variable, is refused: a typing error must not
become a silent default. Not here: what a setting does.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from api.grants import GrantTable
from ledger.errors import Malformed

PREFIX = "LEDGER_"
SECRET_FIELDS = frozenset({"console_client_secret", "database_url", "keys_url", "otlp_headers"})
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

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[int, msgspec.Meta(ge=0)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
"""Requests a second for each client; 0 sets no limit."""
Burst = Annotated[int, msgspec.Meta(ge=1)]
PublicUrl = Annotated[str, msgspec.Meta(pattern=r"^https://[^/?#@\s]+$")]
"""As callers know this service: `https://` and a host, without a path or a slash at its end."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this process runs. With `database_url` set, nothing embedded starts.

    `keys_url` is by default a second database of the same server; `origin` names the ledger in its
    leaves and is fixed when the ledger is founded. A backup of the key database is kept for
    `key_backup_days`. `otlp_endpoint` is the base address of a collector, `otlp_headers` what it
    wants to be told: `name=value,name=value`. A `metrics_port` of 0 is none.
    """

    database_url: str | None = None
    keys_url: str | None = None
    data_dir: str | None = None
    kek_file: str | None = None
    key_backup_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 35
    token_key_file: str | None = None
    issuer: str | None = None
    audience: str | None = None
    jwks_url: str | None = None
    jwks_file: str | None = None
    jwks_grace_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 3600
    jwt_algorithms: str = "RS256 PS256 ES256 EdDSA"
    accept_plain_jwt: bool = False
    grants: dict[str, GrantTable] = {}
    origin: str = "ledger.localhost/demo"
    host: str = "127.0.0.1"
    port: Port = 8080
    pool_size: int = 8
    body_bytes_max: int = 1_048_576
    catalogue_bytes_max: int = 4_194_304
    body_seconds: Seconds = 30
    concurrent_max: Annotated[int, msgspec.Meta(ge=1)] = 256
    feed_buffer: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    feed_checkpoint_seconds: Annotated[int, msgspec.Meta(ge=1, le=15)] = 15
    feed_consumers_max: Annotated[int, msgspec.Meta(ge=1)] = 1000
    webhook_ports: str = "443"
    webhook_loopback: bool = False
    webhooks_at_once: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 64
    webhook_disabled_after_hours: Annotated[int, msgspec.Meta(ge=1)] = 120
    withdrawal_overdue_hours: Annotated[int, msgspec.Meta(ge=1)] = 24
    rate_limit_per_second: Rate = 1000
    rate_limit_burst: Burst = 2000
    resolve_limit_per_second: Rate = 10
    resolve_limit_burst: Burst = 100
    tls_in_front: bool = False
    drain_seconds: Seconds = 5
    metrics_host: str = "127.0.0.1"
    metrics_port: Port = 9464
    otlp_endpoint: str | None = None
    otlp_headers: str | None = None
    trace_sample_ratio: Ratio = 0.1
    projection_lag_seconds_max: Seconds = 900
    public_url: PublicUrl | None = None
    authzen_words_file: str | None = None
    signer_sockets: str | None = None
    receipt_key_file: str | None = None
    witness_policy_file: str | None = None
    tsa_url: str | None = None
    tsa_chain_file: str | None = None
    console_issuer: str | None = None
    console_client_id: str | None = None
    console_client_secret: str | None = None
    console_client_key_file: str | None = None
    console_scope: str = "openid profile"
    console_person_claim: str = "sub"
    console_roles_claim: str = "groups"
    console_roles: dict[str, GrantTable] = {}
    console_key_file: str | None = None


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """The settings, and where each one that is not a default comes from: a file or a variable."""

    settings: Settings
    origins: dict[str, str]


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings, or `Malformed` naming the key that cannot be read and where it stands."""
    return loaded(path, environ).settings


def loaded(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """The settings with their origins, or `Malformed` as `load` raises it."""
    named = path or (Path(environ["LEDGER_CONFIG"]) if environ.get("LEDGER_CONFIG") else None)
    values: dict[str, object] = dict(_from_file(named)) if named else {}
    origins = dict.fromkeys(values, str(named))
    for name, (variable, value) in _from_environment(environ).items():
        values[name], origins[name] = value, variable
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Malformed(str(error), field=_misread(error, origins)) from error
    return Loaded(settings=settings, origins=origins)


def _misread(error: msgspec.ValidationError, origins: Mapping[str, str]) -> str:
    """Where the value stands that could not be read; msgspec ends with the path: at `$.port`."""
    _, _, name = str(error).rpartition("$.")
    name = name.rstrip("`")
    return f"{origins[name]}: {name}" if name in origins else "settings"


def _from_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror}", field=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed("is not TOML", field=str(path)) from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What variables set: by name, the variable and its value."""
    found: dict[str, tuple[str, str]] = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in Settings.__struct_fields__:
            found[name] = variable, value
        elif name.removesuffix("_file") in SECRET_FIELDS and name.endswith("_file"):
            name = name.removesuffix("_file")
            if name in found:
                raise Malformed(f"is set as well as {found[name][0]}: which one?", field=variable)
            found[name] = variable, _secret(Path(value), variable)
        else:
            raise Malformed("is not a setting: see `ledger config show`", field=variable)
    return found


def _secret(path: Path, variable: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"names a file that cannot be read: {error.strerror}"
        raise Malformed(message, field=variable) from error
