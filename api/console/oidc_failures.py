"""Why a sign-in came to nothing: what the person is told, and the one word for the operator.

Neither repeats anything that was sent: a code, a token or a claim is in no page and no diagnostic.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["stale", "refused", "unproven", "away", "busy", "unusable", "roleless"]


class Told(msgspec.Struct, frozen=True):
    """A page: its HTTP code, its heading, and what to do."""

    code: int
    title: str
    advice: str


TOLD: dict[Kind, Told] = {
    "stale": Told(
        400,
        "This sign-in cannot be finished",
        "It was begun more than ten minutes ago, in another browser, or was finished already."
        " Begin again.",
    ),
    "refused": Told(
        403,
        "You were not signed in",
        "The sign-in service did not sign you in. Begin again, or ask whoever runs it.",
    ),
    "unproven": Told(
        400,
        "We could not verify your sign-in",
        "What came back from the sign-in service was not what we asked it for, so nobody was"
        " signed in. Begin again; if it happens twice, tell whoever runs this ledger.",
    ),
    "away": Told(
        503,
        "The sign-in service cannot be reached",
        "Nobody was signed in. Try again in a moment; if that does not help, tell whoever runs"
        " this ledger.",
    ),
    "busy": Told(
        503,
        "Too many people are signing in",
        "Nobody was signed in. Try again in a moment.",
    ),
    "unusable": Told(
        503,
        "The sign-in service cannot be used",
        "Nobody was signed in, and trying again will not help. Tell whoever runs this ledger.",
    ),
    "roleless": Told(
        403,
        "You have no role here",
        "The sign-in service knows you, but gives you no role that this ledger knows. Ask whoever"
        " runs this ledger for one, if your work needs it.",
    ),
}


class SignInFailed(Exception):
    """Nobody was signed in; `why` is a word of ours for the operator."""

    def __init__(self, kind: Kind, why: str) -> None:
        super().__init__(why)
        self.kind: Kind = kind
        self.why = why

    @property
    def told(self) -> Told:
        """What the person is told."""
        return TOLD[self.kind]
