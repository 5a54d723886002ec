"""What the naive oracle takes as true: which entries count for a question, and how they are read.

It holds times, corrections, ages, authorities and statuses, and nothing that decides. It keeps
nothing between questions and shares no code with the ledger. Articles are of the UK GDPR.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

Entry = dict[str, Any]

LONDON = ZoneInfo("Europe/London")
ENDED_AT_18 = ("CPP", "LAC")  # Children Act 1989 s.105: a child is a person under 18.
# The facts that can take something away; heard late, they open a LATE_GAP.
RESTRICTIVE = (
    "ConsentWithdrawn",
    "ConsentRefused",
    "ConsentInvalidated",
    "ServiceAgreementEnded",
    "AuthorityEnded",
    "AuthorityRestricted",
    "StatusEnded",
    "BasisEnded",
    "ObjectionReceived",
    "EqualityOptOutReceived",
    "RestrictionApplied",
    "ErasureExecuted",
    "DeathRecorded",
    "PolicyDocumentEnded",
    "PurposeMateriallyChanged",
    "CompetenceAssessed",
)


PASSED_ON = (
    "ComplaintReceived",
    "ConsentRefused",
    "ConsentWithdrawn",
    "EqualityOptOutReceived",
    "ErasureExecuted",
    "ErasureRequested",
    "ObjectionReceived",
    "RestrictionApplied",
)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One question at one moment, and the entries that count for it."""

    facts: list[Entry]
    subject: str
    purpose: Entry
    public_authority: bool
    policy: Entry
    at: datetime


# ---- Times: law.md §3.4, §9.2 ----


