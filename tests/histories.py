"""Random histories in the scenario format, for two implementations to disagree about.

Every choice goes through `pick`, so that Hypothesis can shrink a history and a seeded loop can make
a million of them. The moments are few and close to each other on purpose: ties, half-open ends and
birthdays are where implementations differ.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Entry = dict[str, Any]
Pick = Callable[[Sequence[Any]], Any]

PEOPLE = ("A1", "C1", "C2")
PARTIES = ("MUM", "DAD", "BOLTON")
PURPOSES = (
    "PHOTO",
    "GROUP",
    "MIXED",
    "PORTAL",
    "SAFEGUARD",
    "SAFEGUARD_G",
    "CPIS",
    "CPIS_RECENT",
    "LAC_CARE",
    "RESEARCH",
    "PROMO",
    "EQUALITY",
    "CHARITY",
    "COUNCIL_EA",
    "NEWP",
    "ASSESS",
    "STAT_RETURN",
)
BIRTHS = ("1980-05-05", "2008-02-29", "2010-03-03", "2013-03-03", "2020-06-01")
FAR = datetime(2028, 1, 1, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = tuple(
    START + timedelta(days=days)
    for days in (0, 10, 35, 36, 58, 59, 60, 61, 61.5, 62, 90, 120, 150, 151, 180, 400)
)
"""Around 5 February (the new lines begin) and 1 to 3 March (birthdays)."""


def text(moment: datetime) -> str:
    """As the scenario files write it."""
    return moment.isoformat()


class World:
    """What has been recorded so far, and the clock of recording."""

    def __init__(self, purposes: Sequence[str] = PURPOSES, people: Sequence[str] = PEOPLE) -> None:
        self.purposes = purposes
        self.people = people
        self.given: list[Entry] = []
        self.clock = START
        self.count = 0

    def record(self, kind: str, pick: Pick) -> None:
        """Append one entry of the kind, at a later moment of recording than all before."""
        self.count += 1
        self.clock += pick((timedelta(hours=1), timedelta(days=3), timedelta(days=20)))
        person = pick(self.people)
        made = self.maker(kind)(self, pick, person)
        if made is None or (person in self.merged_away() and kind not in STILL_TAKEN):
            return
        effective = pick((*MOMENTS, *(self.clock,) * len(MOMENTS)))
        self.given.append(
            {
                "id": f"e{self.count}",
                "type": kind,
                "subject": person,
                "effective_at": text(effective),
                "recorded_at": text(self.clock),
                **made,
            }
        )

    def maker(self, kind: str) -> "Maker":
        """What makes the fields of an entry of the kind."""
        return MAKERS[kind]

    def merges(self) -> dict[str, str]:
        """Into whom each merged-away identity was merged."""
        standing: dict[str, str] = {}
        for one in self.given:
            if one["type"] == "IdentityMerged":
                standing[one["from"]] = one["into"]
            elif one["type"] == "IdentityUnmerged":
                standing.pop(one["from"], None)
        return standing

    def merged_away(self) -> set[str]:
        """Identities that take nothing new but what the person asks to stop."""
        return {*self.merges()}

    def held_to_be(self, person: str) -> set[str]:
        """The person, and everybody whose record has become part of theirs."""
        found = {person}
        merges = self.merges()
        for _ in merges:
            found |= {origin for origin, into in merges.items() if into in found}
        return found

    def named(self, kind: str, person: str, pick: Pick) -> str | None:
        """An earlier entry of the kind about the person.

        Of what somebody asked to stop, each identity has its own: only theirs is named.
        """
        people = {person} if kind in STILL_TAKEN else self.held_to_be(person)
        found = [
            one["id"] for one in self.given if one["type"] == kind and one["subject"] in people
        ]
        return pick(found) if found else None

    def parties(self, person: str) -> list[str]:
        """Anybody who may speak for the person, those with an authority more often."""
        held = [
            one["holder"]
            for one in self.given
            if one["type"] == "AuthorityStarted" and one["subject"] == person
        ]
        return [*PARTIES, *held, *held]

    def question(self, pick: Pick) -> Entry:
        """A question at moments where something may just have changed."""
        recorded = [datetime.fromisoformat(one["recorded_at"]) for one in self.given]
        effective = [datetime.fromisoformat(one["effective_at"]) for one in self.given]
        nudge = pick((timedelta(0), timedelta(0), -timedelta(microseconds=1)))
        return {
            "subject": pick(self.people),
            "purpose": pick((*self.purposes, *_lately(self.given), *_lately(self.given))),
            "operation": pick(("USE", "USE", "COLLECT", "STORE")),
            "data": pick(("ordinary", "ordinary", "special", "offence")),
            "exception": pick((None, "LEGAL_CLAIMS")),
            "effective_at": text(pick((*MOMENTS, *effective, *recorded)) + nudge),
            "known_at": text(pick((*recorded, START, FAR, FAR, *([FAR] * len(recorded)))) + nudge),
        }


def _lately(given: list[Entry]) -> list[str]:
    return [one["purpose"] for one in given if one.get("purpose") in PURPOSES]


Maker = Callable[[World, Pick, str], "Entry | None"]


def _purpose(world: World, pick: Pick) -> str:
    return pick(world.purposes)


def _purpose_or_all(world: World, pick: Pick) -> str:
    return pick((*world.purposes, "*"))


def _one_in(world: World, pick: Pick, able: Sequence[str]) -> str:
    """A purpose of this history, where one is able."""
    return pick([name for name in able if name in world.purposes] or able)


def _grant(world: World, pick: Pick, person: str) -> Entry:
    capacity = pick(("SELF", "SELF", "PR", "PR", "DEPUTY"))
    made: Entry = {
        "purpose": _one_in(world, pick, ("PHOTO", "GROUP", "MIXED", "PORTAL", "STUDY")),
        "given_by": person if capacity == "SELF" else pick(world.parties(person)),
        "capacity": capacity,
        "notice": "V3.0",
    }
    if pick((True, True, True, False)):
        made["evidence"] = "form#1"
    if pick((True, False)):
        made["explicit"] = True
    if pick((True, False, False)):
        made["expires_at"] = text(pick(MOMENTS))
    return made


def _withdrawal(world: World, pick: Pick, person: str) -> Entry:
    capacity = pick(("SELF", "PR"))
    made = {
        "purpose": _purpose_or_all(world, pick),
        "given_by": person if capacity == "SELF" else pick(world.parties(person)),
        "capacity": capacity,
    }
    if pick((True, False)):
        made["received_at"] = text(world.clock + pick((timedelta(0), timedelta(hours=1))))
    if pick((True, False, False)):
        made["requested_effective_at"] = text(pick((*MOMENTS, world.clock)))
    return made


def _refusal(world: World, pick: Pick, person: str) -> Entry:
    return {
        "purpose": _purpose_or_all(world, pick),
        "given_by": pick((person, *world.parties(person))),
    }


def _by(field: str, kind: str, more: Callable[[World, Pick], Entry]) -> Maker:
    def make(world: World, pick: Pick, person: str) -> Entry | None:
        named = world.named(kind, person, pick)
        return None if named is None else {field: named, **more(world, pick)}

    return make


def _informed(world: World, pick: Pick) -> Entry:
    return {"informed_at": text(pick((*MOMENTS, world.clock)))}


DECLARABLE = ("NEWP", "CHARITY", "COUNCIL_EA", "GROUP", "PHOTO", "MIXED", "PROMO")


def _declared(world: World, pick: Pick, person: str) -> Entry:
    made: Entry = {
        "purpose": _one_in(world, pick, DECLARABLE),
        "article6": pick(("a", "c", "d", "e", "e", "ea", "f")),
        "subject": pick((person, None)),
    }
    if pick((True, False, False)):
        made["contemporaneous_evidence"] = "decision record"
    if pick((True, False, False, False)):
        made |= {"correction": "WRONG_FROM_START", **_informed(world, pick)}
    return made


def _correction(kind: str) -> Maker:
    def make(world: World, pick: Pick, person: str) -> Entry | None:
        able = [
            one for one in world.given if one["type"] not in ("IdentityMerged", "IdentityUnmerged")
        ]
        if not able:
            return None
        target = pick(able[-6:])
        made = {"entry": target["id"], "subject": target["subject"]}
        return made | ({"replacement": pick(able)["id"]} if kind == "EntrySuperseded" else {})

    return make


def _reattributed(world: World, pick: Pick, person: str) -> Entry | None:
    able = [
        one
        for one in world.given
        if one["subject"] == person and not one["type"].startswith(("Entry", "Identity", "Erasure"))
    ]
    moved = {one.get("entry") for one in world.given if one["type"] == "EntryReattributed"}
    able = [one for one in able if one["id"] not in moved]
    if not able:
        return None
    others = _others(world, person)
    if not others:
        return None
    return {"entry": pick(able)["id"], "from": person, "to": pick(others)}


def _others(world: World, person: str) -> list[str]:
    """The identities to which something may be brought."""
    lost = {one["subject"] for one in world.given if one["type"] == "KeyDestroyed"}
    closed = lost | world.merged_away()
    return [] if person in lost else [p for p in PEOPLE if p != person and p not in closed]


def _merged(world: World, pick: Pick, person: str) -> Entry | None:
    others = _others(world, person)
    return {"from": person, "into": pick(others)} if others else None


def _unmerged(world: World, pick: Pick, person: str) -> Entry | None:
    able = [(one, into) for one, into in world.merges().items() if into not in world.merged_away()]
    if not able:
        return None
    origin, into = pick(able)
    return {"subject": origin, "from": origin, "into": into}


def _destroyed(world: World, pick: Pick, person: str) -> Entry | None:
    """Of one whom nobody else is held to be: an erasure takes all of a person's identities."""
    return None if {*world.merges().values()} & {person} else {}


