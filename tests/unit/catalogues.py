"""Catalogues to find fault with: the two on file, a small sound one, and a way to change a field.

Not here: any expectation.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from ledger.catalogue import CatalogueDocument, Condition, Controller, Line, OffenceRoute, Purpose
from ledger.catalogue import read_catalogue as read
from ledger.history import History, Item
from ledger.notice import (
    Category,
    Contact,
    Notice,
    PurposeBasis,
    Recipient,
    RetentionRule,
    RetentionTerm,
)
from ledger.rules.rulebook import LawView, uk_gdpr

FILES = Path(__file__).parents[2] / "ops" / "catalogues"
SCENARIOS = read((Path(__file__).parents[1] / "scenarios" / "catalogue.json").read_bytes())
BOLTON_3 = read((FILES / "bolton-3.0.json").read_bytes())
BOLTON_4 = read((FILES / "bolton-4.0.json").read_bytes())
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)

T = TypeVar("T")


def law(*entries: Item) -> LawView:
    """The law that ships with the project, and what these entries add to it."""
    return LawView(uk_gdpr(), History(entries), NOW)


def with_field(whole: T, path: str, value: object) -> T:
    """The same with one field, or one element of a list, replaced: `purposes/0/lines`."""
    head, _, rest = path.partition("/")
    if isinstance(whole, Sequence):
        n = int(head)
        changed = with_field(whole[n], rest, value) if rest else value
        return type(whole)((*whole[:n], changed, *whole[n + 1 :]))  # type: ignore[call-arg]
    changed = with_field(getattr(whole, head), rest, value) if rest else value
    return msgspec.structs.replace(whole, **{head: changed})  # type: ignore[type-var]


PURPOSE = Purpose(
    id="VISIT",
    controller="COUNCIL",
    title="Visits",
    task=True,
    optional=False,
    lines=(
        Line(
            article6="e",
            source="CA1989 s.17",
            legal_sources=("CA1989 s.17",),
            effective_from=date(2018, 5, 25),
            objection_handling="decided within one month",
        ),
    ),
    conditions=(
        Condition(
            article9="g", schedule1=18, policy_document=True, reason="not_reasonable_to_obtain"
        ),
        Condition(article9="h", schedule1=2),
    ),
    offence_route=OffenceRoute(schedule1=(6,)),
    categories=("NOTES",),
    recipients=("SCHOOL",),
    retention=("LOCAL",),
    impact_assessment="DPIA-1",
)

CONSENT_LINE = Line(
    article6="a",
    effective_from=date(2018, 5, 25),
    notice_text="You may say no.",
    withdrawal_channel="Tell us, by any means.",
    freely_given_assessment="FGA-1",
)

SOUND = CatalogueDocument(
    controllers=(
        Controller(id="COUNCIL", name="Council", public_authority=True),
        Controller(id="CHARITY", name="Charity", public_authority=False),
    ),
    purposes=(PURPOSE,),
    categories=(Category(id="NOTES", title="Notes", classes=("ordinary", "special", "offence")),),
    recipients=(
        Recipient(id="SCHOOL", title="School", role="controller", effective_from=date(2018, 5, 25)),
    ),
    retention=(
        RetentionRule(
            id="LOCAL", title="Local", terms=(RetentionTerm(years=21, counted_from="birth"),)
        ),
    ),
    contacts=(Contact(id="DPO", title="Officer", role="data_protection_officer"),),
    notice=Notice(
        id="N",
        version="1",
        purpose_list=("VISIT",),
        purpose_bases=(PurposeBasis(purpose="VISIT", article6=("e",)),),
        controller_complaint="write to us",
    ),
)

CHOICE = CatalogueDocument(
    controllers=SOUND.controllers,
    purposes=(
        msgspec.structs.replace(
            PURPOSE,
            id="GROUP",
            optional=True,
            lines=(CONSENT_LINE,),
            conditions=(Condition(article9="a"),),
        ),
    ),
    categories=SOUND.categories,
    recipients=SOUND.recipients,
    retention=SOUND.retention,
    contacts=SOUND.contacts,
    notice=msgspec.structs.replace(
        SOUND.notice,
        purpose_list=("GROUP",),
        purpose_bases=(PurposeBasis(purpose="GROUP", article6=("a",)),),
    )
    if SOUND.notice
    else None,
)
