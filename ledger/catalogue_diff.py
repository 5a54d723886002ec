"""What one version of the catalogue changes in another, purpose by purpose.

A change is material where it touches what a person was told and could choose by: the basis, the
conditions, who decides, who else decides over the data they receive, and which data (law, section
4.4, N2). Not here: recording that a purpose changed materially (`PurposeMateriallyChanged`).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ledger.catalogue import CatalogueDocument, Condition, Line, Purpose
from ledger.notice import Recipient

CONTROLLERS = frozenset({"controller", "joint"})
_LINE_WORDS: dict[str, None] = dict.fromkeys(
    (
        "objection_handling",
        "notice_text",
        "withdrawal_channel",
        "freely_given_assessment",
        "note",
    )
)
"""What a line says of itself, beside what it is."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose that came, went or changed, with the fields that differ.

    `material` names those of the fields whose difference is material; a purpose that came or went
    names none, and always matters.
    """

    purpose: str
    kind: Literal["ADDED", "REMOVED", "CHANGED"]
    fields: tuple[str, ...] = ()
    material_fields: tuple[str, ...] = ()

    @property
    def material(self) -> bool:
        """Whether people must be told, and consents end."""
        return self.kind != "CHANGED" or bool(self.material_fields)


def diff(old: CatalogueDocument, new: CatalogueDocument) -> list[Change]:
    """The changes in the order of the new document, then the purposes that went."""
    changes = [_change(old, new, purpose) for purpose in new.purposes]
    went = [one.id for one in old.purposes if one.id not in new.purpose_by_id]
    return [
        *(change for change in changes if change is not None),
        *(Change(purpose=name, kind="REMOVED") for name in went),
    ]


def _change(old: CatalogueDocument, new: CatalogueDocument, purpose: Purpose) -> Change | None:
    before = old.purpose_by_id.get(purpose.id)
    if before is None:
        return Change(purpose=purpose.id, kind="ADDED")
    was, is_ = _meant(old, before), _meant(new, purpose)
    fields = tuple(
        field
        for field in Purpose.__struct_fields__
        if getattr(before, field) != getattr(purpose, field) or was.get(field) != is_.get(field)
    )
    if not fields:
        return None
    material = tuple(field for field in fields if was.get(field) != is_.get(field))
    return Change(purpose=purpose.id, kind="CHANGED", fields=fields, material_fields=material)


def _meant(document: CatalogueDocument, purpose: Purpose) -> dict[str, object]:
    """What the material fields come to, with the ids that they name looked up."""
    controller = document.controller_by_id[purpose.controller]
    return {
        "controller": (controller.id, controller.public_authority),
        "lines": {_line(line) for line in purpose.lines},
        "conditions": {_condition(condition) for condition in purpose.conditions},
        "categories": {
            (name, frozenset(document.category_by_id[name].classes)) for name in purpose.categories
        },
        "recipients": _controllers(document, purpose),
    }


def _line(line: Line) -> Line:
    return msgspec.structs.replace(line, **_LINE_WORDS)


def _condition(condition: Condition) -> Condition:
    return msgspec.structs.replace(condition, reason=None)


def _controllers(document: CatalogueDocument, purpose: Purpose) -> set[Recipient]:
    """The recipients that decide over the data themselves, and those whose role nobody states."""
    named = [document.recipient_by_id[name] for name in purpose.recipients]
    return {
        Recipient(
            id=one.id,
            title=one.title,
            effective_from=one.effective_from,
            effective_until=one.effective_until,
        )
        for one in named
        if one.role is None or one.role in CONTROLLERS
    }
