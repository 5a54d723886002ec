"""The verifier, which shares no code with the ledger, reads every format as the ledger does."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Fault
from ledger.tlog import checkpoint, leaf, merkle, note, policy
from ledger.tlog.keys import KeyType, cosign, format_vkey, parse_vkey, signing_key, verified
from projections.packs.verifier import notes, pack, reading, tree
from projections.packs.verifier.notes import Key
from projections.packs.verifier.policies import Policy
from projections.packs.verifier.reading import Failed
from tests.unit.test_leaf import leaves as any_leaf
from tests.unit.test_merkle import ONE_EXCEPTION, VECTORS
from tests.unit.trees import leaves, log_key, seed, witness_key

SIX = [format_vkey(witness_key(f"w{n}").verifier) for n in range(6)]
LOG = format_vkey(log_key().verifier)


def reads(function: Any, *arguments: Any) -> Any:
    """What the function makes of them, None where it refuses them."""
    try:
        return function(*arguments)
    except (Fault, Failed):
        return None


# Policies.

names = st.sampled_from(["w0", "w1", "w2", "g", "h", "none", "x", ""])
keys = st.sampled_from([*SIX, LOG, LOG[:-1], "x"])
spaces = st.sampled_from([" ", "\t", "  ", " \t"])
word = st.one_of(names, keys, st.sampled_from(["any", "all", "0", "1", "2", "03", "https://x/"]))


@st.composite
def lines(draw: Any) -> str:
    kind = draw(st.sampled_from(["log", "witness", "group", "quorum", "quorum", "#", "", "x"]))
    words = draw(
        {
            "log": st.tuples(keys),
            "witness": st.tuples(names, keys),
            "group": st.tuples(names, word, names, names),
            "quorum": st.tuples(names),
        }.get(kind, st.tuples(word))
    )
    words = (*words, *draw(st.lists(word, max_size=1)))
    return draw(spaces).join([draw(st.sampled_from(["", " "])) + kind, *words])


def good_start(draw: Any) -> list[str]:
    """Lines that can be read, so that more than the first mistake is met."""
    many = draw(st.integers(0, 4))
    return [f"log {LOG}", *(f"witness w{n} {SIX[n]}" for n in range(many))]


@given(st.data(), st.sets(st.sampled_from(range(6))))
def test_a_policy_is_read_and_met_alike(data: Any, cosigned: set[int]) -> None:
    chosen = data.draw(st.lists(lines(), max_size=5))
    text = "\n".join([*good_start(data.draw), *chosen]).encode()

    theirs, ours = reads(policy.parse_policy, text), reads(Policy, text)

    assert (theirs is None) is (ours is None)
    if ours is not None:
        by_them = {parse_vkey(SIX[n]) for n in cosigned}
        by_us = [one for one in ours.witnesses.values() if one.vkey in {SIX[n] for n in cosigned}]
        met = policy._satisfied(theirs.quorum, theirs, by_them)
        assert ours.is_met_by(by_us) is met


@given(st.binary(max_size=80))
def test_any_bytes_are_a_policy_for_both_or_for_none(data: bytes) -> None:
    text = f"log {LOG}\nquorum none\n".encode() + data

    assert (reads(policy.parse_policy, text) is None) is (reads(Policy, text) is None)


def test_groups_may_lie_in_one_another_as_deep_as_anybody_likes() -> None:
    text = [f"log {LOG}", f"witness w0 {SIX[0]}", "group g0 any w0"]
    text += [f"group g{n} all g{n - 1}" for n in range(1, 3000)]
    ours = Policy("\n".join([*text, "quorum g2999"]).encode())

    assert ours.is_met_by(list(ours.witnesses.values()))
    assert not ours.is_met_by([])


# Keys, notes and checkpoints.

edits = st.tuples(st.integers(0, 400), st.sampled_from(["", " ", "+", "\n", "\n\n", "A", "=", "—"]))
KEY_TYPES = st.sampled_from([KeyType.ED25519, KeyType.COSIGNATURE])


def edited(text: str, changes: list[tuple[int, str]]) -> str:
    """The text with pieces put into it, each in the place of one character."""
    for at, piece in changes:
        at %= len(text) + 1
        text = text[:at] + piece + text[at + 1 :]
    return text


@given(KEY_TYPES, st.lists(edits, max_size=2))
def test_a_key_is_read_alike(kind: KeyType, changes: list[tuple[int, str]]) -> None:
    made = format_vkey(signing_key("log.example/1", seed("a key"), kind).verifier)
    text = edited(made, changes)

    theirs, ours = reads(parse_vkey, text), reads(Key, text, "E_POLICY")

    assert (theirs is None) is (ours is None)
    if ours is not None:
        assert (ours.name, ours.type, ours.id, ours.public) == (
            theirs.name,
            theirs.type,
            theirs.key_id,
            theirs.public,
        )


@given(st.integers(0, 300), st.integers(0, 2**40), st.lists(edits, max_size=2))
def test_a_checkpoint_is_read_and_its_signatures_are_judged_alike(
    size: int, time: int, changes: list[tuple[int, str]]
) -> None:
    key, witness = log_key(), witness_key()
    made = checkpoint.Checkpoint(
        origin=key.verifier.name, size=size, root=merkle.root(leaves(size))
    )
    signed = checkpoint.signed(made, key)
    line = note.format_signature(cosign(signed.text, witness, time=time))
    data = edited(note.format_note(signed).decode() + line, changes).encode()

    theirs, ours = reads(by_them, data), reads(by_us, data)

    assert theirs == ours


def by_them(data: bytes) -> Any:
    read = note.parse_note(data)
    found = checkpoint.parse_checkpoint(read.text)
    known = [log_key().verifier, witness_key().verifier]
    signers = {one.key.name: one.time or 0 for one in verified(read, known)}
    return found.origin, found.size, found.root, signers


def by_us(data: bytes) -> Any:
    read = notes.read_note(data, "E", "")
    found = notes.read_checkpoint(read.text, "E", "")
    known = [Key(format_vkey(each.verifier), "E") for each in (log_key(), witness_key())]
    signers = {key.name: times[0] for key, times in notes.signers(read, known, "E", "").items()}
    return found.origin, found.size, found.root, signers


# Leaves.


@given(any_leaf(), st.lists(edits, max_size=2))
def test_a_leaf_is_read_alike(made: leaf.Leaf, changes: list[tuple[int, str]]) -> None:
    data = edited(leaf.format_leaf(made).decode("latin-1"), changes).encode()

    theirs, ours = reads(leaf.parse_leaf, data), reads(pack.read_leaf, data, "")

    assert (theirs is None) is (ours is None)
    if ours is not None:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ours.at)
        assert at == theirs.recorded_at
        assert (ours.event_id, ours.stream) == (str(theirs.event_id), str(theirs.stream))
        members = ("commitment", "log", "prev", "seq", "type")
        assert all(getattr(ours, name) == getattr(theirs, name) for name in members)


# The tree.


def test_a_tree_is_judged_alike_in_every_small_case() -> None:
    for size in range(1, 24):
        hashes = leaves(size)
        subtree, top = merkle.subtree_of(hashes), merkle.root(hashes)
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, subtree)
            assert tree.is_included(hashes[index], index, (size, top), proof)
            assert not tree.is_included(hashes[index], index + 1, (size, top), proof)
        for old in range(1, size):
            proof = merkle.consistency_proof(old, size, subtree)
            before = merkle.root(hashes[:old])
            assert tree.begins((old, before), (size, top), proof)
            assert not tree.begins((old, top), (size, top), proof)


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_published_cases_are_judged_as_published(kind: str) -> None:
    """transparency-dev/merkle, testdata."""
    paths = sorted((VECTORS / kind).rglob("*.json"))
    if not paths:
        pytest.skip(f"98 cases of {kind} are not here")
    assert len(paths) == 98
    otherwise = []
    for path in paths:
        one = json.loads(path.read_text())
        shown = _included(one) if kind == "inclusion" else _begins(one)
        if shown is one["wantErr"]:
            otherwise.append(path.stem)

    assert otherwise == ([ONE_EXCEPTION] if kind == "consistency" else [])


def are_hashes(hashes: list[bytes]) -> bool:
    """Whether they come so far as to be judged at all."""
    return all(len(each) == 32 for each in hashes)


def hashes_of(one: dict[str, Any]) -> list[bytes]:
    named = [one[name] for name in ("root", "root1", "root2", "leafHash") if name in one]
    return [base64.b64decode(each or "") for each in [*named, *(one["proof"] or ())]]


def _included(one: dict[str, Any]) -> bool:
    hashes = hashes_of(one)
    root, leaf_hash, *proof = hashes
    shown = tree.is_included(leaf_hash, one["leafIdx"], (one["treeSize"], root), proof)
    return shown and are_hashes(hashes)


def _begins(one: dict[str, Any]) -> bool:
    """As the step asks: of a smaller tree and a larger one."""
    hashes = hashes_of(one)
    root1, root2, *proof = hashes
    if not 0 < one["size1"] < one["size2"]:
        same = one["size1"] == one["size2"] > 0 and root1 == root2 and not proof
        return same and are_hashes(hashes)
    return tree.begins((one["size1"], root1), (one["size2"], root2), proof) and are_hashes(hashes)


# JSON.

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    data = json.dumps(value).encode()

    assert reading.read_json(data, "E_PACK", "") == value
