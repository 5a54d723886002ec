"""Whose signatures to believe, and how many of them: c2sp.org/tlog-policy.

The policy comes from outside of the pack: one inside says nothing about it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from projections.packs.verifier.notes import COSIGNATURE, ED25519, ML_DSA_44, Key
from projections.packs.verifier.reading import Failed, need

POLICY_BYTES = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")
COUNT = re.compile("[1-9][0-9]{0,5}")


class Policy:
    """Logs, witnesses and groups by name, and the one whose satisfaction is enough."""

    def __init__(self, data: bytes) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        need(POLICY_BYTES.fullmatch(data), "E_POLICY", "control characters")
        for number, line in enumerate(data.decode("latin-1").split("\n"), 1):
            words = re.split("[ \t]+", line.strip(" \t"))
            if words != [""] and not words[0].startswith("#"):
                self.read_line(words[0], words[1:], f"line {number}")
        need(self.quorum, "E_POLICY", "no quorum line")

    def read_line(self, kind: str, words: list[str], where: str) -> None:
        """Take the line in."""
        if kind == "log":
            keys = [one.public for one in self.logs]
            self.logs.append(self.key_of(words, ED25519, keys, where))
        elif kind == "witness":
            self.check_new(words, where)
            keys = [one.public for one in self.witnesses.values()]
            self.witnesses[words[0]] = self.key_of(words[1:], COSIGNATURE, keys, where)
        elif kind == "group":
            self.check_new(words, where)
            self.groups[words[0]] = self.group_of(words[1:], where)
        elif kind == "quorum":
            need(len(words) == 1 and not self.quorum, "E_POLICY", f"{where}: one quorum, one name")
            need(words[0] == "none" or self.knows(words[0]), "E_POLICY", f"{where}: the quorum")
            self.quorum = words[0]
        else:
            raise Failed("E_POLICY", f"{where}: neither log, witness, group nor quorum")

    def key_of(self, words: list[str], kind: int, known: Collection[bytes], where: str) -> Key:
        """The key of a log or a witness, which is of this kind or of ML-DSA-44, and new."""
        need(len(words) in (1, 2), "E_POLICY", f"{where}: one key, and at most one address")
        try:
            key = Key(words[0].encode("latin-1").decode("utf-8"), "E_POLICY")
        except UnicodeDecodeError:
            raise Failed("E_POLICY", f"{where}: a verifier key is UTF-8") from None
        except Failed as error:
            raise Failed("E_POLICY", f"{where}: {error.where}") from None
        need(key.type in (kind, ML_DSA_44), "E_POLICY", f"{where}: a key that does not do this")
        need(key.public not in known, "E_POLICY", f"{where}: a key stands twice")
        return key

    def group_of(self, words: list[str], where: str) -> tuple[int, list[str]]:
        """How many members must be satisfied, and the members; each is in one group only."""
        members = words[1:]
        taken = [one for _, group in self.groups.values() for one in group] + members
        for one in members:
            known = self.knows(one) and taken.count(one) == 1
            need(known, "E_POLICY", f"{where}: a member that is not known, or is one already")
        least = {"any": 1, "all": len(members)}.get(words[0] if words else "", 0)
        if words and COUNT.fullmatch(words[0]):
            least = int(words[0])
        need(1 <= least <= len(members), "E_POLICY", f"{where}: any, all, or a number of members")
        return least, members

    def check_new(self, words: list[str], where: str) -> None:
        """Go on only where the line gives a name that nothing has yet."""
        new = words and words[0] != "none" and not self.knows(words[0])
        need(new, "E_POLICY", f"{where}: a name that nothing has yet")

    def knows(self, name: str) -> bool:
        """Whether a line above gives the name."""
        return name in self.witnesses or name in self.groups

    def is_met_by(self, cosigned: Collection[Key]) -> bool:
        """Whether these keys are enough."""
        met = {name for name, key in self.witnesses.items() if key in cosigned} | {"none"}
        # A group is of names that stand above it.
        for name, (least, members) in self.groups.items():
            if sum(one in met for one in members) >= least:
                met.add(name)
        return self.quorum in met
