"""Settings before they are used: shown with every secret masked, and checked without connecting.

Not here: reading them (`settings`), or what can only be tried (`ledger doctor`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from api.outward import check_address
from api.settings import SECRET_FIELDS, Settings
from api.webhook_addresses import read_ports
from api.witness_policy import FIELD as POLICY
from api.witness_policy import read_policy
from ledger.errors import Malformed

MASK = "********"
DATABASES = ("database_url", "keys_url")
MADE_FILES = ("kek_file", "token_key_file", "receipt_key_file", "console_key_file")
"""Files that are made where they are not."""
FILES = ("jwks_file", "authzen_words_file", "tsa_chain_file", "console_client_key_file")


CHAIN_MISSING = "must name the certificates that the stamps of tsa_url are verified with"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that cannot be used, and what to do about it; never its value."""

    setting: str
    problem: str


def shown(settings: Settings) -> dict[str, object]:
    """The settings as a person may see them: secrets masked, and those inside of URLs."""
    values = msgspec.structs.asdict(settings)
    return {name: _masked(name, value) for name, value in values.items()}


def findings(settings: Settings) -> list[Finding]:
    """What is wrong with the values, as far as that can be seen from here."""
    found = [
        Finding(setting=name, problem=problem)
        for name, check in _CHECKS
        if (value := getattr(settings, name)) is not None
        for problem in check(value)
    ]
    if settings.tsa_url is not None and settings.tsa_chain_file is None:
        found.append(Finding(setting="tsa_chain_file", problem=CHAIN_MISSING))
    return found


def otlp_headers(text: str | None) -> dict[str, str]:
    """The headers that a collector is sent, from `name=value,name=value`."""
    pairs = [one.partition("=") for one in (text or "").split(",") if one.strip()]
    if any(not name.strip() or not equals for name, equals, _ in pairs):
        raise Malformed("must be name=value pairs with commas between them", field="otlp_headers")
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _masked(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if name in SECRET_FIELDS:
        return MASK
    try:
        parts = urlsplit(value)
    except ValueError:
        return value
    return urlunsplit(_masked_parts(parts)) if parts.scheme and parts.netloc else value


def _masked_parts(parts: SplitResult) -> SplitResult:
    """Without whoever signs in, and without a query, which is where keys are put."""
    _, at, host = parts.netloc.rpartition("@")
    netloc = f"{MASK}@{host}" if at else parts.netloc
    return parts._replace(netloc=netloc, query=MASK if parts.query else "")


def _database(value: str) -> Iterator[str]:
    try:
        conninfo_to_dict(value)
    except psycopg.ProgrammingError:
        yield "is neither a postgresql:// URL nor key=value pairs"


def _readable(value: str) -> Iterator[str]:
    try:
        with Path(value).open("rb") as file:
            file.read(1)
    except OSError as error:
        yield f"cannot be read: {error.strerror}"


def _makeable(value: str) -> Iterator[str]:
    path = Path(value)
    if path.exists():
        yield from _readable(value)
    elif not path.parent.is_dir():
        yield "lies in a folder that does not exist"


def _folder(value: str) -> Iterator[str]:
    path = Path(value)
    if path.exists() and not path.is_dir():
        yield "is not a folder"


def _endpoint(value: str) -> Iterator[str]:
    try:
        parts = urlsplit(value)
        whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        yield "is not an http:// or https:// URL"
    elif parts.username or parts.password or parts.query or parts.fragment:
        yield "must hold neither credentials nor a query: put what is secret into otlp_headers"


def _headers(value: str) -> Iterator[str]:
    try:
        otlp_headers(value)
    except Malformed as error:
        yield error.message


def _policy(value: str) -> Iterator[str]:
    try:
        read_policy(value)
    except Malformed as error:
        yield str(error).removeprefix(f"{POLICY}: ")


def _authority(value: str) -> Iterator[str]:
    try:
        check_address(value, field="tsa_url", plain=True)
    except Malformed as error:
        yield error.message


def _ports(value: str) -> Iterator[str]:
    try:
        read_ports(value)
    except Malformed as error:
        yield error.message


_CHECKS: tuple[tuple[str, Callable[[str], Iterator[str]]], ...] = (
    *((name, _database) for name in DATABASES),
    *((name, _makeable) for name in MADE_FILES),
    *((name, _readable) for name in FILES),
    ("data_dir", _folder),
    ("otlp_endpoint", _endpoint),
    ("otlp_headers", _headers),
    (POLICY, _policy),
    ("tsa_url", _authority),
    ("webhook_ports", _ports),
)
