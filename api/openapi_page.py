"""`/docs`: the OpenAPI document for people, in Swagger UI, from this service alone.

The page's own policy (CSP) lets it load what is here and ask this service, and nothing else.
`docs/vendor` holds Swagger UI as published: SHA256SUMS there names its files, ORIGIN their source.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FOREVER: Final = "public, max-age=31536000, immutable"
"""Of files whose address changes with them."""
_HERE: Final = files("api") / "docs"
_ASSETS: Final = {
    "start.js": ("start.js", "text/javascript", None),
    "swagger-ui-5.35.0.js": ("vendor/swagger-ui-bundle.js", "text/javascript", FOREVER),
    "swagger-ui-5.35.0.css": ("vendor/swagger-ui.css", "text/css", FOREVER),
}
"""What the page loads: the file, its type, and how it may be kept."""


@get("/docs", include_in_schema=False)
async def page() -> Response[bytes]:
    """Every operation, to read and to try."""
    headers = {"content-security-policy": POLICY}
    return Response(_read("page.html"), media_type="text/html", headers=headers)


@get("/docs/{name:str}", include_in_schema=False)
async def asset(name: FromPath[str]) -> Response[bytes]:
    """What the page loads."""
    if name not in _ASSETS:
        raise NotFoundException
    place, media_type, kept = _ASSETS[name]
    headers = {} if kept is None else {"cache-control": kept}
    return Response(_read(place), media_type=media_type, headers=headers)


@cache
def _read(place: str) -> bytes:
    return (_HERE / place).read_bytes()