def instant(text: str) -> datetime:
    """Always UTC, because Python compares two London times by their wall clocks."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset: write it as RFC 3339, ending in Z or +00:00")
    return moment.astimezone(UTC)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


def months_after(moment: datetime, months: int) -> datetime:
    """Same-numbered day, else the last of that month, at the same time by the London clock."""
    local = moment.astimezone(LONDON)
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    clock = local.time().replace(fold=0)
    return datetime.combine(date(year, month + 1, day), clock, LONDON).astimezone(UTC)


# The fields by which one entry says something of another.
REFERENCES = ("consent", "objection", "authority", "status", "restriction", "policy_document")


# What a person asks us to stop: a fast clock at a caller must not leave a gap (design, Time).
ACTS = (
    "ConsentRefused",
    "ConsentWithdrawn",
    "EqualityOptOutReceived",
    "ObjectionReceived",
    "RestrictionApplied",
)


def starts(entry: Entry) -> datetime:
    start, recorded = instant(entry["effective_at"]), instant(entry["recorded_at"])
    if entry["type"] not in ACTS:
        return start
    if entry.get("requested_effective_at"):
        return min(start, max(recorded, instant(entry["requested_effective_at"])))
    # Received by then and taking effect later: the person asked for later (law.md §2.1).
    received = entry.get("received_at")
    return start if received and instant(received) <= recorded else min(start, recorded)


def order(entry: Entry) -> tuple[datetime, datetime, int]:
    return starts(entry), *recording(entry)


def recording(entry: Entry) -> tuple[datetime, int]:
    return instant(entry["recorded_at"]), entry["index"]


# ---- What counts at known_at: law.md §9.3 step 1 ----


def history(given: list[Entry], known_at: datetime | None) -> tuple[list[Entry], set[str]]:
    """Copies of the entries that stand, in order, and the subjects merged away."""
    facts = [
        entry | {"index": index, "learned_at": entry["recorded_at"]}
        for index, entry in enumerate(given)
        if known_at is None or instant(entry["recorded_at"]) <= known_at
    ]
    facts += passed_on(given, facts)
    void = voided(facts)
    acts = [entry for entry in facts if entry["id"] not in void]
    merges = [e for e in of_type(acts, "IdentityMerged") if not undone(acts, e)]
    for entry in facts:
        home(entry, facts)
    # Moves follow one another as they were recorded: an entry may move twice.
    for move in sorted(merges + of_type(acts, "EntryReattributed"), key=recording):
        carry(move, facts)
    standing = [entry for entry in facts if entry["id"] not in void]
    return sorted(standing, key=order), {merge["from"] for merge in merges}


def home(entry: Entry, facts: list[Entry]) -> None:
    """What is said of an entry is said to a person who has it, wherever it was written."""
    named = [other for other in facts if other["id"] == about_entry(entry)]
    owners = [other["subject"] for other in named if not other.get("copied")]
    if owners and entry["subject"] not in [other["subject"] for other in named]:
        entry["subject"] = owners[0]


def carry(move: Entry, facts: list[Entry]) -> None:
    gone = {entry["id"] for entry in facts if moves(move, entry)}
    followers = [
        entry
        for entry in facts
        if entry["subject"] == move["from"]
        and about_entry(entry) in gone
        and recording(move) < recording(entry)
    ]
    for entry in facts:
        if moves(move, entry):
            relocate(entry, move)
    # What is later said of an entry that has moved reaches it where it counts.
    for entry in followers:
        entry["subject"] = move["to"] if move["type"] == "EntryReattributed" else move["into"]


def passed_on(given: list[Entry], facts: list[Entry]) -> list[Entry]:
    """What a person asked to stop counts, for good, for all whom they were then held to be.

    So does what became of it, while they are.
    """
    acts = {entry["id"] for entry in facts if entry["type"] in PASSED_ON}
    copies = []
    for entry in facts if of_type(given, "IdentityMerged") else ():
        if not acts & {entry["id"], about_entry(entry)}:
            continue
        before = [e for e in given[: entry["index"]] if e["recorded_at"] <= entry["recorded_at"]]
        standing = [e for e in before if e["id"] not in voided(indexed(before))]
        for other in held_to_be(entry["subject"], indexed(standing)):
            copy = entry | {"subject": other, "copied": True}
            if entry.get("given_by") == entry["subject"]:
                copy["given_by"] = other
            copies.append(copy)
    return copies


def held_to_be(subject: str, facts: list[Entry]) -> list[str]:
    """Everybody else who is the same person by the merges that stand."""
    pairs = [
        {merge["from"], merge["into"]}
        for merge in of_type(facts, "IdentityMerged")
        if not undone(facts, merge)
    ]
    found = [subject]
    for one in found:
        found += sorted({name for pair in pairs if one in pair for name in pair} - {*found})
    return found[1:]


def indexed(entries: list[Entry]) -> list[Entry]:
    return [entry | {"index": index} for index, entry in enumerate(entries)]


def of_type(facts: list[Entry], kind: str) -> list[Entry]:
    return [entry for entry in facts if entry["type"] == kind]


def voided(facts: list[Entry]) -> set[str]:
    """Newest first, so that a correction that was itself corrected has no effect."""
    void: set[str] = set()
    for correction in sorted(facts, key=recording, reverse=True):
        corrects = correction["type"] in ("EntryAnnulled", "EntrySuperseded")
        if not corrects or correction["id"] in void:
            continue
        target = [e for e in facts if e["id"] == correction["entry"]]
        # What was erased does not come back by a correction (article 17).
        void |= {e["id"] for e in target if e["type"] not in ("ErasureExecuted", "KeyDestroyed")}
    return void


def undone(facts: list[Entry], merge: Entry) -> bool:
    pair = (merge["from"], merge["into"])
    splits = [e for e in of_type(facts, "IdentityUnmerged") if (e["from"], e["into"]) == pair]
    return any(recording(split) > recording(merge) for split in splits)


def moves(move: Entry, entry: Entry) -> bool:
    if entry["subject"] is None or entry["subject"] != move["from"]:
        return False
    if move["type"] == "EntryReattributed":
        about = entry["id"] == move["entry"] or about_entry(entry) == move["entry"]
        return about and recording(entry) < recording(move)
    return recording(entry) < recording(move)


def about_entry(entry: Entry) -> str | None:
    """The entry that this one says something of; corrections act by themselves."""
    return next((entry[field] for field in REFERENCES if entry.get(field)), None)


def relocate(entry: Entry, move: Entry) -> None:
    receiver = move["to"] if move["type"] == "EntryReattributed" else move["into"]
    # What a person said of himself is, after the move, what the other person said of himself.
    if entry.get("given_by") == move["from"]:
        entry["given_by"] = receiver
    entry["subject"], entry["learned_at"] = receiver, move["recorded_at"]


def late(facts: list[Entry], entry: Entry, at: datetime) -> bool:
    """A restrictive fact that had effect at the moment asked and was learned only later."""
    began = starts(entry)
    if entry["type"] == "EqualityOptOutReceived":
        # DPA Sch 1 para 8(5): the reasonable period.
        began = max(began, instant(entry["period_ends_at"]))
    if entry["type"] == "ConsentInvalidated":  # Invalidity reaches back to the grant itself.
        began = next((starts(e) for e in facts if e["id"] == entry["consent"]), began)
    return entry["type"] in RESTRICTIVE and began <= at < instant(entry["learned_at"])


# ---- Reading a case ----


def mine(case: Case, kind: str, by: datetime | None = None) -> list[Entry]:
    """This person's entries of the type that began by a moment (if not given, the one asked)."""
    own = [e for e in of_type(case.facts, kind) if e["subject"] == case.subject]
    return [entry for entry in own if starts(entry) <= (by or case.at)]


