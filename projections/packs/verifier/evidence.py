"""What has been established so far: each step adds to it, and uses only what others added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Union

from projections.packs.verifier.notes import Key
from projections.packs.verifier.pack import Event, Leaf, Pack
from projections.packs.verifier.policies import Policy

Recompute = Callable[[list[dict[str, Any]], dict[str, Any], bytes], Union[bytes, str]]


class Evidence:
    """A pack with what came from outside of it, and what the steps have found."""

    files: dict[str, bytes]
    pack: Pack
    policy: Policy
    entries: list[tuple[Event, Leaf]]
    leaf_at: dict[int, Leaf]

    def __init__(
        self,
        *,
        pack: bytes,
        policy: bytes,
        receipts: Sequence[bytes] = (),
        receipt_key: Key | None = None,
        recompute: Recompute | None = None,
    ) -> None:
        self.pack_bytes, self.policy_bytes = pack, policy
        self.receipts, self.receipt_key = receipts, receipt_key
        self.recompute = recompute
        self.notes: dict[int, bytes] = {}
        self.texts: dict[int, bytes] = {}
        self.roots: dict[int, bytes] = {}
        self.cosigned: dict[int, dict[Key, list[int]]] = {}
        self.ml_dsa_lines = 0
        # By event id: the names and values of the fields that are shown.
        self.fields: dict[str, dict[str, Any]] = {}

    @property
    def head(self) -> tuple[int, bytes]:
        """The size and root of the largest tree."""
        size = max(self.roots)
        return size, self.roots[size]
