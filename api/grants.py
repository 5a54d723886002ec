"""How a grant comes about: what a token says, narrowed by what the settings say of its client.

For each of scopes, purposes and entry types: where both name some, those that both name; where one
does, those; where neither does, none. Not here: what a grant allows (`access`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from api.access import Client, Grant, Scope, Unauthenticated
from ledger.events import BY_NAME
from ledger.events.base import PurposeOrAll

DETAIL: Final = "ledger"
"""The type of our authorization details (RFC 9396)."""
EVERY = "*"

Words = Annotated[tuple[str, ...], msgspec.Meta(max_length=1000)]


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one source names; None is what it does not speak of, "*" is every one."""

    scopes: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    entry_types: tuple[str, ...] | None = None


EntryTypeOrAll = Annotated[
    str, msgspec.Meta(pattern=rf"^({'|'.join(BY_NAME)}|\*)$", description="a type of entry, or *")
]


class GrantTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[grants.<client id>]` of the settings file: what the client's tokens are narrowed to."""

    scopes: tuple[Scope, ...] | None = None
    purposes: tuple[PurposeOrAll, ...] | None = None
    entry_types: tuple[EntryTypeOrAll, ...] | None = None

    def named(self) -> Named:
        """What the table names."""
        return Named(scopes=self.scopes, purposes=self.purposes, entry_types=self.entry_types)


class _Detail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: Literal["ledger"]
    locations: Words | None = None
    purposes: Words | None = None
    entry_types: Words | None = None


def named_by(claims: dict[str, Any], *, audience: str) -> Named:
    """What the token names in `scope` (RFC 8693) and `authorization_details` (RFC 9396).

    Raises `Unauthenticated` for a detail that cannot be read whole, since what is left out of it
    could only be a limit.
    """
    scope = claims.get("scope")
    if scope is not None and not isinstance(scope, str):
        raise Unauthenticated("the token has no scope that can be read")
    detail = _detail(claims.get("authorization_details"), audience)
    return Named(
        scopes=None if scope is None else tuple(scope.split()),
        purposes=detail.purposes,
        entry_types=detail.entry_types,
    )


def client_from(name: str, sources: Sequence[Named]) -> Client:
    """The client with what these sources together allow."""
    return Client(
        id=name,
        scopes=_named_by_all([one.scopes for one in sources]),
        grant=Grant(
            purposes=_granted([one.purposes for one in sources]),
            entry_types=_granted([one.entry_types for one in sources]),
        ),
    )


def _detail(details: object, audience: str) -> _Detail:
    """The one detail that is for this service; where there is none, one that names nothing."""
    if details is None:
        return _Detail(type=DETAIL)
    if not isinstance(details, list):
        raise Unauthenticated("the token has authorization_details that cannot be read")
    ours = [one for one in details if isinstance(one, dict) and one.get("type") == DETAIL]
    try:
        read = [msgspec.convert(one, _Detail) for one in ours]
    except msgspec.ValidationError:
        raise Unauthenticated("the token has a detail of type ledger that cannot be read") from None
    here = [one for one in read if one.locations is None or audience in one.locations]
    if len(here) > 1:
        # Each has its own purposes for its own types: together they would allow more than either.
        raise Unauthenticated("the token has more than one detail of type ledger")
    return here[0] if here else _Detail(type=DETAIL)


def _granted(named: Sequence[tuple[str, ...] | None]) -> frozenset[str] | None:
    """What the sources name together; None is every one."""
    limits = [one for one in named if one is not None and EVERY not in one]
    if not limits and any(one is not None for one in named):
        return None
    return _named_by_all(limits)


def _named_by_all(named: Sequence[tuple[str, ...] | None]) -> frozenset[str]:
    """What every source names that names some, and nothing where none does."""
    sets = [frozenset(one) for one in named if one is not None]
    return frozenset.intersection(*sets) if sets else frozenset()
