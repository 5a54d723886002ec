"""What a privacy notice says and lists, as data: the parts that validation looks at.

Not here: whether it says enough (`notice_findings`), or what a person was given
(`NoticeProvided`). Nothing here changes an answer, but the classes of a category and the days of
a recipient.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from ledger.terms import Article6, DataClass

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_.\-]{0,63}$")]
DayOrMonth = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
RecipientRole = Literal["internal", "processor", "controller", "joint", "regulator", "individual"]
Right = Literal["access", "rectification", "erasure", "restriction", "portability"]


class Category(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of data; `classes` are all that may stand in it, each of which must be allowed.

    `law` is its class by itself, null where it is mixed; `notice_calls` is the notice's word for
    it, and `notice_omits` what belongs to it and is not mentioned. Data obtained from somebody
    other than the person are `indirect` (article 14).
    """

    id: Id
    title: str
    classes: tuple[DataClass, ...]
    law: DataClass | None = None
    notice_calls: DataClass | None = None
    notice_omits: tuple[str, ...] = ()
    indirect: bool = False
    note: str | None = None


class Party(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One body within a recipient, with the day it ended and what followed it."""

    name: str
    effective_until: date | None = None
    successor: str | None = None


class Recipient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who receives data, in which role, between which days (half-open).

    `vague` says why nobody can tell who is meant.
    """

    id: Id
    title: str
    role: RecipientRole | None = None
    effective_from: date | None = None
    effective_until: date | None = None
    parties: tuple[Party, ...] = ()
    successor: str | None = None
    legal_gateway: str | None = None
    sharing_agreement: str | None = None
    vague: str | None = None
    note: str | None = None


class RetentionTerm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many years from an event."""

    years: Annotated[int, msgspec.Meta(ge=0, le=150)]
    counted_from: Literal["birth", "death", "order", "end", "refusal", "return"]


class RetentionRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a record is kept, and why: of several terms the longest; none, and nobody knows."""

    id: Id
    title: str
    terms: tuple[RetentionTerm, ...] = ()
    source: str | None = None
    note: str | None = None


class Contact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a person turns to; from `doubtful_from` on the details may have changed."""

    id: Id
    title: str
    role: Literal["team", "data_protection_officer", "regulator", "website"] = "team"
    reached_at: tuple[str, ...] = ()
    doubtful_from: date | None = None
    note: str | None = None


class StatedBasis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A basis in the notice's own words, with the points of article 6(1) it may mean.

    `acts` are the enactments as the notice spells them.
    """

    id: Id
    text: str
    article6: tuple[Article6, ...]
    acts: tuple[str, ...] = ()
    note: str | None = None


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Anything else that the notice says: what it means, and its words where they are at hand."""

    id: Id
    meaning: str
    text: str | None = None
    note: str | None = None


class PurposeBasis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The notice links the purpose to these points of article 6(1)."""

    purpose: Id
    article6: tuple[Article6, ...]


class NhsNumberObjection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of objecting to the NHS number: on which law, how far, with what effect."""

    legal_hook: str | None = None
    scope: str | None = None
    consequence: str | None = None
    effect_on_cpis: str | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link and where it leads; `#` leads nowhere."""

    label: str
    address: str


class IncorporatedNotice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another notice made part of this one, in which version."""

    title: str
    address: str
    version: str | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of the notice; what it does not say is empty, null or false.

    `purpose_list` is its own list of purposes, `objection_purposes` those for which it brings the
    right to object to attention clearly and separately, `retention_rules` those it states.
    """

    id: Id
    version: str
    title: str | None = None
    reviewed: DayOrMonth | None = None
    bases: tuple[StatedBasis, ...] = ()
    statements: tuple[Statement, ...] = ()
    purpose_list: tuple[Id, ...] = ()
    purpose_bases: tuple[PurposeBasis, ...] = ()
    article9_conditions: tuple[str, ...] = ()
    article10_route: str | None = None
    policy_document: str | None = None
    withdrawal_route: str | None = None
    objection_purposes: tuple[Id, ...] = ()
    rights: tuple[Right, ...] = ()
    controller_complaint: str | None = None
    retention_rules: tuple[Id, ...] = ()
    transfers: str | None = None
    addressees: tuple[str, ...] = ()
    sources_of_data: tuple[str, ...] = ()
    consequences_of_not_providing: tuple[str, ...] = ()
    human_involvement: Literal["stated", "meaningful"] | None = None
    research_data_called: Literal["anonymous", "pseudonymised"] | None = None
    nhs_number_objection: NhsNumberObjection | None = None
    cpis_statuses: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    formats: tuple[str, ...] = ()
    incorporates: tuple[IncorporatedNotice, ...] = ()
    references: tuple[Literal["ROPA", "DPIA"], ...] = ()
    notifies_changes: bool = False
