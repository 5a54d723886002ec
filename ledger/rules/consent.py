"""Whether consent was given, by somebody who could, for this, and still stands.

Sources: UK GDPR articles 4(11), 7 and 8; Children Act 1989 sections 2, 3 and 33; Mental Capacity
Act 2005 section 1; law, section 3. The newest grant alone is looked at: one that lapsed, or was
never valid, does not revive an older one. Every failing check is found, not only the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import cast

from ledger.civil import months_after
from ledger.events import (
    AuthorityEnded,
    AuthorityRestricted,
    CompetenceAssessed,
    ConsentGranted,
    ConsentInvalidated,
    ConsentRefused,
    ConsentWithdrawn,
    DisputeResolved,
    ErasureExecuted,
    NoticeProvided,
    ObjectionReceived,
    PurposeMateriallyChanged,
)
from ledger.history import Item, since, together
from ledger.rules.authority import may_act
from ledger.rules.case import NOTHING, Case, Finding, LineState
from ledger.terms import Flag

_NEVER_VALID = frozenset(
    {
        Flag.CONSENT_INVALIDATED,
        Flag.CONSENT_UNPROVEN,
        Flag.NO_AUTHORITY,
        Flag.SELF_CONSENT,
        Flag.SUBJECT_COMPETENT,
    }
)
"""Why a grant counts for nothing from the start, unlike one that ended."""


def given(case: Case) -> Sequence[Finding]:
    """A line of consent needs a consent: without one it is not live."""
    if case.asserts_consent and case.grant is None:
        return [Finding(kills=case.consent_lines)]
    return NOTHING


def proven(case: Case) -> Sequence[Finding]:
    """Article 7(1): the controller must be able to demonstrate it."""
    grant = case.grant
    if grant is None or case.consent.evidence_digest is not None:
        return NOTHING
    return [_fails(case, Flag.CONSENT_UNPROVEN, grant)]


def valid(case: Case) -> Sequence[Finding]:
    """A grant found never to have been valid counts for nothing, from the start."""
    grant = case.grant
    if grant is None:
        return NOTHING
    return [
        _fails(case, Flag.CONSENT_INVALIDATED, grant, one)
        for one in case.person.said_of(grant.entry, ConsentInvalidated)
    ]


def unexpired(case: Case) -> Sequence[Finding]:
    """A consent given for a time ends with it."""
    grant = case.grant
    expires = case.consent.expires_at if grant else None
    if grant is None or expires is None or case.at < expires:
        return NOTHING
    return [_fails(case, Flag.CONSENT_EXPIRED, grant)]


def same_purpose(case: Case) -> Sequence[Finding]:
    """Consent attaches to what the person was told: a material change ends it."""
    grant = case.grant
    if grant is None:
        return NOTHING
    return [
        _fails(case, Flag.PURPOSE_CHANGED, grant, one)
        for one in since(case.for_purpose(PurposeMateriallyChanged), grant.at)
    ]


def withdrawn(case: Case) -> Sequence[Finding]:
    """Article 7(3): from the instant the withdrawal, or the person's refusal, reached us."""
    grant = case.grant
    if grant is None:
        return NOTHING
    return [
        _says(case, Flag.PARENT_WITHDRAWAL_NO_EFFECT, one)
        if _overridden(case, grant, one)
        else _fails(case, Flag.CONSENT_WITHDRAWN, grant, one)
        for one in _withdrawals(case, grant)
    ]


def objected(case: Case) -> Sequence[Finding]:
    """Nobody needs magic words: an objection to a consent purpose is a withdrawal."""
    grant = case.grant
    if grant is None:
        return NOTHING
    return [
        _fails(case, Flag.OBJECTION_TREATED_AS_WITHDRAWAL, grant, one)
        for one in _objections(case, grant)
    ]


def ending(case: Case) -> Item | None:
    """The first act that ended the newest consent, whatever lines there are now."""
    return _taken_back(case, case.grant) if case.grant else None


def barred_since(case: Case) -> Item | None:
    """The act after which no discretionary line may take the place of consent (B4).

    A newer grant that was never valid does not lift the bar that an earlier act set.
    """
    end = ending(case)
    if end is not None or not case.consent_void:
        return end
    for older in reversed(case.grants[:-1]):
        end = _taken_back(case, older)
        if end is not None:
            return end
    return None


def _taken_back(case: Case, grant: Item) -> Item | None:
    acts = [one for one in _withdrawals(case, grant) if not _overridden(case, grant, one)]
    acts += _objections(case, grant)
    return min(acts, key=lambda one: one.order) if acts else None


