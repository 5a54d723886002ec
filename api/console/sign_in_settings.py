"""How people sign in to the console, from the settings: at an external provider, or the local one.

The local provider is for what somebody tries on their own machine: it is there only where tokens
are the local issuer's, and nobody else can reach the service or is meant to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from api.console.local_provider import CLIENT_ID, ROLES, ROLES_CLAIM, LocalProvider
from api.console.oidc import RelyingParty
from api.console.oidc_claims import Naming
from api.console.oidc_client import RegisteredClient, read_client_key
from api.console.oidc_provider import Discovery
from api.console.session import LASTS_SECONDS, SKEW_SECONDS, CookieSessions
from api.console.session_ended import FOLDER, Ended
from api.console.session_seal import KEY_FILE, Seals
from api.console.sign_in import CALLBACK, SignIn
from api.console.sign_in_flow import Flows
from api.grants import GrantTable
from api.settings import Settings
from api.tokens import Expected, Tokens
from api.trust import SKEW_SECONDS as ISSUER_SKEW_SECONDS
from api.trust import algorithms_of, external, is_loopback, is_safe
from ledger.errors import Malformed

ISSUER_CHARACTERS_MAX = 300
_OF_A_PROVIDER = ("console_client_id", "console_client_secret", "console_client_key_file")


class Provided(msgspec.Struct, frozen=True, kw_only=True):
    """A provider, and what is expected of it."""

    issuer: str
    client: RegisteredClient
    naming: Naming
    roles: Mapping[str, GrantTable]
    scope: str
    algorithms: frozenset[str]


def sign_in_by(
    settings: Settings, folder: Path, *, port: int, tokens: Tokens, demo: bool
) -> SignIn | None:
    """How people sign in at the console on this port; None where it is not set up.

    `tokens` are those accepted here. Raises `Malformed` naming a setting that cannot be used.
    """
    origin = origin_of(settings, port)
    provided, local = external_provider(settings), None
    if origin is None:
        return None
    if provided is None:
        if not has_local(settings):
            return None
        local = LocalProvider(origin, origin + CALLBACK, tokens=None if demo else tokens)
        provided = _local(local)
    seals = Seals.at(_key_file(settings, folder))
    party = RelyingParty(
        Discovery(provided.issuer),
        provided.client,
        expected=Expected(
            issuer=provided.issuer,
            audience=provided.client.name,
            algorithms=provided.algorithms,
            skew=ISSUER_SKEW_SECONDS,
            plain=True,
        ),
        naming=provided.naming,
        redirect_uri=origin + CALLBACK,
        scope=provided.scope,
    )
    return SignIn(
        origin=origin,
        sessions=_sessions(seals, folder, origin, provided),
        flows=Flows(seals),
        party=party,
        local=local,
    )


def check_sign_in(settings: Settings) -> None:
    """Raise `Malformed` naming a setting of sign-in that is missing or cannot be used."""
    external_provider(settings)


def has_local(settings: Settings) -> bool:
    """Whether the local provider is there."""
    ours = external(settings) is None and settings.database_url is None
    alone = settings.public_url is None and not settings.tls_in_front
    return ours and alone and settings.console_issuer is None and is_loopback(settings.host)


def origin_of(settings: Settings, port: int) -> str | None:
    """The origin of the console as browsers know it; None where nobody can tell."""
    if settings.public_url is not None:
        parts = urlsplit(settings.public_url.lower())
        return f"{parts.scheme}://{parts.netloc.removesuffix(':443')}"
    if not is_loopback(settings.host):
        return None
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{port}".removesuffix(":80")


def external_provider(settings: Settings) -> Provided | None:
    """The external provider, None where no setting names one; raises `Malformed`."""
    issuer = settings.console_issuer
    if issuer is None:
        given = [name for name in _OF_A_PROVIDER if getattr(settings, name) is not None]
        given += ["console_roles"] if settings.console_roles else []
        if given:
            raise Malformed("is for an external provider: set `console_issuer`", field=given[0])
        return None
    if not is_safe(issuer) or urlsplit(issuer).query or len(issuer) > ISSUER_CHARACTERS_MAX:
        message = "must be an https:// URL without a query (http:// on loopback only)"
        raise Malformed(message, field="console_issuer")
    if settings.public_url is None and not is_loopback(settings.host):
        message = "must be set, so that the provider knows where to send people back to"
        raise Malformed(message, field="public_url")
    if "openid" not in settings.console_scope.split():
        raise Malformed("must hold openid", field="console_scope")
    if not settings.console_roles:
        message = "must have a table for each role that may sign in: nobody else may"
        raise Malformed(message, field="console_roles")
    return Provided(
        issuer=issuer,
        client=_client(settings),
        naming=Naming(
            person=settings.console_person_claim,
            roles_claim=settings.console_roles_claim,
            roles=tuple(settings.console_roles),
        ),
        roles=settings.console_roles,
        scope=settings.console_scope,
        algorithms=algorithms_of(settings.jwt_algorithms),
    )


def _client(settings: Settings) -> RegisteredClient:
    if settings.console_client_id is None:
        message = "must be set as well: how the provider knows this console"
        raise Malformed(message, field="console_client_id")
    named = settings.console_client_key_file
    if named is not None and settings.console_client_secret is not None:
        message = "or `console_client_secret`: set one of them"
        raise Malformed(message, field="console_client_key_file")
    key = read_client_key(Path(named), field="console_client_key_file") if named else None
    return RegisteredClient(
        settings.console_client_id, secret=settings.console_client_secret, key=key
    )


def _local(local: LocalProvider) -> Provided:
    return Provided(
        issuer=local.issuer,
        client=RegisteredClient(CLIENT_ID),
        naming=Naming(person="sub", roles_claim=ROLES_CLAIM, roles=tuple(ROLES)),
        roles=ROLES,
        scope="openid profile",
        algorithms=algorithms_of("ES256"),
    )


def _sessions(seals: Seals, folder: Path, origin: str, provided: Provided) -> CookieSessions:
    return CookieSessions(
        seals,
        Ended(folder / FOLDER, keep_s=LASTS_SECONDS + SKEW_SECONDS),
        origin=origin,
        provider=provided.issuer,
        roles=provided.roles,
    )


def _key_file(settings: Settings, folder: Path) -> Path:
    return Path(settings.console_key_file) if settings.console_key_file else folder / KEY_FILE
