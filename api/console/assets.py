"""What pages load: style sheets, scripts and an icon, from this service alone.

A file's address has its digest in it, so that it may be kept for ever. `vendor` holds what
`ops/console-assets` made of GOV.UK Frontend: SHA256SUMS there names its files, ORIGIN their source.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from api.openapi_page import FOREVER

FOLDER = "/console/assets"
_HERE = files("api") / "console"
_ASSETS = {
    "govuk-frontend.css": ("vendor", "text/css"),
    "govuk-frontend.js": ("vendor", "text/javascript"),
    "console.css": ("static", "text/css"),
    "supported.js": ("static", "text/javascript"),
    "start.js": ("static", "text/javascript"),
    "icon.svg": ("static", "image/svg+xml"),
}
"""Each file by its name: the folder that it is in, and its type."""


@get("/assets/{name:str}", include_in_schema=False)
async def asset(name: FromPath[str]) -> Response[bytes]:
    """What a page loads."""
    plain = _names().get(name)
    if plain is None:
        raise NotFoundException
    _, media_type = _ASSETS[plain]
    return Response(_read(plain), media_type=media_type, headers={"cache-control": FOREVER})


def address_of(name: str) -> str:
    """Where pages find the file."""
    return f"{FOLDER}/{_named(name)}"


@cache
def _names() -> dict[str, str]:
    return {_named(name): name for name in _ASSETS}


@cache
def _named(name: str) -> str:
    stem, _, ending = name.rpartition(".")
    return f"{stem}-{hashlib.sha256(_read(name)).hexdigest()[:12]}.{ending}"


@cache
def _read(name: str) -> bytes:
    folder, _ = _ASSETS[name]
    text = (_HERE / folder / name).read_bytes()
    if name != "start.js":
        return text
    # A module names what it imports by its address.
    return text.replace(b"govuk-frontend.js", address_of("govuk-frontend.js").encode())
