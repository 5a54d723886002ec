"""Cookies: how they are set and read.

Each has the prefix `__Host-`, so that only this very host can set it, over TLS or on this machine
itself. `SameSite` is `Lax` and not `Strict`: the way back from a provider begins on its site, and
so does a link to a page of ours in somebody's e-mail; neither would bring a strict cookie. What
changes anything is a POST, and no POST of another site brings a lax one.
"""

from __future__ import annotations

from litestar.datastructures import Cookie

from api.access import Connection

PREFIX = "__Host-ledger-"


def cookie(name: str, value: str, *, seconds: int | None = None) -> Cookie:
    """The cookie; without `seconds` the browser keeps it until it is closed."""
    return Cookie(
        key=PREFIX + name,
        value=value,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
        max_age=seconds,
    )


def gone(name: str) -> Cookie:
    """The browser forgets it."""
    return cookie(name, "", seconds=0)


def header_of(one: Cookie) -> str:
    """The value of `Set-Cookie`."""
    return one.to_header(header="")


def cookies_of(connection: Connection) -> dict[str, str]:
    """Ours, by their names without the prefix; one that stands twice is left out."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for header in connection.headers.getall("cookie", []):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            twice |= {name} & found.keys()
            found[name] = value
    return {
        name.removeprefix(PREFIX): value
        for name, value in found.items()
        if name.startswith(PREFIX) and name not in twice
    }
