"""The catalogue document: controllers, their purposes, and the lines and conditions on offer.

One document is one version, adopted by a `CatalogueAdopted` entry; which version counts at a
moment is `history`'s question, what a notice must say is `notice`'s, and whether the document is
sound is `findings`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Protocol

import msgspec

from ledger.civil import start_of_day
from ledger.errors import Malformed
from ledger.notice import Category, Contact, Id, Notice, Recipient, RetentionRule
from ledger.terms import Article6, Operation

REASONS_WITHOUT_CONSENT = ("cannot_give", "not_reasonable_to_obtain", "would_prejudice")
"""DPA 2018 Schedule 1 paragraph 18(2)(a) to (c)."""


class Named(Protocol):
    """Anything in the catalogue that others refer to."""

    @property
    def id(self) -> str:
        """Unique in its list."""


class Controller(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who decides why and how: UK GDPR article 4(7); `public_authority` as in article 6(1)."""

    id: Id
    name: str
    public_authority: bool


class Line(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"while_": "while"},
):
    """One asserted article 6 basis; `while_` names the status that must be live for it.

    `operations` limits the line (a duty to keep is ["STORE"]); null is every operation.
    """

    article6: Article6
    source: str | None = None
    while_: str | None = None
    effective_from: date
    effective_until: date | None = None
    operations: tuple[Operation, ...] | None = None
    annex1: tuple[str, ...] = ()
    legal_sources: tuple[str, ...] = ()
    objection_handling: str | None = None
    notice_text: str | None = None
    withdrawal_channel: str | None = None
    freely_given_assessment: str | None = None
    note: str | None = None

    def start(self) -> datetime:
        """The first instant of the line: 00:00 Europe/London of `effective_from`."""
        return start_of_day(self.effective_from)

    def end(self) -> datetime | None:
        """The first instant after the line, or None while it is open."""
        return start_of_day(self.effective_until) if self.effective_until else None


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition of article 9(2), with its paragraph of DPA 2018 Schedule 1 where it needs one.

    `reason` is why paragraph 18 does without consent: one of `REASONS_WITHOUT_CONSENT`.
    """

    article9: Annotated[str, msgspec.Meta(pattern=r"^[a-j]$")]
    schedule1: int | None = None
    policy_document: bool = False
    reason: str | None = None

    def spelt(self) -> str:
        """`9(2)(g)+Sch1(18)`, as answers name it."""
        base = f"9(2)({self.article9})"
        return base if self.schedule1 is None else f"{base}+Sch1({self.schedule1})"


class OffenceRoute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How article 10 is met: official authority, or paragraphs of DPA 2018 Schedule 1."""

    official_authority: bool = False
    schedule1: tuple[int, ...] = ()
    source: str | None = None


class Candidates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a reader of the notice thinks could carry a purpose: asserted by nobody, used by none.

    `in_purpose_list` is whether the notice's own list of purposes has it.
    """

    article6: tuple[Article6, ...]
    article9: tuple[str, ...] = ()
    schedule1: tuple[int, ...] = ()
    legal_sources: tuple[str, ...] = ()
    article10: str | None = None
    in_purpose_list: bool = False
    stated_basis: str | None = None


class Purpose(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why data are processed; without lines nothing is live until a basis is declared."""

    id: Id
    controller: Id
    title: str
    task: bool
    optional: bool
    lines: tuple[Line, ...]
    triggers: tuple[str, ...] = ()
    lookback_months: Annotated[int, msgspec.Meta(ge=1, le=120)] | None = None
    conditions: tuple[Condition, ...] = ()
    offence_route: OffenceRoute | None = None
    research: bool = False
    direct_marketing: bool = False
    information_society_service: bool = False
    offered_to_children: bool | None = None
    preventive_or_counselling: bool | None = None
    current_notice: str | None = None
    note: str | None = None
    resolvable: bool = True
    nhs_number_matching: bool = False
    consent_requirements: tuple[str, ...] = ()
    categories: tuple[Id, ...] = ()
    recipients: tuple[Id, ...] = ()
    retention: tuple[Id, ...] = ()
    impact_assessment: str | None = None
    processing_record: str | None = None
    safeguards_84: str | None = None
    seed_quote: str | None = None
    candidates: Candidates | None = None

    @property
    def child_service(self) -> bool:
        """Article 8: an information society service offered directly to a child."""
        return (
            self.information_society_service
            and self.offered_to_children is True
            and self.preventive_or_counselling is not True
        )


