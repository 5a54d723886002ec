"""One entry, whole: what people wrote with it, who recorded it, and that it is as it was recorded.

It is read from the log itself and verified before anything of it is shown. Looking leaves a row of
its own. Not here: the timeline that leads here (`person`).
"""

from __future__ import annotations

from uuid import UUID

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from api.asking import audited
from api.body import AnyRequest
from api.console import words
from api.console.happenings import details, purpose_title
from api.console.looking import Look, look, purposes_by_id
from api.console.moments import Moments
from api.console.person import reference
from api.console.person_tables import place_of
from api.console.shell import PEOPLE, Crumb, page
from api.console.viewing import HOME, asker_about, signed_in
from api.state import runtime
from projections.listed import Listing
from projections.replay import TimelineEntry, timeline


@get("/people/{subject:uuid}/entries/{entry:uuid}", guards=[signed_in("history")])
async def entry(
    request: AnyRequest, subject: FromPath[UUID], entry: FromPath[UUID]
) -> Response[bytes]:
    """The page."""
    asker = await asker_about(request, subject)
    ledger = runtime(request)
    found = await look(request, subject, Moments())
    version = _version(found, entry)
    (one,) = await timeline(ledger.reader, subject, after=version - 1, limit=1)
    made = page(
        request,
        "entry.html",
        _context(found, one) | {"reason": asker.reason},
        title=f"{words.words().entry[one.type]}: entry {one.position}",
        part=PEOPLE,
        crumbs=(
            Crumb("People", HOME),
            Crumb(f"Person {reference(subject)}", place_of(found)),
        ),
    )
    listing = Listing(
        kind="TIMELINE",
        identity=ledger.identity,
        answered_at=found.loaded.head.now,
        asked={"after": version - 1, "limit": 1},
    )
    about = listing.page(made.content, subject=subject, last=found.now.pin.position)
    await audited(request, asker, [about])
    return made


def _version(found: Look, entry: UUID) -> int:
    """Its place in the person's stream; raises where it has none that the viewer may see."""
    for version, one in enumerate(found.loaded.dossier.items, start=1):
        if one.entry == str(entry) and found.grant.shows(one.fact):
            return version
    raise NotFoundException


def _context(found: Look, one: TimelineEntry) -> dict[str, object]:
    purposes = purposes_by_id(found.loaded.catalogue)
    fact = one.fact
    return {
        "reference": reference(found.subject),
        "place": place_of(found),
        "one": one,
        "heading": words.words().entry[one.type],
        "purpose": purpose_title(getattr(fact, "purpose", None), purposes),
        "details": [] if fact is None else list(details(fact, purposes, str(found.subject))),
    }
