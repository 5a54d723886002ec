"""The second key, for the naive oracle: which condition of article 9 or route of article 10 is met.

It says nothing of article 6. A condition that fails raises its flag even if another is met.
"§" is the law specification, "Sch 1" is DPA 2018 Schedule 1.
"""

from tests.naive_consent import Consent, Flags
from tests.naive_facts import Case, Entry, aged, instant, mine, mine_for, of_type, starts

NOT_FOR_OFFENCES = (8, 9, 16, 19, 21, 22)  # Paragraphs that are no route of article 10 (§1.5).


def conditions(
    case: Case, question: Entry, consent: Consent | None, line_letters: Flags, flags: Flags
) -> Flags:
    if question["data"] == "offence":
        return offence_routes(case, flags)
    if question["data"] == "ordinary":
        return set()
    met: Flags = set()
    for row in case.purpose["conditions"]:
        faults = paragraph_faults(case, row["schedule1"], row["policy_document"])
        # Article 9(2)(a): an express statement, in a consent that stands.
        explicit = consent is not None and consent.grant.get("explicit") is True
        if row["article9"] == "a" and not (explicit and "a" in line_letters):
            faults.add("NOT_EXPLICIT")
        flags |= faults
        if not faults:
            paragraph = f"+Sch1({row['schedule1']})" if row["schedule1"] else ""
            met.add(f"9(2)({row['article9']}){paragraph}")
    if not met:
        flags.add("NO_ART9_CONDITION")
    return met


def offence_routes(case: Case, flags: Flags) -> Flags:
    """§1.6: official authority, or a paragraph of Sch 1 that serves for offence data."""
    route = case.purpose["offence_route"] or {}
    met: Flags = {"10+official-authority"} if route.get("official_authority") is True else set()
    numbers = route.get("schedule1", [])
    for number in numbers if isinstance(numbers, list) else [numbers]:
        rows = [row for row in case.purpose["conditions"] if row["schedule1"] == number]
        faults = paragraph_faults(case, number, any(row["policy_document"] for row in rows))
        flags |= faults
        if not faults and number not in NOT_FOR_OFFENCES:
            met.add(f"10+Sch1({number})")
    if not met:
        flags.add("NO_ART10_ROUTE")
    return met


def paragraph_faults(case: Case, paragraph: int | None, needs_document: bool) -> Flags:
    faults: Flags = set()
    # Sch 1 paras 5, 39: an appropriate policy document in place at the time, never back-dated.
    if needs_document and not policy_document(case):
        faults.add("APD_MISSING")
    # Sch 1 para 18(1)(b), (3): a child, or an adult at risk.
    at_risk = any(e["at_risk"] is True for e in mine(case, "AtRiskAssessed")[-1:])
    if paragraph == 18 and aged(case, 18, case.at) and not at_risk:
        faults.add("PARA18_AGE")
    if paragraph == 8 and opted_out(case):
        faults.add("PARA8_5_NOTICE")
    return faults


def policy_document(case: Case) -> bool:
    ended = {
        e["policy_document"]
        for e in of_type(case.facts, "PolicyDocumentEnded")
        if starts(e) <= case.at
    }
    return any(
        max(starts(e), instant(e["recorded_at"])) <= case.at and e["id"] not in ended
        for e in of_type(case.facts, "PolicyDocumentAdopted")
    )


def opted_out(case: Case) -> bool:
    """Sch 1 para 8(5): in writing, after a reasonable period, until withdrawn in writing."""
    back = [starts(e) for e in mine_for(case, "EqualityOptOutWithdrawn") if e["written"] is True]
    return any(
        notice["written"] is True
        and instant(notice["period_ends_at"]) <= case.at
        and not any(starts(notice) < when for when in back)
        for notice in mine_for(case, "EqualityOptOutReceived")
    )
