"""Histories of rights, duties and corrections: scenarios S26 to S52 on Bolton's purposes, and more.

P06 is care of looked-after children, P07 research, P09 statutory returns, P10 and CPIS_RECENT the
child protection information system, P11 NHS numbers, P12 the care record, P14 public safety.
"""

from __future__ import annotations

from api.demo_words import (
    ADULT,
    CHILD,
    FATHER,
    MOTHER,
    SIGNED,
    TASK,
    Told,
    competent,
    decided,
    declared,
    entry,
    granted,
    objected,
    restricted,
    status,
    withdrawn,
)

RIGHTS: dict[str, Told] = {
    "S26": Told(then=lambda p: [objected(p, "2026-11-02", "P01")]),
    "S27": Told(
        then=lambda p: [
            objected(p, "2026-09-02", "P01"),
            decided(p, "2026-09-20", "REJECTED", "2026-09-22"),
        ]
    ),
    "S28": Told(
        then=lambda p: [
            objected(p, "2024-09-02", "P12"),
            decided(p, "2024-09-20", "UPHELD", "2024-09-21"),
        ]
    ),
    "S29": Told(born=CHILD, then=lambda p: [objected(p, "2026-09-02", "P09")]),
    "S30": Told(then=lambda p: [granted(p, "2026-07-10"), objected(p, "2026-09-02", "P18a")]),
    "S31": Told(
        then=lambda p: [
            objected(p, "2026-10-02", "P18b", "ART21_2"),
            decided(p, "2026-10-20", "REJECTED", "2026-10-21"),
        ]
    ),
    "S32": Told(then=lambda p: [objected(p, "2023-10-02", "P07", "ART21_6")]),
    "S32 general": Told(then=lambda p: [objected(p, "2026-10-02", "P07")]),
    "S33": Told(
        then=lambda p: [
            entry(
                p,
                "EqualityOptOutReceived",
                "2026-09-01",
                purpose="P07",
                written=True,
                period_ends_at="2026-09-29",
            ),
            entry(p, "EqualityOptOutWithdrawn", "2026-11-01", purpose="P07", written=True),
        ]
    ),
    "S34": Told(
        born=CHILD,
        then=lambda p: [*status(p, "LAC", "2024-03-01"), objected(p, "2026-11-02", "P06")],
    ),
    "S35": Told(born=CHILD, then=lambda p: [restricted(p, "2026-10-05", "P09")]),
    "S36": Told(
        born=CHILD,
        then=lambda p: [
            restricted(p, "2026-09-01", "P09"),
            entry(
                p,
                "RestrictionLifted",
                "2026-10-01",
                restriction=p.label("restriction"),
                informed_at=p.at("2027-01-11"),
            ),
        ],
    ),
    "S36 exception": Told(
        then=lambda p: [
            restricted(p, "2025-06-01", "P12", "c"),
            entry(
                p, "RestrictionExceptionRecorded", "2025-07-01", kind="LEGAL_CLAIMS", purpose="P12"
            ),
        ]
    ),
    "S37": Told(
        then=lambda p: [
            granted(p, "2026-07-10"),
            withdrawn(p, "2026-08-10"),
            entry(p, "ErasureRequested", "2026-08-20", "request", purpose="P18a"),
            entry(p, "ErasureExecuted", "2026-09-10", purpose="P18a"),
        ]
    ),
    "S37 refused": Told(
        then=lambda p: [
            entry(p, "ErasureRequested", "2025-08-20", "request", purpose="P12"),
            entry(p, "HoldPlaced", "2025-08-25", "hold", reason="inquiry"),
            entry(
                p,
                "ErasureRefused",
                "2025-09-10",
                purpose="P12",
                request=p.label("request"),
                reason="article 17(3)(e)",
            ),
            entry(p, "HoldReleased", "2026-05-04", hold=p.label("hold")),
        ]
    ),
    "complaint": Told(
        then=lambda p: [
            entry(p, "ComplaintReceived", "2026-10-02", "complaint", purpose="P12"),
            entry(p, "ComplaintAcknowledged", "2026-10-20", complaint=p.label("complaint")),
            entry(
                p,
                "ComplaintClosed",
                "2026-11-09",
                complaint=p.label("complaint"),
                outcome="explained",
            ),
        ]
    ),
    "exemption": Told(
        then=lambda p: [
            entry(
                p,
                "ExemptionApplied",
                "2024-02-05",
                paragraph="Sch3.17",
                rights=["access"],
                decided_by="SW 9",
            )
        ]
    ),
}

