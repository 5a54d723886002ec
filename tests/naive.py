"""The answer a second time, as plainly as it can be said: the oracle the real core is held against.

It re-reads the whole list of entries for every question and keeps nothing, so that an auditor can
hold each block against the law named beside it. It is not fast, is used by tests only, and shares
no code with the ledger. Entries are the dicts of `tests/scenarios/README.md`; articles are of the
UK GDPR, "§" is the law specification, "Sch 1" is DPA 2018 Schedule 1.
"""

from datetime import date, datetime, timedelta

from tests.naive_conditions import conditions
from tests.naive_consent import Consent, Flags, newest_consent
from tests.naive_facts import (
    Case,
    Entry,
    about_purpose,
    history,
    instant,
    late,
    midnight,
    mine,
    mine_for,
    months_after,
    of_type,
    starts,
    status_live,
    statuses,
)

Answer = dict[str, str | list[str]]

OPERATIONS = ("USE", "COLLECT", "SHARE", "STORE")
DATA = ("ordinary", "special", "offence")
# From when article 6(1) has had each point (§1.1, §1.2; SI 2026/82 for (ea)).
IN_FORCE = {letter: date(2018, 5, 25) for letter in "abcdef"} | {"ea": date(2026, 2, 5)}
OBJECTABLE = ("e", "ea", "f")  # The only lines that article 21(1) reaches.
LEAST_FIRST = ("DENY", "OUT_OF_SCOPE", "PERMIT_LIMITED", "PERMIT")


def ask(given: list[Entry], catalogue: Entry, policy: Entry, question: Entry) -> Answer:
    """May this person's data be processed: decision, live lines, conditions and flags, sorted."""
    for field, allowed in (("operation", OPERATIONS), ("data", DATA)):
        if question[field] not in allowed:
            raise ValueError(f"{field} must be one of {', '.join(allowed)}")
    if len(question["effective_at"]) == len("YYYY-MM-DD"):
        return ask_about_day(given, catalogue, policy, question)
    return ask_at(given, catalogue, policy, question, instant(question["effective_at"]))


def ask_about_day(given: list[Entry], catalogue: Entry, policy: Entry, question: Entry) -> Answer:
    """§9.2: the least permissive answer of the London day, over every moment that could matter."""
    day = date.fromisoformat(question["effective_at"])
    first, last = midnight(day), midnight(day + timedelta(days=1))
    named = {instant(e[key]) for e in given for key in e if key.endswith("_at") and e[key]}
    backs = {purpose["lookback_months"] or 0 for purpose in catalogue["purposes"]}
    tails = {months_after(moment, back) for moment in named for back in backs}
    within = sorted(moment for moment in named | tails | {first} if first <= moment < last)
    answers = [ask_at(given, catalogue, policy, question, moment) for moment in within]
    least = min(answers, key=lambda a: (LEAST_FIRST.index(str(a["decision"])), len(a["live"])))
    changes = any(answer != answers[0] for answer in answers)
    return least | {"flags": sorted({*least["flags"], *(["INTRADAY_CHANGE"] if changes else [])})}


def ask_at(
    given: list[Entry], catalogue: Entry, policy: Entry, question: Entry, at: datetime
) -> Answer:
    known_at = instant(question["known_at"]) if question.get("known_at") else None
    facts, merged_away = history(given, known_at)
    # What was sealed with a destroyed key can be read by nobody, whatever was known when.
    if any(e["subject"] == question["subject"] for e in of_type(given, "KeyDestroyed")):
        return answer("DENY", {"ERASED"})
    if question["subject"] in merged_away:
        return answer("DENY", {"IDENTITY_MERGED"})
    found = judge(case_of(facts, catalogue, policy, question, at), question)
    # LATE_GAP: the same question without the restrictive facts heard too late.
    in_time = [entry for entry in facts if not late(facts, entry, at)]
    believed = judge(case_of(in_time, catalogue, policy, question, at), question)
    return found if found == believed else answer_with(found, "LATE_GAP")


