"""Consent and who may give it: articles 4(11), 6(1)(a), 7 and 8, and authority to act."""

from __future__ import annotations

from typing import ClassVar, Literal

from ledger.events.base import (
    Day,
    Digest,
    Evidenced,
    Fact,
    Instant,
    Name,
    PersonAct,
    PurposeId,
    PurposeOrAll,
    Text,
)
from ledger.terms import AuthorityKind, Capacity


class ConsentGranted(Evidenced, frozen=True, kw_only=True, tag="ConsentGranted"):
    """Articles 4(11) and 7: who consented, when, how, and on what they were told."""

    day: ClassVar[Day] = "next"
    content: ClassVar[frozenset[str]] = frozenset(
        {"note", "evidence", "channel", "explicit_statement", "named_controllers"}
    )

    purpose: PurposeId
    given_by: Name
    capacity: Capacity
    notice: Name | None = None
    explicit: bool | None = None
    explicit_statement: Text | None = None
    expires_at: Instant | None = None
    method: Name | None = None
    channel: Text | None = None
    statement_digest: Digest | None = None
    freely_given_assessment: Name | None = None
    named_controllers: tuple[Text, ...] | None = None


class ConsentRefused(PersonAct, frozen=True, kw_only=True, tag="ConsentRefused"):
    """A refusal: by the person, or by another holder of parental responsibility."""

    purpose: PurposeOrAll
    given_by: Name


class ConsentWithdrawn(PersonAct, frozen=True, kw_only=True, tag="ConsentWithdrawn"):
    """Article 7(3), from the instant it reached the controller by any channel."""

    purpose: PurposeOrAll
    given_by: Name
    capacity: Capacity


class ConsentInvalidated(Fact, frozen=True, kw_only=True, tag="ConsentInvalidated"):
    """The named grant was never valid: forgery, no authority, not informed."""

    restrictive: ClassVar[bool] = True
    content: ClassVar[frozenset[str]] = frozenset({"note", "reason"})
    refers: ClassVar[str | None] = "consent"

    consent: Name
    reason: Text | None = None


class ServiceAgreementGiven(Fact, frozen=True, kw_only=True, tag="ServiceAgreementGiven"):
    """Agreement to a service, which is not consent in data protection law."""

    day: ClassVar[Day] = "next"

    given_by: Name


class ServiceAgreementEnded(Fact, frozen=True, kw_only=True, tag="ServiceAgreementEnded"):
    """The agreement to a service ended; no basis depends on it."""

    restrictive: ClassVar[bool] = True

    given_by: Name


class AuthorityStarted(Fact, frozen=True, kw_only=True, tag="AuthorityStarted"):
    """Somebody may act for the person: Children Act 1989 section 3, MCA 2005 and others."""

    day: ClassVar[Day] = "next"

    holder: Name
    kind: AuthorityKind


class AuthorityEnded(Fact, frozen=True, kw_only=True, tag="AuthorityEnded"):
    """The authority ended."""

    restrictive: ClassVar[bool] = True
    refers: ClassVar[str | None] = "authority"

    holder: Name
    kind: AuthorityKind
    authority: Name | None = None


class AuthorityRestricted(Fact, frozen=True, kw_only=True, tag="AuthorityRestricted"):
    """The holder may no longer exercise the authority: Children Act 1989 section 33(3)(b)."""

    restrictive: ClassVar[bool] = True

    holder: Name
    kind: AuthorityKind


class DisputeResolved(Fact, frozen=True, kw_only=True, tag="DisputeResolved"):
    """A disagreement between holders of parental responsibility was settled."""

    day: ClassVar[Day] = "next"
    content: ClassVar[frozenset[str]] = frozenset({"note", "reference"})

    purpose: PurposeOrAll
    outcome: Literal["CONSENT_STANDS", "CONSENT_FALLS"]
    reference: Text | None = None
