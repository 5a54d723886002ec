"""Every page of the console: a new one is entered here."""

from __future__ import annotations

from typing import Final

from litestar import Router, get
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import FromPath

from api.console import (
    assets,
    entry,
    local_provider_routes,
    people,
    person,
    problem_pages,
    public,
    sign_in,
    travel,
    why,
)

PAGES: Final = [
    people.find,
    people.found,
    people.reason,
    people.reason_stated,
    person.person,
    person.person_table,
    entry.entry,
    travel.travel,
    why.why,
    why.why_table,
    public.glossary,
    public.accessibility,
    public.how_do_we_know,
    *sign_in.ROUTES,
    *local_provider_routes.ROUTES,
]


@get("/{rest:path}")
async def nowhere(rest: FromPath[str]) -> None:
    """No page: said as one."""
    raise NotFoundException(rest)


def console() -> Router:
    """Every page, for one application: a router serves no second."""
    return Router(
        path="/console",
        route_handlers=[assets.asset, *PAGES, nowhere],
        exception_handlers={HTTPException: problem_pages.handle, Exception: problem_pages.handle},
        include_in_schema=False,
    )
