"""Histories with a focus, and histories with more in them than the naive oracle reads.

A focus keeps a history to a few purposes and the kinds of entries that bear on them. `RicherWorld`
has a catalogue with recipients, categories and lines that end, and adopts it anew; policy, law,
requests, complaints and their answers. Not here: anything that judges.
"""

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.histories import KINDS, MOMENTS, PURPOSES, Entry, Maker, Pick, World, text

CONSENT = (
    "ConsentGranted",
    "ConsentGranted",
    "ConsentGranted",
    "ConsentWithdrawn",
    "ConsentWithdrawn",
    "ConsentRefused",
    "AuthorityStarted",
    "ConsentInvalidated",
    "AuthorityStarted",
    "AuthorityEnded",
    "CompetenceAssessed",
    "DateOfBirthRecorded",
    "BasisDeclared",
    "PurposeMateriallyChanged",
    "ErasureExecuted",
)
RIGHTS = (
    "ObjectionReceived",
    "ObjectionDecided",
    "ObjectionDecided",
    "RestrictionApplied",
    "RestrictionLifted",
    "RestrictionExceptionRecorded",
    "EqualityOptOutReceived",
    "EqualityOptOutWithdrawn",
    "AtRiskAssessed",
    "DateOfBirthRecorded",
)
STATUSES = ("StatusStarted", "StatusStarted", "StatusEnded", "DateOfBirthRecorded")
IDENTITY = ("IdentityMerged", "IdentityMerged", "IdentityUnmerged", "EntryReattributed")
BASES = ("BasisDeclared", "BasisDeclared", "BasisEnded", "BasisCorrected", *RIGHTS)
FOCI: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("PHOTO",), CONSENT),
    (("PHOTO", "GROUP"), (*CONSENT, *RIGHTS)),
    (("GROUP", "STUDY"), CONSENT),
    (("MIXED",), (*CONSENT, *STATUSES)),
    (("PORTAL",), CONSENT),
    (("SAFEGUARD", "RESEARCH"), RIGHTS),
    (("SAFEGUARD_G", "EQUALITY"), RIGHTS),
    (("PROMO", "EQUALITY"), RIGHTS),
    (("CPIS", "CPIS_RECENT"), STATUSES),
    (("CPIS_RECENT", "LAC_CARE"), (*STATUSES, *RIGHTS)),
    (("CHARITY", "COUNCIL_EA"), BASES),
    (("NEWP", "PHOTO"), (*CONSENT, *BASES)),
    (("ASSESS", "STAT_RETURN"), RIGHTS),
    (("PHOTO",), (*CONSENT, *IDENTITY, *IDENTITY)),
    (("CPIS", "LAC_CARE"), (*STATUSES, *STATUSES, *IDENTITY, "EntryAnnulled")),
    (PURPOSES, ()),
)
"""Purposes that a history may keep to, with the kinds that bear on them: over all purposes and
kinds, two entries seldom meet."""

RECIPIENTS: tuple[Entry, ...] = (
    {"id": "NHS", "title": "The NHS"},
    {"id": "POLICE", "title": "The police", "effective_from": "2026-03-01"},
    {"id": "CCG", "title": "A clinical commissioning group", "effective_until": "2026-03-02"},
)
CATEGORIES: tuple[Entry, ...] = (
    {"id": "names", "title": "Names", "classes": ["ordinary"]},
    {"id": "health", "title": "Health", "classes": ["special"]},
    {"id": "records", "title": "Case records", "classes": ["ordinary", "special", "offence"]},
)
SCENARIO_CATALOGUE: Entry = json.loads(
    (Path(__file__).parent / "scenarios" / "catalogue.json").read_text(encoding="utf-8")
)


def rich_catalogue(**line: Any) -> Entry:
    """The catalogue of the scenarios with recipients and categories; `line` changes every line."""
    purposes = [
        {
            **purpose,
            "recipients": [one["id"] for one in RECIPIENTS],
            "lines": [*({**one, **line} for one in purpose["lines"]), *_kept(purpose)],
        }
        for purpose in SCENARIO_CATALOGUE["purposes"]
    ]
    lists = {"recipients": RECIPIENTS, "categories": CATEGORIES}
    return {**SCENARIO_CATALOGUE, "purposes": purposes, **lists}