Choice = Callable[[World, Pick], Any]


def _plain(**fields: Choice) -> Maker:
    def make(world: World, pick: Pick, person: str) -> Entry:
        return {name: choose(world, pick) for name, choose in fields.items()}

    return make


def _const(value: Any) -> Choice:
    return lambda world, pick: value


def _one_of(*values: Any) -> Choice:
    return lambda world, pick: pick(values)


MAKERS: dict[str, Maker] = {
    "DateOfBirthRecorded": _plain(date_of_birth=_one_of(*BIRTHS)),
    "DeathRecorded": _plain(),
    "AtRiskAssessed": _plain(at_risk=_one_of(True, False)),
    "CompetenceAssessed": _plain(purpose=_purpose_or_all, competent=_one_of(True, False)),
    "StatusStarted": _plain(kind=_one_of("CPP", "LAC", "S47", "UCPP")),
    "StatusEnded": _by(
        "status", "StatusStarted", lambda _, pick: {"kind": pick(("CPP", "LAC", "S47"))}
    ),
    "ConsentGranted": _grant,
    "ConsentRefused": _refusal,
    "ConsentWithdrawn": _withdrawal,
    "ConsentInvalidated": _by("consent", "ConsentGranted", lambda *_: {}),
    "AuthorityStarted": _plain(holder=_one_of(*PARTIES), kind=_one_of("PR", "PR", "PR", "DEPUTY")),
    "AuthorityEnded": _by(
        "authority",
        "AuthorityStarted",
        lambda _, pick: {"holder": pick(PARTIES), "kind": "PR"},
    ),
    "AuthorityRestricted": _plain(holder=_one_of(*PARTIES), kind=_const("PR")),
    "DisputeResolved": _plain(purpose=_purpose_or_all, outcome=_const("CONSENT_STANDS")),
    "NoticeProvided": _plain(notice=_one_of("V3.0", "V4.0")),
    "PurposeMateriallyChanged": _plain(
        purpose=_purpose, notice=_const("V4.0"), subject=_const(None)
    ),
    "BasisDeclared": _declared,
    "BasisEnded": _plain(
        purpose=_purpose,
        article6=_one_of("a", "c", "e", "ea"),
        subject=_one_of(None, *PEOPLE),
    ),
    "BasisCorrected": _plain(purpose=_purpose, article6=_one_of("a", "e")),
    "ObjectionReceived": _plain(
        purpose=_purpose_or_all, kind=_one_of("ART21_1", "ART21_1", "ART21_2", "ART21_6")
    ),
    "ObjectionDecided": _by(
        "objection",
        "ObjectionReceived",
        lambda world, pick: {"outcome": pick(("REJECTED", "UPHELD")), **_informed(world, pick)},
    ),
    "EqualityOptOutReceived": _plain(
        purpose=_const("EQUALITY"),
        written=_one_of(True, True, False),
        period_ends_at=lambda world, pick: text(pick(MOMENTS)),
    ),
    "EqualityOptOutWithdrawn": _plain(purpose=_const("EQUALITY"), written=_one_of(True, False)),
    "RestrictionApplied": _plain(purpose=_purpose_or_all, ground=_one_of("a", "b", "c", "d")),
    "RestrictionLifted": _by("restriction", "RestrictionApplied", _informed),
    "RestrictionExceptionRecorded": _plain(
        kind=_one_of("LEGAL_CLAIMS", "LEGAL_CLAIMS", "RIGHTS_OF_OTHERS")
    ),
    "ErasureExecuted": _plain(purpose=_purpose),
    "KeyDestroyed": _destroyed,
    "PolicyDocumentAdopted": _plain(subject=_const(None)),
    "PolicyDocumentEnded": lambda world, pick, person: (
        {"policy_document": named, "subject": None}
        if (
            named := next(
                (one["id"] for one in world.given if one["type"] == "PolicyDocumentAdopted"), None
            )
        )
        else None
    ),
    "EntryAnnulled": _correction("EntryAnnulled"),
    "EntrySuperseded": _correction("EntrySuperseded"),
    "EntryReattributed": _reattributed,
    "IdentityMerged": _merged,
    "IdentityUnmerged": _unmerged,
}
STILL_TAKEN = (
    "ConsentRefused",
    "ConsentWithdrawn",
    "EntryAnnulled",
    "EntrySuperseded",
    "EqualityOptOutReceived",
    "IdentityUnmerged",
    "ObjectionReceived",
    "RestrictionApplied",
)
FREQUENT = (
    "ConsentGranted",
    "ConsentWithdrawn",
    "AuthorityStarted",
    "StatusStarted",
    "ObjectionReceived",
    "BasisDeclared",
    "DateOfBirthRecorded",
    "CompetenceAssessed",
    "PolicyDocumentAdopted",
)
KINDS: tuple[str, ...] = (*MAKERS, *FREQUENT, *FREQUENT)