def _withdrawals(case: Case, grant: Item) -> Sequence[Item]:
    refusals = [
        one
        for one in since(case.for_purpose(ConsentRefused), grant.at)
        if cast(ConsentRefused, one.fact).given_by == case.subject
    ]
    return together(since(case.for_purpose(ConsentWithdrawn), grant.at), refusals)


def _objections(case: Case, grant: Item) -> list[Item]:
    return [
        one
        for one in since(case.for_purpose(ObjectionReceived), grant.at)
        if cast(ObjectionReceived, one.fact).kind != "ART21_6"
    ]


def _overridden(case: Case, grant: Item, act: Item) -> bool:
    """A representative cannot take back what a competent person gave: the rights are theirs."""
    fact = cast(ConsentWithdrawn, act.fact)
    speaks_for_them = fact.capacity in ("SELF", "ADVOCATE_AUTHORISED")
    for_another = not speaks_for_them and fact.given_by != case.subject
    own = _granted(grant).capacity == "SELF" and _granted(grant).given_by == case.subject
    return for_another and own and case.competent(act.at)


def contested(case: Case) -> Sequence[Finding]:
    """Another holder of parental responsibility refused: not relied on until resolved (policy)."""
    grant = case.grant
    if grant is None or case.consent.capacity != "PR":
        return NOTHING
    if case.policy["contested_pr_consent"] != "DENY until resolved":
        return NOTHING
    return [
        _fails(case, Flag.CONSENT_CONTESTED, grant, one)
        for one in since(case.for_purpose(ConsentRefused), grant.at)
        if _contests(case, one) and not _resolved(case, one)
    ]


def _contests(case: Case, refusal: Item) -> bool:
    by = cast(ConsentRefused, refusal.fact).given_by
    if by in (case.subject, case.consent.given_by):
        return False
    return may_act(case.person, holder=by, kind="PR", at=refusal.at)


def _resolved(case: Case, refusal: Item) -> bool:
    """The last word on the dispute since the refusal is that the consent stands."""
    words = case.for_purpose(DisputeResolved)
    if not words or words[-1].at <= refusal.at:
        return False
    return cast(DisputeResolved, words[-1].fact).outcome == "CONSENT_STANDS"


def giver(case: Case) -> Sequence[Finding]:
    """Who may consent, at the moment of the grant (law, section 3.3)."""
    grant = case.grant
    if grant is None:
        return NOTHING
    return [_fails(case, flag, grant) for flag in _bars(case, grant)]


def _bars(case: Case, grant: Item) -> Iterator[Flag]:
    """Everything that keeps the giver from consenting; nothing where they could."""
    fact = case.consent
    if fact.given_by == case.asked.controller:
        yield Flag.SELF_CONSENT
    if fact.capacity == "SELF":
        if not _may_decide(case, grant):
            yield Flag.NO_AUTHORITY
        return
    unable = not may_act(case.person, holder=fact.given_by, kind=fact.capacity, at=grant.at)
    grown = fact.capacity == "PR" and case.aged(18, grant.at)
    if unable or grown:
        yield Flag.NO_AUTHORITY
    if fact.capacity == "PR" and case.competent(grant.at):
        yield Flag.SUBJECT_COMPETENT


def _may_decide(case: Case, grant: Item) -> bool:
    """The person themself: assessed, or 16, or of the age of article 8 for such a service."""
    if case.consent.given_by != case.subject:
        return False
    if case.assessed(grant.at) is not None or not case.asked.child_service:
        return case.competent(grant.at)
    return case.competent(grant.at) or _of_service_age(case, grant.at)


def _of_service_age(case: Case, at: datetime) -> bool:
    for rule in case.law.child_service_ages():
        if rule.start <= at and (rule.end is None or at < rule.end):
            return case.aged(rule.age, at)
    return False


def age_rule_changed(case: Case) -> Sequence[Finding]:
    """The age of article 8 rose after the person's own consent: review, the law voids nothing."""
    grant = case.grant
    if grant is None or case.consent.capacity != "SELF" or not case.asked.child_service:
        return NOTHING
    if _of_service_age(case, case.at) or not _of_service_age(case, grant.at):
        return NOTHING
    return [_says(case, Flag.AGE_RULE_CHANGED, grant)]