def _kept(purpose: Entry) -> list[Entry]:
    """A duty to keep, for what a status triggers."""
    keep = {"article6": "c", "source": "Care Planning Regulations 2010 reg 50"}
    dated = {"effective_from": "2018-05-25", "operations": ["STORE"]}
    return [{**keep, **dated}] if purpose["triggers"] else []


CATALOGUES = (
    rich_catalogue(effective_until="2026-03-02"),
    rich_catalogue(effective_from="2026-02-05"),
    rich_catalogue(operations=["USE", "STORE"]),
    {**rich_catalogue(), "purposes": rich_catalogue()["purposes"][::2]},
)
SETTINGS: tuple[tuple[str, bool | int | str], ...] = (
    ("auto_restrict_on_objection", False),
    ("rep_consent_lapses_at_16", False),
    ("rep_consent_lapses_on_competence", False),
    ("contested_pr_consent", "first consent stands"),
    ("rep_authority_end", "lapse"),
    ("leap_birthday", "28 Feb"),
    ("consent_review_months", 1),
    ("consent_review_months", 0),
    ("nhs_objection_scope", "all uses"),
    ("vital_interest_max_hours", 720),
)


def _setting(world: World, pick: Pick, person: str) -> Entry:
    setting, value = pick(SETTINGS)
    return {"subject": None, "setting": setting, "value": value}


def _law(world: World, pick: Pick, person: str) -> Entry:
    made: Entry = {"subject": None, "article": "made up", "link": "made up"}
    start = pick(MOMENTS)
    made["in_force_from"] = text(start)
    if pick((True, False, False)):
        made["in_force_until"] = text(start + timedelta(days=pick((1, 20, 60))))
    gain = {"purpose": pick(world.purposes), "article6": pick("cd"), "source": "made up"}
    return made | pick(
        (
            {"provision": "iss_age", "value": pick((14, 15, 16))},
            {"provision": "ca2004.16LA", "gains": [gain]},
            {"provision": "art6.1.ea"},
        )
    )


def _request(world: World, pick: Pick, person: str) -> Entry:
    return {"purpose": pick((*world.purposes, "*"))}


def _complaint(world: World, pick: Pick, person: str) -> Entry:
    named = pick((*world.purposes, "*", None))
    return {"purpose": named} if named else {}


def _about_complaint(world: World, pick: Pick, person: str) -> Entry | None:
    named = world.named("ComplaintReceived", person, pick)
    return None if named is None else {"complaint": named}


def _adopted(world: World, pick: Pick, person: str) -> Entry:
    return {"subject": None, "catalogue": pick(CATALOGUES)}


MORE_MAKERS: dict[str, Maker] = {
    "CatalogueAdopted": _adopted,
    "ComplaintAcknowledged": _about_complaint,
    "ComplaintClosed": _about_complaint,
    "ComplaintReceived": _complaint,
    "ErasureRefused": _request,
    "ErasureRequested": _request,
    "LawLoaded": _law,
    "PolicySet": _setting,
}
MORE_KINDS = (*MORE_MAKERS, "LawLoaded", "PolicySet", "PolicySet")


class RicherWorld(World):
    """A history that may hold an entry of any kind that bears on answers."""

    def maker(self, kind: str) -> Maker:
        """What makes the fields of an entry of the kind."""
        return MORE_MAKERS.get(kind) or super().maker(kind)

    def question(self, pick: Pick) -> Entry:
        """A question that may be about sharing, and about categories of data."""
        categories = [one["id"] for one in CATEGORIES]
        more: Entry = {"recipient": None}
        if pick((True, False)):
            more["data"] = tuple(pick((categories, categories[1:], [*categories, "unheard"])))
        if pick((True, False)):
            named = pick(("NHS", "POLICE", "CCG", "STRANGER", None))
            more |= {"operation": "SHARE", "recipient": named}
        return super().question(pick) | more


class Throws:
    """Choices by number: a repeated number chooses anew, and none depends on other numbers."""

    def __init__(self) -> None:
        self.thrown: Counter[int] = Counter()

    def __call__(self, number: int) -> Pick:
        """The choices of this number's next throw."""
        self.thrown[number] += 1
        return Random(f"{number}.{self.thrown[number]}").choice


def pick_kind(pick: Pick, kinds: tuple[str, ...], more: tuple[str, ...] = ()) -> str:
    """A kind of the focus more often than any other."""
    chosen: str = pick(pick((KINDS, kinds or KINDS, kinds or KINDS, more or kinds or KINDS)))
    return chosen
