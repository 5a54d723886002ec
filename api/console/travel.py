"""From the dates that somebody typed to the page about them.

Every page with the two dates sends its form here; the address that it leads on to has each date
whole, and can be shared.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from api.body import AnyRequest
from api.console import moments
from api.console.moments import EFFECTIVE, KNOWN, Moments
from api.console.person import reference
from api.console.shell import PEOPLE, Crumb, page, see_other
from api.console.viewing import HOME, address, signed_in
from api.state import runtime
from ledger.civil import london_date
from ledger.errors import Malformed

PAGES = {"person": "", "why": "/why"}
"""The pages about a person at two moments, by name, with where they are."""

Box = str | None
EffectiveDay = Annotated[Box, QueryParameter(name="effective_at-day")]
EffectiveMonth = Annotated[Box, QueryParameter(name="effective_at-month")]
EffectiveYear = Annotated[Box, QueryParameter(name="effective_at-year")]
KnownDay = Annotated[Box, QueryParameter(name="known_at-day")]
KnownMonth = Annotated[Box, QueryParameter(name="known_at-month")]
KnownYear = Annotated[Box, QueryParameter(name="known_at-year")]


@get("/people/{subject:uuid}/travel", guards=[signed_in("history")])
async def travel(
    request: AnyRequest,
    subject: FromPath[UUID],
    effective_day: EffectiveDay = None,
    effective_month: EffectiveMonth = None,
    effective_year: EffectiveYear = None,
    known_day: KnownDay = None,
    known_month: KnownMonth = None,
    known_year: KnownYear = None,
    purpose: FromQuery[str | None] = None,
    to: FromQuery[str] = "person",
) -> Response[bytes]:
    """On to the page at those dates; where they are none, the form again."""
    if to not in PAGES:
        raise Malformed(f"must be one of {', '.join(PAGES)}", field="to")
    typed = {
        f"{name}-{part}": text or ""
        for name, parts in (
            (EFFECTIVE, (effective_day, effective_month, effective_year)),
            (KNOWN, (known_day, known_month, known_year)),
        )
        for part, text in zip(moments.PARTS, parts, strict=True)
    }
    now = (await runtime(request).store.head(0)).now
    asked, faults = moments.typed(typed, london_date(now))
    if not faults:
        place = f"{HOME}/people/{subject}{PAGES[to]}"
        return see_other(address(place, purpose=purpose, **asked.query()))
    shown = {
        "boxes": {name: moments.boxes(name, None, typed) for name in Moments._fields},
        "errors": faults,
        "place": f"{HOME}/people/{subject}",
        "chosen": purpose,
        "to": to,
    }
    return page(
        request,
        "travel.html",
        shown,
        title=f"Person {reference(subject)}: choose the dates",
        part=PEOPLE,
        crumbs=(Crumb("People", HOME), Crumb("Person", f"{HOME}/people/{subject}")),
        status_code=400,
    )
