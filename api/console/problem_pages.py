"""What goes wrong on a page, as a page: the same problems, said to a person.

Who is not signed in is led there, and who stated no reason is asked for it. A twin of a table
answers as every JSON route does. Not here: which problems there are (`api.problems`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response

from api import problems
from api.access import Unauthenticated
from api.console.shell import page, see_other
from api.console.tables import TWINS
from api.console.viewing import HOME, ReasonNeeded, SignInNeeded, address, here

SIGN_IN = f"{HOME}/sign-in"
_SAID: Mapping[str, tuple[str, str]] = {
    "not-found": (
        "Page not found",
        "If you typed the address, check it. If you followed a link, the page may have moved.",
    ),
    "forbidden": (
        "You may not see this page",
        "Your sign-in does not cover it. Ask whoever runs this ledger, if your work needs it.",
    ),
    "malformed": (
        "There is a problem with the address",
        "A part of it cannot be read. Go back and use the form.",
    ),
    "unavailable": (
        "Sorry, the ledger cannot answer now",
        "Nothing was decided or recorded. Try again in a moment.",
    ),
    "internal": (
        "Sorry, there is a problem with the service",
        "Nothing was decided or recorded. Tell whoever runs this ledger, with the reference below.",
    ),
}


_DETAILED = ("forbidden", "malformed", "unavailable")
"""Those whose own words say more."""


class _Problem(msgspec.Struct, frozen=True):
    type: str
    title: str
    detail: str
    instance: str = ""


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The response to what a page of the console raised."""
    data = request.scope["path"].endswith(tuple(f".{ending}" for ending in TWINS))
    if isinstance(error, SignInNeeded) and not data:
        return see_other(address(SIGN_IN, next=_return(request)))
    if isinstance(error, ReasonNeeded) and not data:
        place = f"{HOME}/people/{error.subject}/reason"
        return see_other(address(place, next=_return(request)))
    if isinstance(error, SignInNeeded | ReasonNeeded):
        message = str(error) or "sign in to the console first"
        return problems.handle(request, Unauthenticated(message, error=None))
    told = problems.handle(request, error)
    return told if data else _shown(request, told)


def _return(request: Request[Any, Any, Any]) -> str:
    """Where to go on after: a form that was sent is not sent again."""
    return here(request) if request.method == "GET" else HOME


def _shown(request: Request[Any, Any, Any], told: Response[bytes]) -> Response[bytes]:
    problem = msgspec.json.decode(told.content, type=_Problem)
    slug = problem.type.rpartition("/")[2]
    title, advice = _SAID.get(slug, (problem.title, problem.detail))
    shown = page(
        request,
        "problem.html",
        {
            "advice": advice,
            "detail": problem.detail if slug in _DETAILED else "",
            "reference": problem.instance,
        },
        title=title,
        status_code=told.status_code or 500,
    )
    for name in ("retry-after", "allow"):
        if name in told.headers:
            shown.headers[name] = told.headers[name]
    return shown
