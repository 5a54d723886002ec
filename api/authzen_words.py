"""What enforcement points say, and what it means here: actions, types, purposes and people.

The face understands its own few words; `authzen_words_file` names a TOML file with the words of a
deployment's own enforcement points. Not here: what is asked (`authzen_questions`).
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

import msgspec

from ledger.errors import Malformed
from ledger.terms import Operation

ActionName = Literal["process", "collect", "share", "store"]
ACTIONS: Final[dict[str, Operation]] = {
    "process": "USE",
    "collect": "COLLECT",
    "share": "SHARE",
    "store": "STORE",
}
CALLERS: Final = ("service", "person", "user")
"""Types of an AuthZEN subject that asks for the controller: who it is changes no answer."""
RECIPIENT: Final = "recipient"
"""The type of an AuthZEN subject that would receive the data; its id is the catalogue's."""
PERSON: Final = "person"
"""The type of a resource that is a person; its id is the ledger's subject."""


class Doing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an action means; without a purpose the request must name one."""

    action: ActionName
    purpose: str | None = None

    @property
    def operation(self) -> Operation:
        """The ledger's word for it."""
        return ACTIONS[self.action]


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deployment's own words; each is read as what stands beside it.

    `purposes` are names of processing activities, such as their URIs in a register; `people` are
    names of test fixtures, for the ids of real people are the ledger's own.
    """

    actions: dict[str, Doing] = {}
    types: dict[str, str] = {}
    purposes: dict[str, str] = {}
    people: dict[str, UUID] = {}

    def doing(self, name: str) -> Doing | None:
        """What the action means, or None where nobody said."""
        known = self.actions.get(name)
        if known is None and name in ACTIONS:
            return msgspec.convert({"action": name}, Doing)
        return known

    def kind(self, name: str) -> str:
        """The type in the face's own words."""
        return self.types.get(name, name)

    def purpose(self, name: str) -> str:
        """The id that the catalogue may have for it."""
        return self.purposes.get(name, name)

    def person(self, kind: str, name: str) -> UUID | None:
        """The subject that the resource is, or None where it can be nobody's id."""
        if self.kind(kind) != PERSON:
            return None
        try:
            return self.people.get(name) or msgspec.convert(name, UUID)
        except msgspec.ValidationError:
            return None


def read_words(path: str | None) -> Words:
    """The words of the file, or `Malformed` naming what cannot be read."""
    if path is None:
        return Words()
    try:
        return msgspec.convert(tomllib.loads(Path(path).read_text(encoding="utf-8")), Words)
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror}", field=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed("is not TOML", field=path) from error
    except msgspec.ValidationError as error:
        raise Malformed(str(error), field=path) from error
