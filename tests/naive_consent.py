"""Whether the newest consent of a person stands, for the naive oracle (articles 4(11), 7 and 8).

It says nothing of any other basis. Every check of the newest grant is made, and every failed one
is flagged: a lapsed or invalid newest grant does not revive an older one (law.md §9.3 step 4).
"""

from datetime import datetime

import msgspec

from tests.naive_facts import (
    Case,
    Entry,
    aged,
    authorised,
    competence,
    instant,
    mine,
    mine_for,
    of_type,
    starts,
)

Flags = set[str]

NEVER_VALID = {
    "CONSENT_INVALIDATED",
    "CONSENT_UNPROVEN",
    "NO_AUTHORITY",
    "SELF_CONSENT",
    "SUBJECT_COMPETENT",
}
ATTORNEYS = ("ATTORNEY_HW", "ATTORNEY_PF", "DEPUTY")
REPRESENTATIVES = ("PR", *ATTORNEYS, "ADVOCATE_AUTHORISED")


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the newest grant; `ended_at` is when it was taken back, if it was."""

    grant: Entry
    flags: Flags
    ended_at: datetime | None
    barred_since: datetime | None
    good: bool


def newest_consent(case: Case) -> Consent | None:
    """The newest grant for the purpose at the moment asked, judged; None without one."""
    grants = [g for g in mine(case, "ConsentGranted") if g["purpose"] == case.purpose["id"]]
    if not grants:
        return None
    grant = grants[-1]
    endings = taken_back(case, grant)
    flags = standing(case, grant) | giver(case, grant) | {flag for flag, _ in endings}
    if contested(case, grant):
        flags.add("CONSENT_CONTESTED")
    harmless = {"REVIEW_REP_CONSENT", "PARENT_WITHDRAWAL_NO_EFFECT"}
    if case.policy.get("rep_authority_end") != "lapse":
        harmless.add("REVIEW_REP_AUTHORITY_ENDED")
    ended_at = min((when for _, when in endings if when is not None), default=None)
    barred_since = ended_at
    # §4.2 B4: a grant that was never valid does not lift the bar an earlier withdrawal set.
    if barred_since is None and flags & NEVER_VALID:
        for older in reversed(grants[:-1]):
            acts = [when for _, when in taken_back(case, older) if when is not None]
            barred_since = barred_since or min(acts, default=None)
    return Consent(
        grant=grant,
        flags=flags,
        ended_at=ended_at,
        barred_since=barred_since,
        good=flags <= harmless,
    )


def standing(case: Case, grant: Entry) -> Flags:
    """Proof, validity, duration, and whether the purpose is still the one consented to."""
    flags: Flags = set()
    # Article 7(1): the controller must be able to demonstrate consent.
    if not grant.get("evidence"):
        flags.add("CONSENT_UNPROVEN")
    invalid = [e for e in of_type(case.facts, "ConsentInvalidated") if e["subject"] == case.subject]
    if any(e["consent"] == grant["id"] for e in invalid):
        flags.add("CONSENT_INVALIDATED")
    if grant.get("expires_at") and instant(grant["expires_at"]) <= case.at:
        flags.add("CONSENT_EXPIRED")
    # Article 4(11), law.md §4.4 N2: consent is for what the person was told.
    changes = [
        starts(e)
        for e in of_type(case.facts, "PurposeMateriallyChanged")
        if e["subject"] in (None, case.subject) and e["purpose"] == case.purpose["id"]
    ]
    if any(starts(grant) <= change <= case.at for change in changes):
        flags.add("PURPOSE_CHANGED")
    return flags


# ---- Taken back: article 7(3) ----


def taken_back(case: Case, grant: Entry) -> list[tuple[str, datetime | None]]:
    """Each message against the grant: its flag, and when it ended the consent (None: not)."""
    found: list[tuple[str, datetime | None]] = []
    for message in since(mine_for(case, "ConsentWithdrawn"), grant):
        if without_effect(case, grant, message):
            found.append(("PARENT_WITHDRAWAL_NO_EFFECT", None))
        else:
            found.append(("CONSENT_WITHDRAWN", starts(message)))
    for refusal in since(mine_for(case, "ConsentRefused"), grant):
        if refusal["given_by"] == case.subject:
            found.append(("CONSENT_WITHDRAWN", starts(refusal)))
    # Nobody needs magic words: "I object" to a use based on consent is a withdrawal (§2.1).
    for objection in since(mine_for(case, "ObjectionReceived"), grant):
        if objection["kind"] != "ART21_6":
            found.append(("OBJECTION_TREATED_AS_WITHDRAWAL", starts(objection)))
    return found


def since(entries: list[Entry], grant: Entry) -> list[Entry]:
    """At the same instant as the grant, the message against it wins (§9.2)."""
    return [entry for entry in entries if starts(grant) <= starts(entry)]


def without_effect(case: Case, grant: Entry, message: Entry) -> bool:
    """A representative does not switch off what a competent person chose (§3.3, §3.4)."""
    own = grant["capacity"] == "SELF" and grant["given_by"] == case.subject
    # An authorised advocate says what the person says.
    by_other = (
        message["capacity"] not in ("SELF", "ADVOCATE_AUTHORISED")
        and message["given_by"] != case.subject
    )
    if not own or not by_other:
        return False
    when = starts(message)
    assessed = competence(case, when)
    # MCA 2005: for a person found to lack capacity another may also take back; so may anyone
    # for whom we hold no authority, since stopping needs none.
    return assessed is True or (assessed is None and aged(case, 16, when))


def contested(case: Case, grant: Entry) -> bool:
    """POLICY contested_pr_consent: another holder of parental responsibility refuses (§3.4)."""
    if grant["capacity"] != "PR":
        return False
    if case.policy.get("contested_pr_consent") == "first consent stands":
        return False
    settled = [
        starts(e) for e in mine_for(case, "DisputeResolved") if e["outcome"] == "CONSENT_STANDS"
    ]
    return any(
        refusal["given_by"] not in (case.subject, grant["given_by"])
        and authorised(case, refusal["given_by"], "PR", starts(refusal))
        and not any(starts(refusal) < when for when in settled)
        for refusal in since(mine_for(case, "ConsentRefused"), grant)
    )


# ---- Who gave it: law.md §3.3 and §3.4 ----


def giver(case: Case, grant: Entry) -> Flags:
    flags: Flags = set()
    if grant["given_by"] == case.purpose["controller"]:
        flags.add("SELF_CONSENT")  # Article 4(11): freely given, so never by the controller.
    if grant["given_by"] == case.subject and grant["capacity"] == "SELF":
        return flags if may_decide(case, starts(grant)) else flags | {"NO_AUTHORITY"}
    if grant["capacity"] not in REPRESENTATIVES:
        return flags | {"NO_AUTHORITY"}
    flags |= authority(case, grant)
    if grant["capacity"] == "PR":
        flags |= childhood(case, grant)
    return flags


def may_decide(case: Case, at: datetime) -> bool:
    """An own consent: competent, or of an age at which that is presumed (MCA 2005 s.1(2))."""
    assessed = competence(case, at)
    if assessed is False:
        return False
    of_age = aged(case, 16, at) or (for_children(case) and aged(case, 13, at))
    return of_age or assessed is True


def for_children(case: Case) -> bool:
    """Article 8(1): an information society service offered to a child, not counselling."""
    offered = case.purpose["information_society_service"] and case.purpose["offered_to_children"]
    return bool(offered and not case.purpose["preventive_or_counselling"])


def authority(case: Case, grant: Entry) -> Flags:
    """Live at the grant; its end later calls for a review (POLICY rep_authority_end)."""
    who, kind = grant["given_by"], grant["capacity"]
    if not authorised(case, who, kind, starts(grant)):
        return {"NO_AUTHORITY"}
    limits = of_type(case.facts, "AuthorityEnded") + of_type(case.facts, "AuthorityRestricted")
    later = [starts(e) for e in limits if starts(grant) < starts(e) <= case.at]
    ended = any(not authorised(case, who, kind, when) for when in later)
    return {"REVIEW_REP_AUTHORITY_ENDED"} if ended else set()


def childhood(case: Case, grant: Entry) -> Flags:
    """Parental responsibility yields to the person: at the grant, and then as he grows up."""
    flags, when = lapses(case, grant), starts(grant)
    assessed = competence(case, when)
    if assessed is True or (aged(case, 16, when) and assessed is not False):
        flags.add("SUBJECT_COMPETENT")
    if aged(case, 18, when):  # Family Law Reform Act 1969 s.1; Children Act 1989 s.105.
        flags.add("NO_AUTHORITY")
    return flags


def lapses(case: Case, grant: Entry) -> Flags:
    """The first of these that has come: 18, the age for an online service, competence."""
    if aged(case, 18, case.at):
        return {"REP_CONSENT_LAPSED_18"}
    if for_children(case) and aged(case, 13, case.at):
        return {"REP_CONSENT_LAPSED_ISS_AGE"}
    latest = mine_for(case, "CompetenceAssessed")[-1:]
    # Each reason, and whether POLICY lets the consent lapse for it or asks for a review only.
    reasons: list[bool] = []
    if aged(case, 16, case.at) and not any(e["competent"] is False for e in latest):
        reasons.append(case.policy.get("rep_consent_lapses_at_16") is not False)
    if any(e["competent"] is True and starts(e) > starts(grant) for e in latest):
        reasons.append(case.policy.get("rep_consent_lapses_on_competence") is not False)
    if any(reasons):
        return {"REP_CONSENT_LAPSED_COMPETENT"}
    return {"REVIEW_REP_CONSENT"} if reasons else set()