def case_of(
    facts: list[Entry],
    catalogue: Entry,
    policy: Entry,
    question: Entry,
    at: datetime,
) -> Case:
    unknown = {"id": question["purpose"], "controller": None}
    purpose = next((p for p in catalogue["purposes"] if p["id"] == question["purpose"]), unknown)
    # A controller the catalogue does not describe is held to the stricter rules.
    controller = [c for c in catalogue["controllers"] if c["id"] == purpose["controller"]]
    return Case(
        facts=facts,
        subject=question["subject"],
        purpose=purpose,
        public_authority=all(c["public_authority"] for c in controller),
        policy=policy,
        at=at,
    )


def answer(
    decision: str, flags: Flags, live: Flags | None = None, conditions: Flags | None = None
) -> Answer:
    return {
        "decision": decision,
        "live": sorted(live or ()),
        "conditions": sorted(conditions or ()),
        "flags": sorted(flags),
    }


def answer_with(found: Answer, flag: str) -> Answer:
    return found | {"flags": sorted({*found["flags"], flag})}


def judge(case: Case, question: Entry) -> Answer:
    """The pipeline of §9.3, steps 2 to 10, on the entries that count."""
    # Step 2. Recital 27: the law protects the living. Article 17: what is erased is gone.
    if mine(case, "DeathRecorded"):
        return answer("OUT_OF_SCOPE", {"DECEASED"})
    if mine_for(case, "ErasureExecuted"):
        return answer("DENY", {"ERASED"})
    # Step 3. Nothing is permitted for a purpose nobody described, or without its trigger.
    if "lines" not in case.purpose:
        return answer("DENY", {"UNKNOWN_PURPOSE"})
    flags: Flags = set()
    if not triggered(case, flags):
        return answer("DENY", {"TRIGGER_NOT_MET"})
    # Steps 4 to 6, then the part of step 9 that reaches single lines.
    lines = lines_at(case, flags)
    consent = newest_consent(case)
    judge_lines(case, lines, consent, flags)
    object_to(case, lines, flags)
    restrict_objectable(case, lines, flags)
    annotate(case, lines, consent, flags)
    # Steps 7 and 8.
    live, suspended = letters(lines, "live"), letters(lines, "suspended")
    if not live and not suspended:
        return answer("DENY", flags)
    met = conditions(case, question, consent, live | suspended, flags)
    if question["data"] != "ordinary" and not met:
        return answer("DENY", flags)
    # Steps 9 and 10.
    decision = overlay(case, question, "PERMIT" if live else "PERMIT_LIMITED", flags)
    relied_on = live or suspended
    attach(case, relied_on, flags)
    return answer(decision, flags, relied_on, met)


# ---- Step 3: the trigger, §5.1 ----


def triggered(case: Case, flags: Flags) -> bool:
    kinds = case.purpose["triggers"]
    if not kinds or any(status_live(case, kind) for kind in kinds):
        return True
    months = case.purpose["lookback_months"] or 0
    ends = [end for kind in kinds for _, end in statuses(case, kind) if end is not None]
    if any(end <= case.at < months_after(end, months) for end in ends):
        flags.add("RECENT_STATUS")
        return True
    return False


# ---- Step 4: the lines of article 6(1) ----


def lines_at(case: Case, flags: Flags) -> list[Entry]:
    """Lines of the catalogue and declared ones that have begun and not ended."""
    lines = [
        {"article6": row["article6"], "while": row["while"], "kind": "catalogue"}
        | {"start": midnight(date.fromisoformat(row["effective_from"]))}
        for row in case.purpose["lines"]
    ]
    lines += [declared(case, entry, flags) for entry in about_purpose(case, "BasisDeclared")]
    ends = about_purpose(case, "BasisEnded")
    return [line for line in lines if line["start"] <= case.at and not ended(case, line, ends)]


def declared(case: Case, entry: Entry, flags: Flags) -> Entry:
    """§4.2 B7: reaching back needs evidence of the time; B3: a correction waits for the notice."""
    start, recorded = starts(entry), instant(entry["recorded_at"])
    if start < recorded and not entry.get("contemporaneous_evidence"):
        if start <= case.at < recorded:
            flags.add("RETROSPECTIVE_RELABEL")
        start = recorded
    corrects = entry.get("correction") == "WRONG_FROM_START"
    if corrects and entry.get("informed_at"):
        start = max(start, instant(entry["informed_at"]))
    kind = "correction" if corrects else "declared"
    return {"article6": entry["article6"], "while": None, "kind": kind, "start": start}


