"""How a page is made: one set of templates, one frame, one policy.

A template is given what it shows and nothing else; what it names and was not given is an error, and
what it shows is escaped. Not here: any page.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response

from api.body import AnyRequest
from api.console import civil_words, words
from api.console.assets import address_of
from api.console.components import components
from api.console.viewing import HOME, address, here, viewer_if_any
from api.state import runtime
from ledger.events import CatalogueAdopted
from ledger.history import Dossier

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""What a page may do; all of it from this service, and no script but those that it names."""
SERVICE: Final = "Consent and legal-basis ledger"
PEOPLE: Final = "people"
"""A part of the console, to one of which each page belongs."""
_NAVIGATION: Final = ((PEOPLE, "People", HOME),)


class Crumb(NamedTuple):
    """A page on the way to this one."""

    text: str
    href: str


def page(
    request: AnyRequest,
    template: str,
    shown: Mapping[str, object],
    *,
    title: str,
    part: str | None = None,
    crumbs: tuple[Crumb, ...] = (),
    status_code: int = 200,
) -> Response[bytes]:
    """The page that this template makes of what it is given; nobody may store it.

    `title` is unique to the page and its state; `part` is the part of the console it belongs to. A
    page that shows errors is given them as `errors`, each with the id of its field.
    """
    viewer = viewer_if_any(request)
    owner, banner = _labels(runtime(request).reader.catalogue)
    text = (
        environment()
        .get_template(template)
        .render(
            title=title,
            crumbs=crumbs,
            navigation=[
                {"text": text, "href": href, "current": name == part}
                for name, text, href in _NAVIGATION
            ],
            viewer=viewer,
            form_token=viewer.form_token if viewer else "",
            owner=owner,
            banner=banner,
            here=here(request),
            **{"errors": [], **shown},
        )
    )
    return html(text, status_code=status_code)


def html(text: str, *, status_code: int = 200) -> Response[bytes]:
    """A page as it is sent."""
    headers = {"content-security-policy": POLICY, "cache-control": "no-store"}
    return Response(
        text.encode(),
        status_code=status_code,
        media_type="text/html",
        headers=headers,
    )


def see_other(place: str) -> Response[bytes]:
    """Go on at that address."""
    headers = {"location": place, "cache-control": "no-store"}
    return Response(b"", status_code=303, media_type="text/plain", headers=headers)


@cache
def environment() -> Environment:
    """The templates, with the components and words that all of them may use."""
    made = Environment(
        loader=PackageLoader("api", "console/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= components()
    made.globals |= {"asset": address_of, "address": address, "service": SERVICE, "home": HOME}
    made.filters |= {
        "day": civil_words.day,
        "when": civil_words.when,
        "at": civil_words.at,
        "machine": civil_words.machine,
        "short": words.short,
        "decision": words.decision,
        "flag": words.flag,
    }
    return made


def _labels(catalogue: Dossier) -> tuple[str, str | None]:
    """Whose ledger it is, by the newest catalogue, and that the catalogue is no real one."""
    adopted = [one.fact for one in catalogue.items if isinstance(one.fact, CatalogueAdopted)]
    if not adopted:
        return SERVICE, None
    document = adopted[-1].catalogue
    owner = document.controllers[0].name if document.controllers else SERVICE
    return owner, (document.title or document.id) if document.illustrative else None