def mine_for(case: Case, kind: str, by: datetime | None = None) -> list[Entry]:
    return [e for e in mine(case, kind, by) if e.get("purpose") in (case.purpose["id"], "*")]


def about_purpose(case: Case, kind: str) -> list[Entry]:
    """Entries about the purpose, for everyone or for this person, whenever they begin."""
    both = [e for e in of_type(case.facts, kind) if e["subject"] in (None, case.subject)]
    return [entry for entry in both if entry["purpose"] == case.purpose["id"]]


def birthday(case: Case, years: int) -> datetime | None:
    """00:00 in London on the anniversary (Family Law Reform Act 1969 s.9); None if not known."""
    births = [e for e in of_type(case.facts, "DateOfBirthRecorded") if e["subject"] == case.subject]
    if not births:
        return None
    # A date of birth applies at every moment; the latest recorded one counts.
    day = date.fromisoformat(max(births, key=recording)["date_of_birth"])
    try:
        return midnight(day.replace(year=day.year + years))
    except ValueError:  # 29 February in a common year: POLICY leap_birthday.
        back = 1 if case.policy.get("leap_birthday") == "28 Feb" else 0
        return midnight(date.fromordinal(date(day.year + years, 3, 1).toordinal() - back))


def aged(case: Case, years: int, at: datetime) -> bool:
    """Never true of a person whose age is not known: treated as a child (POLICY unknown_dob)."""
    day = birthday(case, years)
    return day is not None and day <= at


def competence(case: Case, at: datetime) -> bool | None:
    """The latest assessment for this decision, None without one (law.md §3.3)."""
    assessed = mine_for(case, "CompetenceAssessed", at)
    return assessed[-1]["competent"] if assessed else None


def authorised(case: Case, holder: str, kind: str, at: datetime) -> bool:
    """Whether the holder had a live authority of the kind: birth certificate, order, deed."""
    held = [e for e in mine(case, "AuthorityStarted", at) if holds(e, holder, kind)]
    # An order may restrict what a holder can do (Children Act 1989 s.33(3)(b), ACA 2002 s.25).
    if any(holds(e, holder, kind) for e in mine(case, "AuthorityRestricted", at)):
        return False
    ends = mine(case, "AuthorityEnded", at)
    return any(not any(ends_authority(case, end, a) for end in ends) for a in held)


def holds(entry: Entry, holder: str, kind: str) -> bool:
    return (entry["holder"], entry["kind"]) == (holder, kind)


def ends_authority(case: Case, end: Entry, held: Entry) -> bool:
    """By reference where it names a known authority, else by holder and kind."""
    if any(e["id"] == end.get("authority") for e in of_type(case.facts, "AuthorityStarted")):
        return bool(end["authority"] == held["id"])
    return holds(end, held["holder"], held["kind"]) and starts(held) <= starts(end)


def statuses(case: Case, kind: str) -> list[tuple[datetime, datetime | None]]:
    """From and to of every status of the kind begun by the moment asked, empty ones left out."""
    found: list[tuple[datetime, datetime | None]] = []
    for status in [e for e in mine(case, "StatusStarted") if e["kind"] == kind]:
        ends = [
            starts(e) for e in of_type(case.facts, "StatusEnded") if ends_status(case, e, status)
        ]
        adult = birthday(case, 18)
        if kind in ENDED_AT_18 and adult is not None:  # Whether or not anyone recorded the end.
            ends.append(adult)
        end = min(ends, default=None)
        if end is None or starts(status) < end:
            found.append((starts(status), end))
    return found


def ends_status(case: Case, end: Entry, status: Entry) -> bool:
    """By reference where it names a known status, else the latest earlier one of the kind."""
    if end["subject"] != case.subject:
        return False
    if any(e["id"] == end.get("status") for e in of_type(case.facts, "StatusStarted")):
        return bool(end["status"] == status["id"])
    earlier = [e for e in mine(case, "StatusStarted", starts(end)) if e["kind"] == end["kind"]]
    return bool(earlier) and earlier[-1]["id"] == status["id"]


def status_live(case: Case, kind: str) -> bool:
    return any(end is None or case.at < end for _, end in statuses(case, kind))
