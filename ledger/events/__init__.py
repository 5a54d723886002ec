"""The vocabulary: every type of entry as a frozen struct, with its stored name and schema version.

The stored name is the class name, for ever; a type's meaning never changes under the same schema
number. Not here: how entries arrive as JSON (`wire`) or how they bear on an answer (`history`,
`rules/`). Read `base` first.
"""

from typing import Final

from ledger.events.base import STREAM_EITHER, STREAM_LEDGER, STREAM_SUBJECT, Fact
from ledger.events.bases import (
    BasisCorrected,
    BasisDeclared,
    BasisEnded,
    NoticeProvided,
    NoticePublished,
    PurposeMateriallyChanged,
)
from ledger.events.consent import (
    AuthorityEnded,
    AuthorityRestricted,
    AuthorityStarted,
    ConsentGranted,
    ConsentInvalidated,
    ConsentRefused,
    ConsentWithdrawn,
    DisputeResolved,
    ServiceAgreementEnded,
    ServiceAgreementGiven,
)
from ledger.events.corrections import (
    ComplaintAcknowledged,
    ComplaintClosed,
    ComplaintReceived,
    DisclosureRecorded,
    EntryAnnulled,
    EntryReattributed,
    EntrySuperseded,
    ErasureExecuted,
    ErasureRefused,
    ErasureRequested,
    HoldPlaced,
    HoldReleased,
    IdentityMerged,
    IdentityUnmerged,
    KeyDestroyed,
    MovedFact,
)
from ledger.events.governance import (
    CatalogueAdopted,
    LawLoaded,
    PolicyDocumentAdopted,
    PolicyDocumentEnded,
    PolicySet,
)
from ledger.events.life import (
    AtRiskAssessed,
    BirthRecorded,
    CompetenceAssessed,
    DateOfBirthRecorded,
    DeathRecorded,
    StatusEnded,
    StatusStarted,
)
from ledger.events.rights import (
    EqualityOptOutReceived,
    EqualityOptOutWithdrawn,
    ExemptionApplied,
    ObjectionDecided,
    ObjectionReceived,
    RestrictionApplied,
    RestrictionExceptionRecorded,
    RestrictionLifted,
)

ENTRY_TYPES: Final[tuple[type[Fact], ...]] = (
    AtRiskAssessed,
    AuthorityEnded,
    AuthorityRestricted,
    AuthorityStarted,
    BasisCorrected,
    BasisDeclared,
    BasisEnded,
    BirthRecorded,
    CatalogueAdopted,
    CompetenceAssessed,
    ComplaintAcknowledged,
    ComplaintClosed,
    ComplaintReceived,
    ConsentGranted,
    ConsentInvalidated,
    ConsentRefused,
    ConsentWithdrawn,
    DateOfBirthRecorded,
    DeathRecorded,
    DisclosureRecorded,
    DisputeResolved,
    EntryAnnulled,
    EntryReattributed,
    EntrySuperseded,
    EqualityOptOutReceived,
    EqualityOptOutWithdrawn,
    ErasureExecuted,
    ErasureRefused,
    ErasureRequested,
    ExemptionApplied,
    HoldPlaced,
    HoldReleased,
    IdentityMerged,
    IdentityUnmerged,
    KeyDestroyed,
    LawLoaded,
    NoticeProvided,
    NoticePublished,
    ObjectionDecided,
    ObjectionReceived,
    PolicyDocumentAdopted,
    PolicyDocumentEnded,
    PolicySet,
    PurposeMateriallyChanged,
    RestrictionApplied,
    RestrictionExceptionRecorded,
    RestrictionLifted,
    ServiceAgreementEnded,
    ServiceAgreementGiven,
    StatusEnded,
    StatusStarted,
)

AnyFact = (
    AtRiskAssessed
    | AuthorityEnded
    | AuthorityRestricted
    | AuthorityStarted
    | BasisCorrected
    | BasisDeclared
    | BasisEnded
    | BirthRecorded
    | CatalogueAdopted
    | CompetenceAssessed
    | ComplaintAcknowledged
    | ComplaintClosed
    | ComplaintReceived
    | ConsentGranted
    | ConsentInvalidated
    | ConsentRefused
    | ConsentWithdrawn
    | DateOfBirthRecorded
    | DeathRecorded
    | DisclosureRecorded
    | DisputeResolved
    | EntryAnnulled
    | EntryReattributed
    | EntrySuperseded
    | EqualityOptOutReceived
    | EqualityOptOutWithdrawn
    | ErasureExecuted
    | ErasureRefused
    | ErasureRequested
    | ExemptionApplied
    | HoldPlaced
    | HoldReleased
    | IdentityMerged
    | IdentityUnmerged
    | KeyDestroyed
    | LawLoaded
    | NoticeProvided
    | NoticePublished
    | ObjectionDecided
    | ObjectionReceived
    | PolicyDocumentAdopted
    | PolicyDocumentEnded
    | PolicySet
    | PurposeMateriallyChanged
    | RestrictionApplied
    | RestrictionExceptionRecorded
    | RestrictionLifted
    | ServiceAgreementEnded
    | ServiceAgreementGiven
    | StatusEnded
    | StatusStarted
)
"""Any entry: a tagged union for decoders."""

BY_NAME: Final[dict[str, type[Fact]]] = {kind.__name__: kind for kind in ENTRY_TYPES}


def name_of(fact: Fact) -> str:
    """The stored name of the fact's type."""
    return type(fact).__name__


__all__ = [
    "BY_NAME",
    "ENTRY_TYPES",
    "STREAM_EITHER",
    "STREAM_LEDGER",
    "STREAM_SUBJECT",
    "AnyFact",
    "AtRiskAssessed",
    "AuthorityEnded",
    "AuthorityRestricted",
    "AuthorityStarted",
    "BasisCorrected",
    "BasisDeclared",
    "BasisEnded",
    "BirthRecorded",
    "CatalogueAdopted",
    "CompetenceAssessed",
    "ComplaintAcknowledged",
    "ComplaintClosed",
    "ComplaintReceived",
    "ConsentGranted",
    "ConsentInvalidated",
    "ConsentRefused",
    "ConsentWithdrawn",
    "DateOfBirthRecorded",
    "DeathRecorded",
    "DisclosureRecorded",
    "DisputeResolved",
    "EntryAnnulled",
    "EntryReattributed",
    "EntrySuperseded",
    "EqualityOptOutReceived",
    "EqualityOptOutWithdrawn",
    "ErasureExecuted",
    "ErasureRefused",
    "ErasureRequested",
    "ExemptionApplied",
    "Fact",
    "HoldPlaced",
    "HoldReleased",
    "IdentityMerged",
    "IdentityUnmerged",
    "KeyDestroyed",
    "LawLoaded",
    "MovedFact",
    "NoticeProvided",
    "NoticePublished",
    "ObjectionDecided",
    "ObjectionReceived",
    "PolicyDocumentAdopted",
    "PolicyDocumentEnded",
    "PolicySet",
    "PurposeMateriallyChanged",
    "RestrictionApplied",
    "RestrictionExceptionRecorded",
    "RestrictionLifted",
    "ServiceAgreementEnded",
    "ServiceAgreementGiven",
    "StatusEnded",
    "StatusStarted",
    "name_of",
]
