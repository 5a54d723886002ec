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
    AuthorityStarted,
    CompetenceAssessed,
    ConsentGranted,
    ConsentInvalidated,
    ConsentRefused,
    ConsentWithdrawn,
    DisputeResolved,
    ErasureExecuted,
    Fact,
    NoticeProvided,
    ObjectionReceived,
    PurposeMateriallyChanged,
)
from ledger.history import Item
from ledger.rules.case import Case, Finding, LineState
from ledger.terms import EVERY_PURPOSE, Flag

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


def given(case: Case) -> Iterator[Finding]:
    """A line of consent needs a consent: without one it is not live."""
    if case.asserts_consent and case.grant is None:
        yield Finding(kills=case.consent_lines)


def proven(case: Case) -> Iterator[Finding]:
    """Article 7(1): the controller must be able to demonstrate it."""
    grant = case.grant
    if grant and _granted(grant).evidence_digest is None:
        yield _fails(case, Flag.CONSENT_UNPROVEN, grant)


def valid(case: Case) -> Iterator[Finding]:
    """A grant found never to have been valid counts for nothing, from the start."""
    grant = case.grant
    if grant is None:
        return
    for one in case.of(ConsentInvalidated):
        if cast(ConsentInvalidated, one.fact).consent == grant.entry:
            yield _fails(case, Flag.CONSENT_INVALIDATED, grant, one)


def unexpired(case: Case) -> Iterator[Finding]:
    """A consent given for a time ends with it."""
    grant = case.grant
    expires = _granted(grant).expires_at if grant else None
    if grant and expires is not None and expires <= case.at:
        yield _fails(case, Flag.CONSENT_EXPIRED, grant)


def same_purpose(case: Case) -> Iterator[Finding]:
    """Consent attaches to what the person was told: a material change ends it."""
    grant = case.grant
    if grant is None:
        return
    for one in case.by_now(PurposeMateriallyChanged):
        changed = cast(PurposeMateriallyChanged, one.fact).purpose == case.question.purpose
        if changed and one.at >= grant.at:
            yield _fails(case, Flag.PURPOSE_CHANGED, grant, one)


def withdrawn(case: Case) -> Iterator[Finding]:
    """Article 7(3): from the instant the withdrawal, or the person's refusal, reached us."""
    grant = case.grant
    if grant is None:
        return
    for one in _withdrawals(case, grant):
        if _overridden(case, grant, one):
            yield _says(case, Flag.PARENT_WITHDRAWAL_NO_EFFECT, one)
        else:
            yield _fails(case, Flag.CONSENT_WITHDRAWN, grant, one)


def objected(case: Case) -> Iterator[Finding]:
    """Nobody needs magic words: an objection to a consent purpose is a withdrawal."""
    grant = case.grant
    for one in _objections(case, grant) if grant else ():
        yield _fails(case, Flag.OBJECTION_TREATED_AS_WITHDRAWAL, cast(Item, grant), one)


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


def _withdrawals(case: Case, grant: Item) -> list[Item]:
    refusals = [
        one
        for one in case.for_purpose(ConsentRefused)
        if cast(ConsentRefused, one.fact).given_by == case.subject
    ]
    acts = [*case.for_purpose(ConsentWithdrawn), *refusals]
    return sorted((one for one in acts if one.at >= grant.at), key=lambda one: one.order)


def _objections(case: Case, grant: Item) -> list[Item]:
    return [
        one
        for one in case.for_purpose(ObjectionReceived)
        if one.at >= grant.at and cast(ObjectionReceived, one.fact).kind != "ART21_6"
    ]


def _overridden(case: Case, grant: Item, act: Item) -> bool:
    """A representative cannot take back what a competent person gave: the rights are theirs."""
    fact = cast(ConsentWithdrawn, act.fact)
    speaks_for_them = fact.capacity in ("SELF", "ADVOCATE_AUTHORISED")
    for_another = not speaks_for_them and fact.given_by != case.subject
    own = _granted(grant).capacity == "SELF" and _granted(grant).given_by == case.subject
    return for_another and own and case.competent(act.at)


def contested(case: Case) -> Iterator[Finding]:
    """Another holder of parental responsibility refused: not relied on until resolved (policy)."""
    grant = case.grant
    if grant is None or _granted(grant).capacity != "PR":
        return
    if case.policy["contested_pr_consent"] != "DENY until resolved":
        return
    for one in case.for_purpose(ConsentRefused):
        if _contests(case, grant, one) and not _resolved(case, one):
            yield _fails(case, Flag.CONSENT_CONTESTED, grant, one)


def _contests(case: Case, grant: Item, refusal: Item) -> bool:
    by = cast(ConsentRefused, refusal.fact).given_by
    if refusal.at < grant.at or by in (case.subject, _granted(grant).given_by):
        return False
    return _authority(case, holder=by, kind="PR", at=refusal.at) is not None


def _resolved(case: Case, refusal: Item) -> bool:
    """The last word on the dispute since the refusal is that the consent stands."""
    words = [one for one in case.for_purpose(DisputeResolved) if one.at > refusal.at]
    return bool(words) and cast(DisputeResolved, words[-1].fact).outcome == "CONSENT_STANDS"


def giver(case: Case) -> Iterator[Finding]:
    """Who may consent, at the moment of the grant (law, section 3.3)."""
    grant = case.grant
    for flag in _bars(case, grant) if grant else ():
        yield _fails(case, flag, cast(Item, grant))