def ended(case: Case, line: Entry, ends: list[Entry]) -> bool:
    """§4.2 B2: at the same instant the end wins; a later declaration starts anew."""
    same = [starts(e) for e in ends if e["article6"] == line["article6"]]
    return any(line["start"] <= end <= case.at for end in same)


def judge_lines(case: Case, lines: list[Entry], consent: Consent | None, flags: Flags) -> None:
    for line in lines:
        faults = legal_faults(case, line["article6"])
        # Article 6(1)(c): no obligation while the status that triggers it is not live.
        if line["while"] and not status_live(case, line["while"]):
            faults.add("DUTY_NOT_ENGAGED")
        if not faults and swapped(line, consent):
            faults.add("SWAP_AFTER_WITHDRAWAL")
        flags |= faults
        good = not faults
        if line["article6"] == "a":
            good = good and consent is not None and consent.good
            flags |= consent.flags if consent else set()
        line["state"] = "live" if good else "dead"


def legal_faults(case: Case, article6: str) -> Flags:
    """§1.2 LR1, LR2 at the moment asked; a point the law does not have is never in force.

    The oracle, like an answer, knows the law as the rule book has it, whatever `known_at` is.
    """
    faults: Flags = set()
    if article6 not in IN_FORCE or case.at < midnight(IN_FORCE[article6]):
        faults.add("LAW_NOT_IN_FORCE")
    # Article 6(1), last sub-paragraph: not for public authorities performing their tasks.
    elif article6 in ("ea", "f") and case.public_authority and case.purpose["task"]:
        faults.add("PUBLIC_AUTHORITY_BAR")
    return faults


def swapped(line: Entry, consent: Consent | None) -> bool:
    """Step 5, §4.2 B4: no discretionary basis first declared after the person took consent back."""
    if line["kind"] != "declared" or line["article6"] not in OBJECTABLE:
        return False
    return bool(consent and consent.barred_since and line["start"] > consent.barred_since)


# ---- Step 6: objections, article 21 ----


def object_to(case: Case, lines: list[Entry], flags: Flags) -> None:
    objections = mine_for(case, "ObjectionReceived")
    kinds = {objection["kind"] for objection in objections}
    # Article 21(2)-(3): absolute. No balancing, nothing pending, and a decision on it is void.
    if case.purpose["direct_marketing"] and kinds - {"ART21_6", "NHS_NUMBER"}:
        flags.add("DM_OBJECTION_ABSOLUTE")
        for line in lines:
            line["state"] = "dead"
        return
    live = [line for line in lines if line["state"] == "live"]
    effects = [effect for o in objections for effect in effects_of(case, o, live, flags)]
    # One upheld objection outweighs whatever is still pending.
    for state in ("suspended", "dead"):
        for line in [line for line, becomes in effects if becomes == state]:
            line["state"] = state


def effects_of(
    case: Case, objection: Entry, live: list[Entry], flags: Flags
) -> list[tuple[Entry, str]]:
    """The lines an objection reaches, each with the state it puts them in."""
    reached = reach(case, objection, live, flags)
    if not reached:
        return []
    outcome = outcome_of(case, objection)
    flags.add(f"OBJECTION_{outcome}")
    # POLICY auto_restrict_on_objection: article 21(1) itself says stop, unless grounds are shown.
    goes_on = (
        objection["kind"] != "ART21_6" and case.policy.get("auto_restrict_on_objection") is False
    )
    pending = "live" if goes_on else "suspended"
    state = {"UPHELD": "dead", "PENDING": pending, "REJECTED": "live"}[outcome]
    return [(line, state) for line in reached]


def reach(case: Case, objection: Entry, live: list[Entry], flags: Flags) -> list[Entry]:
    if objection["kind"] == "ART21_2":  # Nothing here is direct marketing.
        flags.add("OBJECTION_NOT_AVAILABLE")
        return []
    if objection["kind"] == "ART21_6":  # Yields to research for a task in the public interest.
        if case.purpose["research"] and not case.purpose["task"]:
            return live
        flags.add("ART21_6_NOT_AVAILABLE")
        return []
    # Article 21(1); §5.2 reads an objection to NHS-number matching the same way.
    if any(line["article6"] not in (*OBJECTABLE, "a") for line in live):
        flags.add("OBJECTION_NOT_AVAILABLE")
    return [line for line in live if line["article6"] in OBJECTABLE]


