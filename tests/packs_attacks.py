"""Attacked packs: each is made by a function that says what is wrong, and has the code it deserves.

    @attack("E_TIME", "time", on="log", threat=8)
    def backdated(log): ...

`on` says where the attacker sits: at the log before its leaves are in the tree, at the files of the
pack, at the bag around them, at the ZIP file, or at all of the case. `threat` is the number in the
threat model. Not here: any attack.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from importlib import import_module
from typing import Any, Literal

import msgspec

from ledger.tlog.keys import format_vkey
from projections.packs.recompute import recomputed
from tests.packs import line, payload
from tests.packs_bag import bagged, zipped
from tests.packs_log import Log, policy, receipt_key, story

On = Literal["log", "files", "bag", "zip", "case"]
Files = dict[str, bytes]
RECEIPT_VKEY = format_vkey(receipt_key().verifier)


CODES = {
    "E_ZIP",
    "E_BAG",
    "E_PACK",
    "E_POLICY",
    "E_ORIGIN",
    "E_CHECKPOINT",
    "E_QUORUM",
    "E_CONSISTENCY",
    "E_INCLUSION",
    "E_LEAF",
    "E_DUPLICATE",
    "E_COMMITMENT",
    "E_DISCLOSURE",
    "E_CHAIN",
    "E_ORDER",
    "E_TIME",
    "E_RECEIPT",
    "E_RECEIPT_FORK",
    "E_OMITTED",
    "E_ANCHOR",
    "E_ANSWER",
}
"""Every code that the verifier has."""


class Case(msgspec.Struct, kw_only=True):
    """All that the verifier is given; `limits` stand for its own, where those take gigabytes."""

    pack: bytes
    policy: bytes = msgspec.field(default_factory=policy)
    receipts: list[bytes] = []
    receipt_key: str | None = RECEIPT_VKEY
    recompute: Any = recomputed
    limits: dict[str, int] = {}


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that must fail with this code, at this claim first."""

    name: str
    code: str
    claim: str
    make: Callable[[], Case]
    threat: int | None = None


ATTACKS: list[Attack] = []
KINDS = ("zip", "words", "policies", "checkpoints", "tree", "entries", "streams", "outside")
"""The modules `packs_attacks_…`, in the order of the steps."""


@cache
def all_attacks() -> dict[str, Attack]:
    """Every attacked pack, by name."""
    for kind in KINDS:
        import_module(f"tests.packs_attacks_{kind}")
    return {each.name: each for each in ATTACKS}


def attack(
    code: str,
    claim: str,
    *,
    on: On = "files",
    threat: int | None = None,
    limits: dict[str, int] | None = None,
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Put the pack that the function makes among the attacked ones."""

    def put(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def made() -> Case:
            case = made_on(on, change)
            case.limits = limits or {}
            return case

        name = f"{change.__module__.rpartition('_')[2]}.{change.__name__}"
        ATTACKS.append(Attack(name=name, code=code, claim=claim, make=made, threat=threat))
        return change

    return put


def made_on(on: On, change: Callable[[Any], Any]) -> Case:
    """The case with the change at its place; a change may return what takes the place."""
    if on == "case":
        case = honest()
        return change(case) or case
    if on == "zip":
        return Case(pack=change(zipped(bagged(files()))))
    if on == "bag":
        bag = bagged(files())
        return Case(pack=zipped(change(bag) or bag))
    if on == "files":
        inside = files()
        return Case(pack=zipped(bagged(change(inside) or inside)))
    log = story()
    log = change(log) or log
    return Case(pack=zipped(bagged(payload(log))))


def honest() -> Case:
    """A pack with nothing wrong."""
    return Case(pack=zipped(bagged(files())))


@cache
def _files() -> Files:
    return payload(story())


def files() -> Files:
    """The files of an honest pack."""
    return dict(_files())


def edited(inside: Files, name: str, change: Callable[[Any], Any], *, at: int = 0) -> Files:
    """The files with one line of one file changed: in place, or as the change returns it."""
    lines = inside[name].splitlines(keepends=True)
    value = deepcopy(json.loads(lines[at]))
    other = change(value)
    lines[at] = line(value if other is None else other)
    return {**inside, name: b"".join(lines)}


def of_log(change: Callable[[Log], Any]) -> Files:
    """The files of the pack of a changed log."""
    log = story()
    return payload(change(log) or log)
