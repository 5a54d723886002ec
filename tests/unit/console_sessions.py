"""Sessions of a console for tests: requests that show their cookies, and a clock that is moved."""

import asyncio
from pathlib import Path
from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from api.console.session import (
    LASTS_SECONDS,
    SKEW_SECONDS,
    CookieSessions,
    Person,
    SignedInViewer,
)
from api.console.session_ended import Ended
from api.console.session_seal import Seals
from api.exchange import begun, current
from api.grants import GrantTable

ORIGIN = "https://ledger.example"
PROVIDER = "https://provider.example"
ANA = Person(client="person:7f1c", name="Ana Example", role="auditor")
ROLES = {
    "auditor": GrantTable(scopes=("check", "audit"), purposes=("PHOTO",), entry_types=()),
    "dpo": GrantTable(scopes=("check",), purposes=("*",), entry_types=("*",)),
}


def asked(*cookies: str, **headers: str) -> Request[Any, Any, Any]:
    """A request in hand with these Cookie headers."""
    pairs = [(b"cookie", one.encode()) for one in cookies]
    pairs += [(name.replace("_", "-").encode(), one.encode()) for name, one in headers.items()]
    scope: Any = {"type": "http", "method": "POST", "headers": pairs, "state": {}}
    begun(scope)
    return Request(scope)


def sent(cookie: Cookie) -> str:
    """As a browser sends it back."""
    return f"{cookie.key}={cookie.value}"


def promised() -> str | None:
    """The cookie that the response in hand will bring, as a browser sends it back."""
    exchange = current()
    assert exchange is not None
    header = exchange.headers.get("set-cookie")
    return header and header.partition(";")[0]


class Console:
    """Sessions whose clock the test moves."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_000_000.0
        self.folder = folder
        self.seals = Seals.at(folder / "console-key")

    def sessions(self, **more: Any) -> CookieSessions:
        """Those of one process."""
        usual = {"origin": ORIGIN, "provider": PROVIDER, "roles": ROLES, "clock": lambda: self.now}
        ended = Ended(self.folder / "ended", keep_s=LASTS_SECONDS + SKEW_SECONDS)
        return CookieSessions(more.pop("seals", self.seals), ended, **{**usual, **more})

    def viewer(self, *cookies: str, **more: Any) -> SignedInViewer | None:
        """Who is signed in with these cookies."""
        return asyncio.run(self.sessions(**more).viewer(asked(*cookies)))
