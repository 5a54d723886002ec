"""Containers changed after they were sealed: a group under another key, or without its text.

A leaf commits to the plaintext, so that neither touches it. Not here: which keys (`erasing`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

import msgspec

from ledger.seal import (
    CLEAR,
    DataKey,
    Entropy,
    Group,
    GroupName,
    KeyOf,
    PlainGroup,
    encrypted_group,
    format_container,
    open_container,
    parse_container,
)


def group_keys(container: bytes) -> Mapping[GroupName, UUID]:
    """The key of each group, emptied ones included."""
    return {group.name: group.key_id for group in parse_container(container).groups}


def emptied_groups(container: bytes) -> frozenset[GroupName]:
    """The groups without their text."""
    return frozenset(group.name for group in parse_container(container).groups if not group.ct)


def emptied(container: bytes, *, key_ids: Collection[UUID]) -> bytes:
    """The container without the text of the groups under these keys; its digests stay."""
    parsed = parse_container(container)
    groups = [_without_text(one) if one.key_id in key_ids else one for one in parsed.groups]
    return format_container(msgspec.structs.replace(parsed, groups=groups))


def without(container: bytes, name: GroupName) -> bytes:
    """The container without the text of this group, whatever else its key seals."""
    parsed = parse_container(container)
    groups = [_without_text(each) if each.name == name else each for each in parsed.groups]
    return format_container(msgspec.structs.replace(parsed, groups=groups))


def resealed(
    container: bytes, name: GroupName, *, origin: str, key: KeyOf, new: DataKey, entropy: Entropy
) -> bytes:
    """The container with this group under the new key; unchanged where it cannot be read."""
    parsed = parse_container(container)
    texts = open_container(container, origin=origin, key=key).disclosures.get(name)
    if texts is None:
        return container
    plain = PlainGroup(name=name, key=new, fields={})
    about = (origin, parsed.event_id)
    sealed = encrypted_group(plain, texts=texts, about=about, entropy=entropy)
    groups = [sealed if each.name == name else each for each in parsed.groups]
    return format_container(msgspec.structs.replace(parsed, groups=groups))


def _without_text(group: Group) -> Group:
    if group.key_id == CLEAR.key_id:
        return group
    return msgspec.structs.replace(group, nonce=b"", ct=b"")
