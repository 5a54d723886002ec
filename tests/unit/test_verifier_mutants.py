"""Every check of the verifier is there for a reason: without it, some pack is judged otherwise.

Those few without such a pack are named here with what makes them redundant.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ledger.tlog.keys import format_vkey
from ledger.tlog.merkle import (
    consistency_proof,
    inclusion_proof,
    node_hash,
    root,
    subtree_of,
)
from tests.packs_attacks import RECEIPT_VKEY, Case, all_attacks
from tests.packs_mutants import Mutant, Outcome, Verifier, mutants, tables_without_a_check
from tests.packs_variants import VARIANTS
from tests.unit.signatures import KEYS, SIGNED
from tests.unit.trees import leaves, witness_key

REDUNDANT: dict[str, str] = {
    "whole_number: len(text) > 17 or abs(int(text)) > INT_MAX without len(text) > 17": (
        "it only keeps int() from the time that a million digits take on an old Python"
    ),
    "holds: passed.issuperset(REQUIRED) and (not any((one.result == FAIL for one in claims)))"
    " without passed.issuperset(REQUIRED)": (
        "a claim that matters is unchecked only where one that it takes has failed"
    ),
}
REDUNDANT |= dict.fromkeys(
    (f"{one}: at and (not at & 1) without at" for one in ("is_included", "begins")),
    "at is 0 only where last is, and there the loop has ended",
)
OPEN_TABLES = {
    "words.ABOUT.scope.subject": "what is no name of a stream is none of the streams either",
    "words.ERASED_EVENT": "it is chosen for an object whose erased is L2",
    "words.ERASED_EVENT.erased": "it is chosen for an object whose erased is L2",
    "words.QUESTION": "the line is refused where it does not begin as one with an object does",
}
COMMAND_LINE = "arguments"
ARITHMETIC = ("is_signed", "is_sound", "point_of", "x_of", "is_included", "begins")
"""Functions whose checks are shown by cases of their own: a pack would take long to find them."""


class Baseline:
    """The verifier as it is, with what it says of every pack, and the lines that said it."""

    def __init__(self) -> None:
        self.verifier = Verifier()
        self.verifier.watch()
        self.attacked = {name: one.make() for name, one in all_attacks().items()}
        self.good = {one.name: one.make() for one in VARIANTS}
        self.outcomes: dict[str, Outcome] = {}
        self.fired: dict[str, set[int]] = {}
        for name, case in (self.attacked | self.good).items():
            self.verifier.fired.clear()
            self.outcomes[name] = self.outcome(name, case)
            self.fired[name] = set(self.verifier.fired)
        self.mutants: dict[str, list[Mutant]] = {}
        for one in mutants(self.verifier):
            self.mutants.setdefault(one.function, []).append(one)

    def outcome(self, name: str, case: Case) -> Outcome:
        """What the verifier says; of good packs, in all its words."""
        return self.verifier.outcome(case, texts=name in self.good)

    def likely_first(self, mutant: Mutant) -> Iterator[tuple[str, Case]]:
        """All packs, those first that the check refused, or others of the same function."""
        spans = {one.name: (one.lineno, one.end_lineno or 0) for one in self.verifier.definitions}
        for first, last in (mutant.lines, spans[mutant.function]):
            for name, case in self.attacked.items():
                if any(first <= line <= last for line in self.fired[name]):
                    yield name, case
        yield from self.good.items()
        yield from self.attacked.items()

    def is_noticed(self, mutant: Mutant) -> bool:
        """Whether some pack is judged otherwise without the check."""
        self.verifier.put(mutant)
        try:
            packs = self.likely_first(mutant)
            return any(self.outcome(name, case) != self.outcomes[name] for name, case in packs)
        finally:
            self.verifier.restore()


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return Baseline()


@cache
def functions() -> list[str]:
    """The functions and classes that check something."""
    return list(dict.fromkeys(one.function for one in mutants(Verifier())))


@pytest.mark.parametrize(
    "function", [one for one in functions() if one not in (*ARITHMETIC, COMMAND_LINE)]
)
def test_some_pack_notices_the_removal_of_each_check(baseline: Baseline, function: str) -> None:
    unnoticed = [one.name for one in baseline.mutants[function] if not baseline.is_noticed(one)]

    assert unnoticed == [name for name in REDUNDANT if name.startswith(f"{function}: ")]


def test_some_pack_notices_each_open_place_in_a_table_of_the_format(baseline: Baseline) -> None:
    unnoticed = []
    for where, name, table in tables_without_a_check():
        kept = baseline.verifier.names[name]
        baseline.verifier.names[name] = table
        cases = {
            each: baseline.attacked[each]
            for each in (where, f"{where} again")
            if each in baseline.attacked
        }
        if all(baseline.outcome(*each) == baseline.outcomes[each[0]] for each in cases.items()):
            unnoticed.append(where)
        baseline.verifier.names[name] = kept

    assert unnoticed == list(OPEN_TABLES)


def test_some_call_notices_the_removal_of_each_check_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack, of_witness = tmp_path / "pack.zip", format_vkey(witness_key().verifier)
    pack.write_bytes(b"no pack")
    calls = [
        [str(pack), "--policy", str(tmp_path / "absent")],
        [str(pack), "--policy", str(pack), "--receipt-key", "no key"],
        [str(pack), "--policy", str(pack), "--receipt-key", of_witness],
        [str(pack), "--policy", str(pack), "--receipt-key", RECEIPT_VKEY],
    ]
    verifier = Verifier()

    def ends() -> list[Any]:
        return [ended(verifier.names["main"], call) for call in calls]

    assert ends() == [2, 2, 2, 3]
    for one in (each for each in mutants(verifier) if each.function == COMMAND_LINE):
        verifier.put(one)
        assert ends() != [2, 2, 2, 3], one.name
        verifier.restore()


def ended(function: Any, call: list[str]) -> Any:
    """The exit code, or the error that it ends with."""
    try:
        return function(call)
    except SystemExit as error:
        return error.code
    except Exception as error:
        return type(error).__name__


# Arithmetic, by cases of its own.

X = bytes(32)


def of_signatures(names: dict[str, Any]) -> Iterator[Any]:
    """What the functions say of keys and signatures."""
    for data in KEYS:
        yield called(names["point_of"], data)
        yield called(names["is_sound"], data)
    for key, message, signature in SIGNED:
        yield called(names["is_signed"], key, message, signature)


def of_trees(names: dict[str, Any]) -> Iterator[Any]:
    """What the functions say of every small tree, and of proofs that are a little wrong."""
    for size in range(1, 10):
        hashes = leaves(size)
        for arguments in inclusions(size, hashes):
            yield called(names["is_included"], *arguments)
        for arguments in consistencies(size, hashes):
            yield called(names["begins"], *arguments)


def inclusions(size: int, hashes: list[bytes]) -> Iterator[tuple[Any, ...]]:
    """Leaf, index, tree and proof; some too long or too short, with the root they lead to."""
    tree = (size, root(hashes))
    for index in range(-1, size + 2):
        at = max(0, min(index, size - 1))
        right = inclusion_proof(at, size, subtree_of(hashes))
        yield from ((hashes[at], index, tree, proof) for proof in near(right))
        yield hashes[at], index, (size, node_hash(X, tree[1])), [*right, X]
        yield hashes[at], index, (size, hashes[at]), []


def consistencies(size: int, hashes: list[bytes]) -> Iterator[tuple[Any, ...]]:
    """Two trees and a proof; some too long or too short, with the roots they lead to."""
    tree = (size, root(hashes))
    for old in range(1, size):
        before = root(hashes[:old])
        right = consistency_proof(old, size, subtree_of(hashes))
        yield from (((old, before), tree, proof) for proof in near(right))
        yield from (((old, root(hashes[1:])), tree, proof) for proof in near(right))
        higher = (old, node_hash(X, before)), (size, node_hash(X, tree[1]))
        yield (*higher, [*right, X])
        yield (old, X), (size, X), [X]
    yield from (((0, root([])), tree, proof) for proof in ([], [X]))


def near(proof: list[bytes]) -> Iterator[list[bytes]]:
    """The proof, and others that are a little shorter, longer or otherwise."""
    yield proof
    yield [*proof, X]
    yield [X, *proof]
    yield []
    for at in range(len(proof)):
        yield proof[:at] + proof[at + 1 :]
        yield [*proof[:at], X, *proof[at + 1 :]]


def called(function: Any, *arguments: Any) -> Any:
    """What the function returns, or how it ends."""
    try:
        return function(*arguments)
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("function", ARITHMETIC)
def test_some_case_notices_the_removal_of_each_check_of_arithmetic(function: str) -> None:
    verifier = Verifier()
    cases = of_trees if function in ("is_included", "begins") else of_signatures
    verifier.names["is_sound"] = verifier.names["is_sound"].__wrapped__
    right = list(cases(verifier.names))
    found = [one for one in mutants(verifier) if one.function == function]
    unnoticed = []
    for one in found:
        verifier.put(one)
        if list(cases(verifier.names)) == right:
            unnoticed.append(one.name)
        verifier.restore()
        verifier.names["is_sound"] = verifier.names["is_sound"].__wrapped__

    assert found
    assert unnoticed == [name for name in REDUNDANT if name.startswith(f"{function}: ")]
