"""Histories of consent and of who may give it: scenarios S01 to S25 on Bolton's purposes.

P18a is photographs and P18b the participation group, both on consent; P02a is child protection.
"""

from __future__ import annotations

from api.demo_words import (
    CHILD,
    FATHER,
    MOTHER,
    SIGNED,
    TASK,
    TEEN,
    Told,
    again,
    competent,
    declared,
    ended,
    entry,
    granted,
    status,
    withdrawn,
)

CONSENT: dict[str, Told] = {
    "S01": Told(then=lambda p: [granted(p, "2026-07-10")]),
    "S03": Told(then=lambda p: [granted(p, "2026-07-10"), withdrawn(p, "2026-09-02")]),
    "S02": Told(
        then=lambda p: [
            declared(p, "2024-03-04", "P13", "a", **SIGNED),
            granted(p, "2024-04-08", "P13", evidence=None, notice="V3.0"),
        ]
    ),
    "S04": Told(
        then=lambda p: [
            granted(p, "2026-07-14"),
            withdrawn(p, "2026-10-05", channel="letter", requested_effective_at=p.at("2026-09-01")),
        ]
    ),
    "S05": Told(
        then=lambda p: [
            granted(p, "2026-07-14"),
            withdrawn(
                p,
                "2027-04-01",
                received_at=p.at("2026-11-01"),
                requested_effective_at=p.at("2027-04-01"),
            ),
        ]
    ),
    "S06": Told(
        then=lambda p: [
            {**granted(p, "2026-10-01", "P18b", explicit=True), "id": p.label("other")},
            granted(p, "2026-07-15"),
            withdrawn(p, "2026-10-20"),
        ]
    ),
    "S07": Told(then=lambda p: [granted(p, "2026-07-20", expires_at="2026-10-31")]),
    "S07 renewed": Told(
        then=lambda p: [
            granted(p, "2026-07-20", expires_at="2026-10-31"),
            again(p, "2026-10-15", expires_at="2027-10-31"),
        ]
    ),
    "S08": Told(then=lambda p: [granted(p, "2026-07-20", "P18b", explicit=True)]),
    "S08 renewed": Told(
        then=lambda p: [
            granted(p, "2026-07-20", "P18b", explicit=True),
            again(p, "2026-10-01", "P18b", explicit=True, notice="V4.1"),
        ]
    ),
    "S09": Told(then=lambda p: [granted(p, "2026-10-02", "P18b")]),
    "S10": Told(
        born=CHILD,
        parents=(MOTHER,),
        then=lambda p: [
            declared(p, "2026-07-02", "P02a", "a", **SIGNED),
            granted(p, "2026-07-10", "P02a", MOTHER),
            *status(p, "S47", "2026-08-01"),
            withdrawn(p, "2026-08-20", "P02a", MOTHER),
        ],
    ),
    "S11": Told(
        then=lambda p: [
            granted(p, "2026-10-01", "P18b", explicit=True),
            withdrawn(p, "2026-10-20", "P18b"),
            declared(p, "2026-10-27", "P18b", "e", **TASK),
        ]
    ),
    "S12": Told(
        then=lambda p: [
            granted(p, "2026-10-01", "P18b", explicit=True),
            withdrawn(p, "2026-10-20", "P18b"),
            declared(
                p,
                "2026-10-28",
                "P18b",
                "e",
                correction="WRONG_FROM_START",
                informed_at=p.at("2026-10-30"),
                approved_by="data protection officer",
                **TASK,
            ),
        ]
    ),
    "S13": Told(
        then=lambda p: [
            entry(p, "ServiceAgreementGiven", "2023-05-02", given_by=p.named()),
            entry(p, "ServiceAgreementEnded", "2024-11-04", given_by=p.named()),
        ]
    ),
}

FAMILY: dict[str, Told] = {
    "S14": Told(
        born=CHILD, parents=(MOTHER,), then=lambda p: [granted(p, "2026-07-10", by=MOTHER)]
    ),
    "S15": Told(
        born=CHILD, parents=(MOTHER,), then=lambda p: [granted(p, "2026-07-10", by=FATHER)]
    ),
    "S16": Told(
        born=CHILD,
        parents=(MOTHER, FATHER),
        then=lambda p: [
            granted(p, "2026-07-10", by=MOTHER),
            entry(p, "ConsentRefused", "2026-08-10", purpose="P18a", given_by=p.named(FATHER)),
        ],
    ),
    "S16 resolved": Told(
        born=CHILD,
        parents=(MOTHER, FATHER),
        then=lambda p: [
            granted(p, "2026-07-10", by=MOTHER),
            entry(p, "ConsentRefused", "2026-08-10", purpose="P18a", given_by=p.named(FATHER)),
            entry(p, "DisputeResolved", "2026-09-20", purpose="P18a", outcome="CONSENT_STANDS"),
        ],
    ),
    "S17": Told(
        born=TEEN,
        parents=(MOTHER,),
        then=lambda p: [
            granted(p, "2026-07-10", by=MOTHER),
            competent(p, "2026-08-10", able=True, purpose="P18a"),
            again(p, "2026-09-01"),
        ],
    ),
    "S18": Told(
        born="2010-10-15", parents=(MOTHER,), then=lambda p: [granted(p, "2026-07-10", by=MOTHER)]
    ),
    "S19": Told(
        born="2008-10-20",
        parents=(MOTHER,),
        then=lambda p: [
            competent(p, "2026-07-03", able=False),
            granted(p, "2026-07-10", by=MOTHER),
        ],
    ),
    "S20": Told(
        born="2013-11-12", parents=(MOTHER,), then=lambda p: [granted(p, "2026-07-10", by=MOTHER)]
    ),
    "S21": Told(
        born=CHILD,
        then=lambda p: [
            entry(p, "AuthorityStarted", "2025-01-20", holder="BOLTON", kind="PR"),
            granted(p, "2026-07-10", given_by="BOLTON", capacity="PR"),
        ],
    ),
    "S22": Told(
        born=CHILD,
        parents=(FATHER,),
        then=lambda p: [
            granted(p, "2026-07-20", by=FATHER),
            ended(p, "2026-07-06"),
        ],
    ),
    "S23": Told(
        born=CHILD,
        parents=(FATHER,),
        then=lambda p: [granted(p, "2026-07-10", by=FATHER), ended(p, "2026-09-01")],
    ),
    "S24": Told(
        born="2011-01-01",
        parents=(MOTHER,),
        then=lambda p: [
            granted(p, "2026-07-10", by=MOTHER),
            entry(p, "DateOfBirthRecorded", "2026-10-01", date_of_birth="2009-12-01"),
        ],
    ),
    "S25": Told(
        born=TEEN,
        parents=(MOTHER,),
        then=lambda p: [
            competent(p, "2026-07-03", able=True),
            granted(p, "2026-07-10"),
            withdrawn(p, "2026-09-01", by=MOTHER),
        ],
    ),
}
