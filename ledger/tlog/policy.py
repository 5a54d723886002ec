"""A trust policy: which logs, which witnesses, and how many of them, c2sp.org/tlog-policy.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> <any | all | k> <name>...
    quorum <name | none>

It comes from outside of whatever it judges: a policy in a pack says nothing about that pack.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ledger.errors import Fault
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.keys import KeyType, Verified, VerifierKey, parse_vkey, verified
from ledger.tlog.note import Note

_ALLOWED = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")
_COUNT = re.compile("[1-9][0-9]{0,5}")


class MalformedPolicy(Fault):
    """A text that is no trust policy: names the line."""


class Untrusted(Fault):
    """A checkpoint that the policy does not accept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A log or a witness, and where it is, if the policy says so."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Satisfied where at least `least` of its members are."""

    least: int
    members: tuple[str, ...]


@dataclass(kw_only=True, slots=True)
class Policy:
    """Logs and witnesses by name, and the name whose satisfaction makes a checkpoint valid."""

    logs: list[Known] = field(default_factory=list)
    witnesses: dict[str, Known] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A checkpoint that the policy accepts, its log's key, and the witnesses that cosigned it."""

    checkpoint: Checkpoint
    log: VerifierKey
    cosigned: tuple[Verified, ...]


def parse_policy(data: bytes) -> Policy:
    """The policy; raises `MalformedPolicy` naming the first line that cannot be read."""
    if not _ALLOWED.fullmatch(data):
        raise MalformedPolicy("a policy has no control characters but tabs and newlines")
    policy = Policy()
    # Names are octets: every one of them stands for itself.
    for number, line in enumerate(data.decode("latin-1").split("\n"), start=1):
        words = re.split("[ \t]+", line.strip(" \t"))
        if not words[0].startswith("#") and words != [""]:
            try:
                _READERS.get(words[0], _unknown)(policy, words[1:])
            except Fault as error:
                raise MalformedPolicy(f"line {number} of the policy: {error}") from None
    if policy.quorum is None:
        raise MalformedPolicy("a policy has a quorum line")
    return policy


def accept(note: Note, policy: Policy) -> Accepted:
    """The checkpoint in the note, signed by a log of the policy and cosigned by its quorum.

    Raises `Untrusted`, `Unverified` where a signature of a known key is wrong, and
    `MalformedCheckpoint`.
    """
    accepted = known(note, policy)
    names = {one.key for one in accepted.cosigned}
    if not satisfied(policy, names):
        raise Untrusted("too few of the policy's witnesses have cosigned the checkpoint")
    return accepted


def known(note: Note, policy: Policy) -> Accepted:
    """The checkpoint in the note, signed by a log of the policy, whoever has cosigned it."""
    checkpoint = parse_checkpoint(note.text)
    logs = [one.key for one in policy.logs if one.key.name == checkpoint.origin]
    signed = verified(note, logs)
    if not signed:
        raise Untrusted("no log of the policy has signed the checkpoint")
    witnesses = [one.key for one in policy.witnesses.values()]
    return Accepted(
        checkpoint=checkpoint, log=signed[0].key, cosigned=tuple(verified(note, witnesses))
    )


def satisfied(policy: Policy, cosigned: set[VerifierKey]) -> bool:
    """Whether these keys are enough for the policy's quorum."""
    assert policy.quorum is not None, "a policy has a quorum line"
    return _satisfied(policy.quorum, policy, cosigned)


def _satisfied(name: str, policy: Policy, cosigned: set[VerifierKey]) -> bool:
    if name == "none":
        return True
    if name in policy.witnesses:
        return policy.witnesses[name].key in cosigned
    group = policy.groups[name]
    return sum(_satisfied(one, policy, cosigned) for one in group.members) >= group.least


# Lines.


def _log(policy: Policy, words: list[str]) -> None:
    one = _known(words, KeyType.ED25519, KeyType.ML_DSA_44)
    if any(each.key.public == one.key.public for each in policy.logs):
        raise MalformedPolicy("a log stands twice")
    policy.logs.append(one)


def _witness(policy: Policy, words: list[str]) -> None:
    name = _new_name(policy, words)
    one = _known(words[1:], KeyType.COSIGNATURE, KeyType.ML_DSA_44)
    if any(each.key.public == one.key.public for each in policy.witnesses.values()):
        raise MalformedPolicy("a witness stands twice")
    policy.witnesses[name] = one


def _group(policy: Policy, words: list[str]) -> None:
    name = _new_name(policy, words)
    members = tuple(words[2:])
    taken = {one for group in policy.groups.values() for one in group.members}
    for at, member in enumerate(members):
        _check_defined(policy, member)
        if member in taken or member in members[:at]:
            raise MalformedPolicy("a name is a member of one group at most, and once")
    policy.groups[name] = Group(least=_least(words[1:2], len(members)), members=members)


def _quorum(policy: Policy, words: list[str]) -> None:
    if policy.quorum is not None or len(words) != 1:
        raise MalformedPolicy("a policy has one quorum line, with one name")
    if words[0] != "none":
        _check_defined(policy, words[0])
    policy.quorum = words[0]


def _unknown(_: Policy, __: list[str]) -> None:
    raise MalformedPolicy("a line begins with log, witness, group or quorum")


_READERS: Mapping[str, Callable[[Policy, list[str]], None]] = {
    "log": _log,
    "witness": _witness,
    "group": _group,
    "quorum": _quorum,
}


def _known(words: list[str], *types: KeyType) -> Known:
    if len(words) not in (1, 2):
        raise MalformedPolicy("a log or a witness has one verifier key and at most one address")
    try:
        key = parse_vkey(words[0].encode("latin-1").decode("utf-8"))
    except UnicodeDecodeError:
        raise MalformedPolicy("a verifier key is UTF-8") from None
    if key.type not in types:
        raise MalformedPolicy("a verifier key of a kind that does not do this")
    return Known(key=key, url=words[1] if words[1:] else None)


def _new_name(policy: Policy, words: list[str]) -> str:
    if not words or words[0] in {"none", *policy.witnesses, *policy.groups}:
        raise MalformedPolicy("a witness or a group has a name that nothing has yet")
    return words[0]


def _check_defined(policy: Policy, name: str) -> None:
    if name not in policy.witnesses and name not in policy.groups:
        raise MalformedPolicy("a name stands for a witness or a group of a line above")


def _least(words: list[str], members: int) -> int:
    """How many members must be satisfied."""
    said = words[0] if words else ""
    least = {"any": 1, "all": members}.get(said)
    if least is None:
        least = int(said) if _COUNT.fullmatch(said) else 0
    if not 1 <= least <= members:
        raise MalformedPolicy("a group asks for any, all, or a number of its members")
    return least
