"""Finding a person, and saying why.

A person's number enters in the body of a form and nowhere else; from then on they are the opaque
subject of every address. The same happens whether or not the ledger knows them. Not here: what is
shown of them (`person`).
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from api.asking import WORDS_MAX
from api.body import AnyRequest
from api.console import forms
from api.console.moments import Fault
from api.console.person import reference
from api.console.shell import PEOPLE, Crumb, page, see_other
from api.console.viewing import HOME, onwards, sessions_of, signed_in, viewer_of
from api.limits import QUOTA, RESOLVE
from api.state import runtime
from ledger.identifiers import InvalidIdentifier

SCHEMES = {
    "nhs_number": "NHS number",
    "upn": "Unique pupil number",
    "case_reference": "Case reference",
}
"""What people are known by here, with its name; another is typed."""
OTHER = "other"

Next = Annotated[str | None, QueryParameter(name="next")]


@get("/", guards=[signed_in("history")])
async def find(request: AnyRequest) -> Response[bytes]:
    """The form that finds a person."""
    return _form(request, {"scheme": "nhs_number", "other": "", "value": "", "subject": ""}, [])


@post("/people/find", guards=[signed_in("history")], status_code=200, opt={QUOTA: RESOLVE})
async def found(request: AnyRequest) -> Response[bytes]:
    """On to the person."""
    sent = await forms.sent(request)
    typed = {name: sent.get(name, "").strip() for name in ("scheme", "other", "value", "subject")}
    if typed["subject"]:
        return _known(request, typed)
    scheme = typed["other"].lower() if typed["scheme"] == OTHER else typed["scheme"]
    if not typed["value"]:
        return _form(request, typed, [Fault("value", "Enter the number or reference")])
    try:
        subject = await runtime(request).keys.resolve(scheme=scheme, value=typed["value"])
    except InvalidIdentifier as error:
        return _form(request, typed, [_fault(error)])
    return see_other(f"{HOME}/people/{subject}")


@get("/people/{subject:uuid}/reason", guards=[signed_in("history")])
async def reason(
    request: AnyRequest, subject: FromPath[UUID], next_: Next = None
) -> Response[bytes]:
    """The form that asks why somebody looks at a person."""
    sessions, viewer = sessions_of(request), viewer_of(request)
    stated = await sessions.reason(viewer, subject)
    place = onwards(next_ or f"{HOME}/people/{subject}")
    return _reason(request, subject, stated or "", place, [])


@post("/people/{subject:uuid}/reason", guards=[signed_in("history")], status_code=200)
async def reason_stated(request: AnyRequest, subject: FromPath[UUID]) -> Response[bytes]:
    """On to the page that wanted it."""
    sent = await forms.sent(request)
    words, place = sent.get("reason", "").strip(), onwards(sent.get("next"))
    faults = list(_wrong(words))
    if faults:
        return _reason(request, subject, words, place, faults)
    await sessions_of(request).state_reason(viewer_of(request), subject, words)
    return see_other(place)


def _wrong(words: str) -> list[Fault]:
    if not words:
        return [Fault("reason", "Enter why you look at this person, such as a case reference")]
    if len(words) > WORDS_MAX:
        return [Fault("reason", f"The reason must be {WORDS_MAX} characters or fewer")]
    if not words.isprintable():
        return [Fault("reason", "The reason must be one line of text")]
    return []


def _known(request: AnyRequest, typed: dict[str, str]) -> Response[bytes]:
    """Straight to the person whose subject somebody holds."""
    try:
        return see_other(f"{HOME}/people/{UUID(typed['subject'])}")
    except ValueError:
        text = "Enter the reference as it stands in an address: 36 characters"
        return _form(request, typed, [Fault("subject", text)])


def _fault(error: InvalidIdentifier) -> Fault:
    """Says which field and what it should be, never what it was."""
    message = error.message[:1].upper() + error.message[1:]
    return Fault("other" if error.field == "scheme" else "value", message)


def _form(request: AnyRequest, typed: dict[str, str], faults: list[Fault]) -> Response[bytes]:
    shown = {"typed": typed, "errors": faults, "schemes": SCHEMES, "other": OTHER}
    return page(
        request,
        "people.html",
        shown,
        title="Find a person",
        part=PEOPLE,
        status_code=400 if faults else 200,
    )


def _reason(
    request: AnyRequest, subject: UUID, stated: str, place: str, faults: list[Fault]
) -> Response[bytes]:
    shown = {
        "reference": reference(subject),
        "action": f"{HOME}/people/{subject}/reason",
        "stated": stated,
        "next": place,
        "errors": faults,
        "most": WORDS_MAX,
    }
    return page(
        request,
        "reason.html",
        shown,
        title=f"Why are you looking at person {reference(subject)}?",
        part=PEOPLE,
        crumbs=(Crumb("People", HOME),),
        status_code=400 if faults else 200,
    )
