"""The local provider's endpoints and its page; there is nothing here where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.exceptions import NotFoundException

from api.access import Unauthenticated
from api.body import AnyRequest
from api.console import forms
from api.console.local_provider import IDENTITIES, Asked, Identity, LocalProvider, Refused
from api.console.moments import Fault
from api.console.session import check_origin
from api.console.shell import page, see_other
from api.console.sign_in import any_parameters, read_parameters, sign_in_of
from api.limits import UNBOUNDED
from ledger.errors import Malformed

JSON = "application/json"
FOLDER = "/demo-provider"
_WANTED = "Paste a token of `ledger token` that may do what this role may"
TITLE = "Demo sign-in: choose who to be"


def _provider(request: AnyRequest) -> LocalProvider:
    """The provider, for somebody on this machine; for anybody else there is none."""
    local = sign_in_of(request).local
    if local is None or not local.is_here(request):
        raise NotFoundException
    return local


# The console asks these while it holds a place itself: they must not wait for one.


@get(f"{FOLDER}/.well-known/openid-configuration", opt={UNBOUNDED: True})
async def configuration(request: AnyRequest) -> Response[bytes]:
    """What the provider says of itself."""
    return _json(_provider(request).metadata())


@get(f"{FOLDER}/jwks", opt={UNBOUNDED: True})
async def jwks(request: AnyRequest) -> Response[bytes]:
    """Its keys."""
    return _json(_provider(request).jwks())


@get(f"{FOLDER}/authorize", before_request=any_parameters)
async def authorize(request: AnyRequest) -> Response[bytes]:
    """The page that asks who to be."""
    local = _provider(request)
    local.asked(read_parameters(request))
    return _choice(request, local)


@post(f"{FOLDER}/authorize", before_request=any_parameters, status_code=303)
async def chosen(request: AnyRequest) -> Response[bytes]:
    """The way back to the console."""
    local = _provider(request)
    asked = local.asked(read_parameters(request))
    sent = await forms.fields(request)
    check_origin(request, sign_in_of(request).origin)
    identity = next((one for one in IDENTITIES if one.sub == sent.get("identity")), None)
    if identity is None:
        return _choice(request, local, [Fault("identity", "Choose who to be")])
    return await _vouched(request, local, asked, identity, sent.get("token", ""))


@post(f"{FOLDER}/token", opt={UNBOUNDED: True}, status_code=200)
async def token(request: AnyRequest) -> Response[bytes]:
    """An ID token for a code."""
    local = _provider(request)
    try:
        return _json(local.exchanged(await forms.fields(request)))
    except Refused as error:
        return _json({"error": str(error)}, status_code=400)
    except Malformed:
        return _json({"error": "invalid_request"}, status_code=400)


ROUTES = [configuration, jwks, authorize, chosen, token]


async def _vouched(
    request: AnyRequest, local: LocalProvider, asked: Asked, identity: Identity, given: str
) -> Response[bytes]:
    try:
        await local.check_token(given.strip(), identity)
    except Unauthenticated:
        return _choice(request, local, [Fault("token", _WANTED)])
    return see_other(local.leads_to(asked, identity))


def _choice(
    request: AnyRequest, local: LocalProvider, errors: Sequence[Fault] = ()
) -> Response[bytes]:
    """The page, with what is wrong with what was sent."""
    query = request.scope["query_string"].decode("ascii")
    shown = {
        "action": f"{request.scope['path']}?{query}",
        "identities": IDENTITIES,
        "guarded": local.guarded,
        "errors": errors,
    }
    code = 400 if errors else 200
    return page(request, "local_provider.html", shown, title=TITLE, status_code=code)


def _json(said: dict[str, Any], *, status_code: int = 200) -> Response[bytes]:
    return Response(msgspec.json.encode(said), status_code=status_code, media_type=JSON)