def lapsed(case: Case) -> Sequence[Finding]:
    """A representative's consent lapses at 18, at the age of article 8, and on competence."""
    grant = case.grant
    flag = _lapse(case, grant) if grant and case.consent.capacity == "PR" else None
    if grant is None or flag is None:
        return NOTHING
    says = _says if flag is Flag.REVIEW_REP_CONSENT else _fails
    return [says(case, flag, grant)]


def _lapse(case: Case, grant: Item) -> Flag | None:
    if case.aged(18, case.at):
        return Flag.REP_CONSENT_LAPSED_18
    if case.asked.child_service and _reached_service_age(case):
        return Flag.REP_CONSENT_LAPSED_ISS_AGE
    settings = list(_grown_up(case, grant))
    if any(case.policy[setting] for setting in settings):
        return Flag.REP_CONSENT_LAPSED_COMPETENT
    return Flag.REVIEW_REP_CONSENT if settings else None


def _grown_up(case: Case, grant: Item) -> Iterator[str]:
    """The settings under which the person's growing up ends a representative's consent."""
    latest = case.assessed(case.at)
    found = cast(CompetenceAssessed, latest.fact).competent if latest else None
    if case.aged(16, case.at) and found is not False:
        yield "rep_consent_lapses_at_16"
    if latest is not None and found and latest.at > grant.at:
        yield "rep_consent_lapses_on_competence"


def _reached_service_age(case: Case) -> bool:
    """The person was, at some moment by now, of the age then in force."""
    for rule in case.law.child_service_ages():
        reached = case.birthday(rule.age)
        first = None if reached is None else max(reached, rule.start)
        if first is not None and first <= case.at and (rule.end is None or first < rule.end):
            return True
    return False


def authority_ended(case: Case) -> Sequence[Finding]:
    """The giver's authority ended after a valid grant: reviewed, or by policy lapsed."""
    grant = case.grant
    limits = [*case.by_now(AuthorityEnded), *case.by_now(AuthorityRestricted)] if grant else ()
    if grant is None or not limits:
        return NOTHING
    holder, kind = case.consent.given_by, case.consent.capacity
    if not may_act(case.person, holder=holder, kind=kind, at=grant.at):
        return NOTHING
    for one in limits:
        if one.at > grant.at and not may_act(case.person, holder=holder, kind=kind, at=one.at):
            kills = case.consent_lines if case.policy["rep_authority_end"] == "lapse" else ()
            return [_says(case, Flag.REVIEW_REP_AUTHORITY_ENDED, grant, one, kills=kills)]
    return NOTHING


def review(case: Case) -> Sequence[Finding]:
    """The ICO asks for consents to be reviewed; the months are policy and end nothing."""
    grant = case.grant
    months = cast(int, case.policy["consent_review_months"])
    if grant and months and months_after(grant.at, months) <= case.at:
        return [_says(case, Flag.CONSENT_REVIEW_DUE, grant)]
    return NOTHING


def other_basis(case: Case) -> Sequence[Finding]:
    """Taken back, and another line goes on: say so plainly, and ask whether the person was told."""
    if not case.asserts_consent or case.consent_lines:
        return NOTHING
    others = [line for line in case.lines if line.live]
    end = ending(case) if others else None
    if end is None:
        return NOTHING
    entries = (end.entry, *(line.entry for line in others))
    found = [Finding(flag=Flag.CONSENT_WITHDRAWN_OTHER_BASIS, entries=entries)]
    if not since(case.by_now(NoticeProvided), end.at):
        found.append(Finding(flag=Flag.FAIRNESS_REVIEW, entries=(end.entry,)))
    return found


def content_erased(case: Case) -> Sequence[Finding]:
    """The answer rests on a consent whose content was erased later: the proof of it stays."""
    if not any(line.article6 == "a" for line in case.named):
        return NOTHING
    return [
        Finding(flag=Flag.EVIDENCE_TOMBSTONE, entries=(one.entry,))
        for one in case.ever_for_purpose(ErasureExecuted)
        if one.at > case.at
    ]


def _granted(grant: Item) -> ConsentGranted:
    return cast(ConsentGranted, grant.fact)


def _fails(case: Case, flag: Flag, *because: Item) -> Finding:
    """The consent does not stand: said where a line rests on it, and remembered in any case."""
    return _says(case, flag, *because, kills=case.consent_lines, voids=flag in _NEVER_VALID)


def _says(
    case: Case,
    flag: Flag,
    *because: Item,
    kills: Sequence[LineState] = (),
    voids: bool = False,
) -> Finding:
    return Finding(
        flag=flag if case.asserts_consent else None,
        entries=tuple(one.entry for one in because),
        kills=kills,
        voids_consent=voids,
    )