DUTIES: dict[str, Told] = {
    "S38": Told(born=CHILD, then=lambda p: status(p, "CIN", "2022-01-10", "2023-02-10")),
    "S39": Told(
        born="2008-09-30",
        then=lambda p: [entry(p, "AtRiskAssessed", "2026-10-12", at_risk=True)],
    ),
    "S39 not at risk": Told(born="2008-09-30", then=lambda _: []),
    "S40": Told(
        then=lambda p: [
            entry(p, "DisclosureRecorded", "2024-06-03", purpose="P14", recipient="R06")
        ]
    ),
    "S41": Told(then=lambda p: [declared(p, "2026-07-10", "P11", "ea", annex1=["RLI-6"])]),
    "S42": Told(then=lambda p: [declared(p, "2025-09-01", "P13", "ea", annex1=["RLI-6"])]),
    "S43": Told(then=lambda p: [declared(p, "2026-01-05", "P16", "e", **TASK)]),
    "S44": Told(then=lambda p: [declared(p, "2026-01-05", "P16", "e", **TASK, **SIGNED)]),
    "S45": Told(born=CHILD, then=lambda p: status(p, "CPP", "2026-02-01", "2026-11-15")),
    "S46": Told(
        born="2026-08-10",
        since="2026-05-01",
        parents=(MOTHER,),
        then=lambda p: [
            *status(p, "UCPP", "2026-05-04", "2026-08-10"),
            entry(p, "BirthRecorded", "2026-08-10", date_of_birth="2026-08-10"),
            *status(p, "CPP", "2026-08-10"),
        ],
    ),
    "S47": Told(
        born=CHILD,
        then=lambda p: [
            *status(p, "LAC", "2025-01-06", "2026-06-01"),
            *status(p, "CPP", "2026-03-01"),
        ],
    ),
    "S48": Told(
        born=CHILD,
        then=lambda p: [
            *status(p, "CPP", "2026-02-01"),
            objected(p, "2026-10-01", "P11", "NHS_NUMBER"),
        ],
    ),
    "care order": Told(
        born=CHILD,
        parents=(MOTHER,),
        then=lambda p: [
            *status(p, "LAC", "2023-05-08"),
            entry(p, "AuthorityRestricted", "2023-05-09", holder=p.named(MOTHER), kind="PR"),
            granted(p, "2026-07-10", by=MOTHER),
        ],
    ),
    "attorney": Told(
        born="1948-02-02",
        then=lambda p: [
            competent(p, "2026-07-03", able=False),
            entry(
                p,
                "AuthorityStarted",
                "2025-02-03",
                holder=p.named("daughter"),
                kind="ATTORNEY_HW",
            ),
            granted(p, "2026-07-10", given_by=p.named("daughter"), capacity="ATTORNEY_HW"),
        ],
    ),
}

CORRECTIONS: dict[str, Told] = {
    "S49": Told(
        born="2009-01-01",
        then=lambda p: [
            granted(p, "2026-07-10"),
            entry(
                p,
                "EntryReattributed",
                "2026-10-05",
                entry=p.label("grant"),
                **{"from": p.named(), "to": p.named("twin")},
                reason="filed on the wrong twin",
            ),
        ],
    ),
    "S50": Told(
        then=lambda p: [
            granted(p, "2026-07-10"),
            withdrawn(p, "2026-09-02"),
            entry(
                p,
                "EntryAnnulled",
                "2026-09-14",
                entry=p.label("withdrawal"),
                reason="keyed on the wrong person",
            ),
        ]
    ),
    "S51": Told(current_notice=False, then=lambda _: []),
    "S52": Told(
        born="1931-07-07",
        then=lambda p: [granted(p, "2026-07-10"), entry(p, "DeathRecorded", "2026-10-12")],
    ),
    "superseded": Told(
        then=lambda p: [
            granted(p, "2026-07-10"),
            {**granted(p, "2026-08-10", evidence="form of 10 August"), "id": p.label("right")},
            entry(
                p,
                "EntrySuperseded",
                "2026-08-20",
                entry=p.label("grant"),
                replacement=p.label("right"),
                reason="wrong date",
            ),
        ]
    ),
    "invalidated": Told(
        born=CHILD,
        parents=(MOTHER, FATHER),
        then=lambda p: [
            granted(p, "2026-07-10", by=FATHER),
            entry(
                p,
                "ConsentInvalidated",
                "2026-10-12",
                consent=p.label("grant"),
                reason="not informed",
            ),
        ],
    ),
    "merged": Told(
        born=ADULT,
        then=lambda p: [
            granted(p, "2026-07-10"),
            entry(
                p,
                "IdentityMerged",
                "2026-10-19",
                **{"from": p.named(), "into": p.named("elsewhere")},
            ),
        ],
    ),
    "basis corrected": Told(
        then=lambda p: [
            declared(p, "2024-04-08", "P13", "e", **TASK, **SIGNED),
            entry(
                p,
                "BasisCorrected",
                "2026-05-11",
                purpose="P13",
                article6="e",
                reason="wrong Act named",
            ),
            entry(p, "BasisEnded", "2026-06-08", purpose="P13", article6="e"),
        ]
    ),
}