def _bars(case: Case, grant: Item) -> Iterator[Flag]:
    """Everything that keeps the giver from consenting; nothing where they could."""
    fact = _granted(grant)
    if fact.given_by == case.asked.controller:
        yield Flag.SELF_CONSENT
    if fact.capacity == "SELF":
        if not _may_decide(case, grant):
            yield Flag.NO_AUTHORITY
        return
    unable = _authority(case, holder=fact.given_by, kind=fact.capacity, at=grant.at) is None
    grown = fact.capacity == "PR" and case.aged(18, grant.at)
    if unable or grown:
        yield Flag.NO_AUTHORITY
    if fact.capacity == "PR" and case.competent(grant.at):
        yield Flag.SUBJECT_COMPETENT


def _may_decide(case: Case, grant: Item) -> bool:
    """The person themself: assessed, or 16, or of the age of article 8 for such a service."""
    if _granted(grant).given_by != case.subject:
        return False
    if case.assessed(grant.at) is not None or not case.asked.child_service:
        return case.competent(grant.at)
    return case.competent(grant.at) or _of_service_age(case, grant.at)


def _of_service_age(case: Case, at: datetime) -> bool:
    for rule in case.law.child_service_ages():
        if rule.start <= at and (rule.end is None or at < rule.end):
            return case.aged(rule.age, at)
    return False


def age_rule_changed(case: Case) -> Iterator[Finding]:
    """The age of article 8 rose after the person's own consent: review, the law voids nothing."""
    grant = case.grant
    if grant is None or _granted(grant).capacity != "SELF" or not case.asked.child_service:
        return
    if not _of_service_age(case, case.at) and _of_service_age(case, grant.at):
        yield _says(case, Flag.AGE_RULE_CHANGED, grant)


def lapsed(case: Case) -> Iterator[Finding]:
    """A representative's consent lapses at 18, at the age of article 8, and on competence."""
    grant = case.grant
    if grant is None or _granted(grant).capacity != "PR":
        return
    flag = _lapse(case, grant)
    if flag is Flag.REVIEW_REP_CONSENT:
        yield _says(case, flag, grant)
    elif flag is not None:
        yield _fails(case, flag, grant)


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


def authority_ended(case: Case) -> Iterator[Finding]:
    """The giver's authority ended after a valid grant: reviewed, or by policy lapsed."""
    grant = case.grant
    if grant is None:
        return
    fact = _granted(grant)
    if _authority(case, holder=fact.given_by, kind=fact.capacity, at=grant.at) is None:
        return
    limits = [*case.by_now(AuthorityEnded), *case.by_now(AuthorityRestricted)]
    for one in limits:
        later = one.at > grant.at
        if later and not _authority(case, holder=fact.given_by, kind=fact.capacity, at=one.at):
            kills = case.consent_lines if case.policy["rep_authority_end"] == "lapse" else ()
            yield _says(case, Flag.REVIEW_REP_AUTHORITY_ENDED, grant, one, kills=kills)
            return


def _authority(case: Case, *, holder: str, kind: str, at: datetime) -> Item | None:
    """The entry by which the holder may act at `at`, or None."""
    restricted = any(
        one.at <= at and _held(one.fact) == (holder, kind)
        for one in case.person.of(AuthorityRestricted)
    )
    if restricted:
        return None
    for one in case.person.of(AuthorityStarted):
        if one.at <= at and _held(one.fact) == (holder, kind) and not _stopped(case, one, at):
            return one
    return None


def _stopped(case: Case, start: Item, at: datetime) -> bool:
    """The authority ended by `at`: the end names it, or names none and has its holder and kind."""
    starts = case.person.of(AuthorityStarted)
    for one in case.person.of(AuthorityEnded):
        named = cast(AuthorityEnded, one.fact).authority
        if one.at > at or named in case.person.elsewhere:
            continue
        if any(named == each.entry for each in starts):
            if named == start.entry:
                return True
        elif start.at <= one.at and _held(one.fact) == _held(start.fact):
            return True
    return False


def _held(fact: Fact) -> tuple[str, str]:
    authority = cast(AuthorityStarted, fact)
    return authority.holder, authority.kind


def review(case: Case) -> Iterator[Finding]:
    """The ICO asks for consents to be reviewed; the months are policy and end nothing."""
    grant = case.grant
    months = cast(int, case.policy["consent_review_months"])
    if grant and months and months_after(grant.at, months) <= case.at:
        yield _says(case, Flag.CONSENT_REVIEW_DUE, grant)


def other_basis(case: Case) -> Iterator[Finding]:
    """Taken back, and another line goes on: say so plainly, and ask whether the person was told."""
    end = ending(case) if case.asserts_consent else None
    others = [line for line in case.lines if line.live]
    if end is None or not others:
        return
    entries = (end.entry, *(line.entry for line in others))
    yield Finding(flag=Flag.CONSENT_WITHDRAWN_OTHER_BASIS, entries=entries)
    if not any(one.at >= end.at for one in case.by_now(NoticeProvided)):
        yield Finding(flag=Flag.FAIRNESS_REVIEW, entries=(end.entry,))


def content_erased(case: Case) -> Iterator[Finding]:
    """The answer rests on a consent whose content was erased later: the proof of it stays."""
    if not any(line.article6 == "a" for line in case.named):
        return
    for one in case.of(ErasureExecuted):
        concerned = cast(ErasureExecuted, one.fact).purpose in (
            case.question.purpose,
            EVERY_PURPOSE,
        )
        if concerned and one.at > case.at:
            yield Finding(flag=Flag.EVIDENCE_TOMBSTONE, entries=(one.entry,))


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
