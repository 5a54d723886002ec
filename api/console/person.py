"""A person at one pair of moments: the basis for each purpose, the two clocks, what happened.

Looking leaves the rows of every answer that is shown, and one for the page. Not here: why an answer
is what it is (`why`), or how somebody is found (`people`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from api.asking import audited
from api.body import AnyRequest
from api.console import civil_words, words
from api.console.happenings import PAGE, Happening
from api.console.moments import Moments, boxes, moments
from api.console.person_read import Shown, read_person
from api.console.person_tables import bases_table, dated, picture_table, place_of, tables_of
from api.console.shell import PEOPLE, Crumb, page
from api.console.tables import named, split, twin
from api.console.viewing import HOME, address, asker_about, signed_in
from api.state import runtime
from ledger.civil import LONDON
from ledger.due import Due
from ledger.errors import Malformed
from projections.listed import Listing
from projections.read_audit import Asker, of_answer
from projections.recorders import recorders

PARTS_MAX = 1_000_000


@get("/people/{subject:uuid}", guards=[signed_in("history")])
async def person(
    request: AnyRequest,
    subject: FromPath[UUID],
    effective_at: FromQuery[str | None] = None,
    known_at: FromQuery[str | None] = None,
    purpose: FromQuery[str | None] = None,
    part: FromQuery[int] = 1,
) -> Response[bytes]:
    """The page; `part` is that of the timeline."""
    asker = await asker_about(request, subject)
    shown = await read_person(request, subject, moments(effective_at, known_at), purpose)
    history = _part(shown.history, part)
    ledger = runtime(request)
    log = ledger.identity.log_of(subject)
    by = await recorders(ledger.pool, log, [one.n for one in history])
    made = page(
        request,
        "person.html",
        _of_person(shown)
        | _of_history(shown.history, part)
        | {"reason": asker.reason, "history": history, "by": by},
        title=f"Person {reference(subject)}: {dated(shown.look.moments)}",
        part=PEOPLE,
        crumbs=(Crumb("People", HOME),),
    )
    await _leave_rows(request, asker, shown, made)
    return made


@get("/people/{subject:uuid}/{table:str}", guards=[signed_in("history")])
async def person_table(
    request: AnyRequest,
    subject: FromPath[UUID],
    table: FromPath[str],
    effective_at: FromQuery[str | None] = None,
    known_at: FromQuery[str | None] = None,
    purpose: FromQuery[str | None] = None,
) -> Response[bytes]:
    """A table of the page, or its picture, as data; of the timeline every entry."""
    name, ending = split(table)
    asker = await asker_about(request, subject)
    shown = await read_person(request, subject, moments(effective_at, known_at), purpose)
    made = twin(named(name, tables_of(shown)), ending)
    await _leave_rows(request, asker, shown, made)
    return made


def reference(subject: UUID) -> str:
    """The beginning of the opaque subject: enough to tell two pages apart."""
    return str(subject)[:8].upper()


def _part(history: Sequence[Happening], part: int) -> Sequence[Happening]:
    if not 1 <= part <= PARTS_MAX:
        raise Malformed(f"must be from 1 to {PARTS_MAX}", field="part")
    return history[(part - 1) * PAGE : part * PAGE]


async def _leave_rows(
    request: AnyRequest, asker: Asker, shown: Shown, made: Response[bytes]
) -> None:
    """Each answer, today's where it is another, and the page."""
    found = shown.look
    listing = Listing(
        kind="TIMELINE",
        identity=runtime(request).identity,
        answered_at=found.loaded.head.now,
        asked={"page": request.scope["path"].removeprefix(place_of(found)) or "/"},
    )
    answers = [*shown.answers, *shown.corrected.values()]
    last = found.now.pin.position
    about = [
        *(of_answer(one, "BASES") for one in answers),
        listing.page(made.content, subject=found.subject, last=last),
    ]
    await audited(request, asker, about)


def _of_person(shown: Shown) -> dict[str, object]:
    found = shown.look
    query = found.moments.query()
    chosen = shown.picture.purpose if shown.picture else None
    return {
        "subject": found.subject,
        "reference": reference(found.subject),
        "place": place_of(found),
        "query": query,
        "look": found,
        "boxes": {name: boxes(name, one, {}) for name, one in found.moments._asdict().items()},
        "erased": found.loaded.dossier.destroyed,
        "bases": bases_table(shown),
        "corrected": [shown.title(one) for one in shown.corrected],
        "before": _turn(shown, shown.turns.before),
        "after": _turn(shown, shown.turns.after),
        "titles": {one.query.purpose: shown.title(one.query.purpose) for one in shown.answers},
        "chosen": chosen,
        "picture": shown.picture,
        "drawn": shown.drawn,
        "clocks": picture_table(shown) if chosen else None,
        "due": _due(shown),
    }


def _of_history(history: Sequence[Happening], part: int) -> dict[str, object]:
    return {"many": len(history), "part": part, "parts": -(-len(history) // PAGE)}


def _turn(shown: Shown, moment: datetime | None) -> Mapping[str, str] | None:
    """The page at that turn, and its day; None where there is none."""
    if moment is None:
        return None
    clock = moment.astimezone(LONDON)
    on = Moments(clock.date() if clock.time() == time() else moment, shown.look.moments.known_at)
    chosen = shown.picture.purpose if shown.picture else None
    place = address(place_of(shown.look), **on.query(), purpose=chosen)
    return {"href": place, "text": civil_words.when(moment)}


def _due(shown: Shown) -> list[tuple[str, Due]]:
    """Every duty that runs, once, the most pressing first."""
    found = {
        (one.at, one.what, one.entry): one for each in shown.answers for one in each.answer.due
    }
    return [(words.words().due[one.what], one) for _, one in sorted(found.items())]
