"""What is wrong with a catalogue, as findings: refusals of an adoption, and CV1 to CV15.

Most findings are debts, and a catalogue that has them may be adopted: only what could never be
true, or may never be recorded, refuses an adoption. Not here: the checks themselves
(`catalogue_checks`), or what the notice fails to say, G01 to G32 (`notice_findings`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ledger.catalogue import CatalogueDocument
from ledger.catalogue_checks import CHECKS, Reading
from ledger.sources import Law, SourceTable, sources

Severity = Literal["ERROR", "WARN", "INFO"]


class CatalogueFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a catalogue, where, and by which law.

    `pointer` is a JSON pointer into the document. A finding that `depends_on_primary_notice` may be
    cured by a notice which this one makes part of itself and which was not read.
    """

    code: str
    severity: Severity
    rule: str
    pointer: str
    message: str
    depends_on_primary_notice: bool = False
    refuses_adoption: bool = False


def validate(
    document: CatalogueDocument, *, at: datetime, law: Law, table: SourceTable | None = None
) -> list[CatalogueFinding]:
    """Everything unsound in the catalogue at that moment: refusals first, then CV1 to CV15."""
    reading = Reading(document=document, at=at, law=law, sources=table or sources())
    return [
        CatalogueFinding(
            code=check.code,
            severity="ERROR",
            rule=check.rule,
            pointer=pointer,
            message=message,
            refuses_adoption=check.refuses,
        )
        for check in CHECKS
        for pointer, message in check.find(reading)
    ]