def outcome_of(case: Case, objection: Entry) -> str:
    """§2.3: a decision counts when the person is told of it; the latest one told wins."""
    told = [
        (instant(e["informed_at"]), e["outcome"] == "UPHELD", e["outcome"])
        for e in of_type(case.facts, "ObjectionDecided")
        if e["subject"] == case.subject and e["objection"] == objection["id"]
        if e["outcome"] in ("UPHELD", "REJECTED") and e.get("informed_at")
    ]
    return max([row for row in told if row[0] <= case.at], default=("", "", "PENDING"))[2]


# ---- Steps 8 to 10: restriction, article 18, and what else must be said ----


def letters(lines: list[Entry], state: str) -> Flags:
    return {line["article6"] for line in lines if line["state"] == state}


def restrictions(case: Case) -> Flags:
    """The grounds in force: article 18(3) ends one when the person is told of it."""
    lifted = {
        e["restriction"]
        for e in of_type(case.facts, "RestrictionLifted")
        if e["subject"] == case.subject
        if e.get("informed_at") and instant(e["informed_at"]) <= case.at
    }
    return {e["ground"] for e in mine_for(case, "RestrictionApplied") if e["id"] not in lifted}


def restrict_objectable(case: Case, lines: list[Entry], flags: Flags) -> None:
    """Article 18(1)(d) reaches only what can be objected to."""
    if "d" not in restrictions(case):
        return
    for line in lines:
        if line["article6"] in OBJECTABLE and line["state"] in ("live", "suspended"):
            line["state"] = "suspended"
            flags.add("RESTRICTED_18_1_d")


def annotate(case: Case, lines: list[Entry], consent: Consent | None, flags: Flags) -> None:
    standing = [line for line in lines if line["state"] != "dead"]
    corrected = {
        e["article6"] for e in about_purpose(case, "BasisCorrected") if starts(e) <= case.at
    }
    if any(line["kind"] == "correction" or line["article6"] in corrected for line in standing):
        flags.add("BASIS_CORRECTED")
    # §4.2 B5, B6: say that withdrawal did not stop it, and whether the person was told.
    others = letters(lines, "live") - {"a"}
    has_consent_line = any(line["article6"] == "a" for line in lines)
    if not (has_consent_line and consent and consent.ended_at and others):
        return
    flags.add("CONSENT_WITHDRAWN_OTHER_BASIS")
    if not any(consent.ended_at <= starts(e) for e in mine(case, "NoticeProvided")):
        flags.add("FAIRNESS_REVIEW")


def overlay(case: Case, question: Entry, decision: str, flags: Flags) -> str:
    """Article 18(2): storage goes on; any other use needs an exception someone decided."""
    grounds = restrictions(case) - {"d"}
    flags |= {f"RESTRICTED_18_1_{ground}" for ground in grounds}
    if decision == "PERMIT" and not grounds:
        return "PERMIT"
    if question["operation"] == "STORE":
        flags.add("STORE_ONLY")
        return "PERMIT"
    if question["operation"] != "COLLECT" and excepted(case, question):
        flags.add("EXCEPTION_18_2")
        return "PERMIT"
    return "PERMIT_LIMITED"


def excepted(case: Case, question: Entry) -> bool:
    """§2.2: the caller names it, and it was recorded for this purpose and has not run out."""
    return any(
        question.get("exception") == e["kind"]
        and e.get("purpose") in (None, "*", case.purpose["id"])
        and (not e.get("ends_at") or case.at < instant(e["ends_at"]))
        for e in mine(case, "RestrictionExceptionRecorded")
    )


def attach(case: Case, relied_on: Flags, flags: Flags) -> None:
    # §4.4 N3: a basis survives a gap in notice; the gap is an infringement of its own.
    current = case.purpose["current_notice"]
    if current and all(e["notice"] != current for e in mine(case, "NoticeProvided")):
        flags.add("TRANSPARENCY_GAP")
    # §2.3 erasure and proof: the consent relied on was erased later, its tombstone stays.
    erased = [e for e in of_type(case.facts, "ErasureExecuted") if e["subject"] == case.subject]
    if "a" in relied_on and any(e["purpose"] in ("*", case.purpose["id"]) for e in erased):
        flags.add("EVIDENCE_TOMBSTONE")