class CatalogueDocument(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True
):
    """One version of the catalogue; ids are unique and every reference resolves."""

    controllers: tuple[Controller, ...]
    purposes: tuple[Purpose, ...]
    id: str = "catalogue"
    version: str = "1"
    title: str | None = None
    illustrative: bool = False
    note: str | None = None
    notice: Notice | None = None
    categories: tuple[Category, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    retention: tuple[RetentionRule, ...] = ()
    contacts: tuple[Contact, ...] = ()

    @cached_property
    def purpose_by_id(self) -> dict[str, Purpose]:
        """Purposes by id."""
        return {purpose.id: purpose for purpose in self.purposes}

    @cached_property
    def controller_by_id(self) -> dict[str, Controller]:
        """Controllers by id."""
        return {controller.id: controller for controller in self.controllers}

    @cached_property
    def category_by_id(self) -> dict[str, Category]:
        """Categories of data by id."""
        return {category.id: category for category in self.categories}

    @cached_property
    def recipient_by_id(self) -> dict[str, Recipient]:
        """Recipients by id."""
        return {recipient.id: recipient for recipient in self.recipients}


_decode = msgspec.json.Decoder(CatalogueDocument).decode
# Of a word that is on no closed list, and of a field that there is not, msgspec repeats the word: a
# field's is kept where it can be no more than a mistyped name.
_REPEATED = re.compile(
    r"^(Invalid (?:enum )?value|Object contains unknown field(?! `[a-z_]{1,40}`$)) .*", re.DOTALL
)


def read_catalogue(text: bytes) -> CatalogueDocument:
    """The document, or `Malformed` naming the first field that cannot be read."""
    try:
        document = _decode(text)
    except msgspec.ValidationError as error:
        raise _unreadable(str(error)) from error
    except msgspec.DecodeError as error:
        raise Malformed("is not JSON", field="catalogue") from error
    for pointer, message in unresolved(document):
        raise Malformed(message, field=_dotted(pointer))
    return document


def _unreadable(text: str) -> Malformed:
    found, separator, path = text.rpartition(" - at `$")
    message = _REPEATED.sub(r"\1", found or path)
    return Malformed(message, field="catalogue" + (path.rstrip("`") if separator else ""))


def unresolved(document: CatalogueDocument) -> Iterator[tuple[str, str]]:
    """Ids that stand twice and references that lead nowhere: a JSON pointer and what is wrong."""
    lists: dict[str, Sequence[Named]] = {
        "controllers": document.controllers,
        "purposes": document.purposes,
        "categories": document.categories,
        "recipients": document.recipients,
        "retention": document.retention,
        "contacts": document.contacts,
    }
    for name, items in lists.items():
        yield from _twice(name, items)
    for n, purpose in enumerate(document.purposes):
        if purpose.controller not in document.controller_by_id:
            yield f"/purposes/{n}/controller", "names no controller of this catalogue"
        for field in ("categories", "recipients", "retention"):
            known = {item.id for item in lists[field]}
            for m, named in enumerate(getattr(purpose, field)):
                if named not in known:
                    yield f"/purposes/{n}/{field}/{m}", "names an id that this catalogue lacks"


def _twice(name: str, items: Sequence[Named]) -> Iterator[tuple[str, str]]:
    seen = set()
    for n, item in enumerate(items):
        if item.id in seen:
            yield f"/{name}/{n}/id", "stands twice: give each its own id"
        seen.add(item.id)


def _dotted(pointer: str) -> str:
    """`/purposes/0/controller` as errors name fields: `catalogue.purposes[0].controller`."""
    parts = pointer.split("/")[1:]
    return "catalogue" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)
