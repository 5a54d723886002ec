"""Everything that the page about a person shows, computed from one look at their record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from api.asking import check_purpose
from api.body import AnyRequest
from api.console.clocks import Drawing, drawing
from api.console.happenings import Happening, happenings
from api.console.looking import Look, look, purposes_by_id
from api.console.moments import Moments
from ledger.catalogue import Purpose
from ledger.errors import Malformed
from projections.checks import Answered
from projections.turning import Turns, turns
from projections.two_clocks import TwoClocks, two_clocks


class Shown(NamedTuple):
    """What the page shows; `corrected` has, by purpose, today's answers that say otherwise."""

    look: Look
    purposes: Mapping[str, Purpose]
    answers: Sequence[Answered]
    corrected: Mapping[str, Answered]
    turns: Turns
    picture: TwoClocks | None
    history: Sequence[Happening]

    def title(self, purpose: str) -> str:
        """The purpose as people know it."""
        return self.purposes[purpose].title

    @property
    def drawn(self) -> Drawing | None:
        """The picture as it is drawn, None where there is nothing to draw."""
        if self.picture is None or not self.picture.beliefs:
            return None
        at = self.look
        return drawing(self.picture, effective_at=at.effective_at, known_at=at.known_at)


async def read_person(
    request: AnyRequest, subject: UUID, asked: Moments, purpose: str | None
) -> Shown:
    """The person at these moments; the picture is for the purpose, or for the one most busy."""
    found = await look(request, subject, asked)
    if purpose is not None and check_purpose(purpose) not in found.purposes:
        raise Malformed("is no purpose that you may ask about at that moment", field="purpose")
    # Long histories take a while: others are answered meanwhile.
    return await asyncio.to_thread(_computed, found, purpose)


def _computed(found: Look, purpose: str | None) -> Shown:
    purposes = purposes_by_id(found.loaded.catalogue)
    answers = [found.asked(one) for one in found.purposes]
    drawn_for = purpose or _busiest(found, answers)
    return Shown(
        look=found,
        purposes=purposes,
        answers=answers,
        corrected=found.corrected(answers),
        turns=turns(
            found.person,
            found.catalogue,
            found.rulebook,
            moments={one.query.purpose: one.answer.effective_at for one in answers},
            effective_at=found.effective_at,
            known_at=found.known_at,
        ),
        picture=None if drawn_for is None else _picture(found, drawn_for),
        history=happenings(found, purposes),
    )


def _busiest(found: Look, answers: Sequence[Answered]) -> str | None:
    """The purpose that most is recorded for, of several the first."""
    facts = [getattr(one.fact, "purpose", None) for one in found.loaded.dossier.items]
    return max((one.query.purpose for one in answers), key=facts.count, default=None)


def _picture(found: Look, purpose: str) -> TwoClocks:
    loaded = found.loaded
    return two_clocks(
        loaded.dossier,
        loaded.catalogue,
        found.rulebook,
        purpose=purpose,
        around=found.known_at if found.past else None,
    )
