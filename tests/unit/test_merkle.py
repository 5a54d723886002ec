"""The tree: published roots and proofs, and every small tree against the recursive definition."""

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.tlog.merkle import (
    EMPTY_ROOT,
    PROOF_MAX,
    InvalidProof,
    Subtree,
    complete_subtrees,
    consistency_proof,
    inclusion_proof,
    joined,
    node_hash,
    root,
    subtree_of,
    verify_consistency,
    verify_inclusion,
)
from tests.unit.trees import leaves

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "merkle"
ONE_EXCEPTION = "sizes-are-equal-one-and-proof-is-empty"
"""The one published case that is not followed: its roots have 12 bytes."""

ROOTS = {
    0: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    1: "Rce9zUXbQrQY98QmY/vrRkyfCoiYDLwx/d3SnST3JO4=",
    2: "0HW1akre9iUwpSg5gCgC2lGKIbXQvzXrBf6ispWoVfo=",
    3: "1qk8S5G/S1vk+ud7W+FDnfaefHw4AH63BMKZzQ4QV7E=",
    4: "CJ8EGC6Ny6VK98Od0cfQfPb/GhW8tXhLI2tOnoUXjfo=",
    5: "voalftT/OrS96sBZlK0WnvOkMeiZHtUffBQ7TZ8vR44=",
    8: "zsEjlaPz18xNGaRp8DtB8KFbOjFncoR0qwe9SVWgiLM=",
    100: "H6H/pRWHfa0IgpF49TasPmkHXZAGWP9i579XaDr3ymY=",
    256: "JMGYQ+qaxwtzTqSR5QBkZ3JDBFI3Y8g8qyinp13Z1Xw=",
    300: "9m+3nThnj9A0IXlahX3h4TXri/Ol+XN+m6P2p2elZcs=",
    1000: "uC6GOqGKhElNZHwwoRj8KMd8Bb7qLeGIE39ZfF4BG5k=",
    1001: "gyRMdW4Yde0i2AJZi/C0xousYax/fuel+HEL0+/WdV0=",
}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def defined(hashes: list[bytes]) -> bytes:
    """The root by the recursive definition of RFC 9162 2.1.1, word for word."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return sha256(b"\x01" + defined(hashes[:k]) + defined(hashes[k:])).digest()


def of(many: int) -> Subtree:
    return subtree_of(leaves(many))


@pytest.mark.parametrize("size", ROOTS)
def test_the_root_is_the_published_one(size: int) -> None:
    assert b64(root(leaves(size))) == ROOTS[size]


def test_proofs_are_the_published_ones() -> None:
    assert [b64(one) for one in inclusion_proof(2, 5, of(5))] == [
        "NVPi/UuHnPX0yqSSFI3qD7RSgHNEsRTuoYGZ/4vueOU=",
        "0HW1akre9iUwpSg5gCgC2lGKIbXQvzXrBf6ispWoVfo=",
        "vGiQs/2wbCR8/MaLhZuhdKp28QqazWVvJ/gYxoTCXZY=",
    ]
    assert [b64(one) for one in inclusion_proof(4, 5, of(5))] == [
        "CJ8EGC6Ny6VK98Od0cfQfPb/GhW8tXhLI2tOnoUXjfo="
    ]
    assert [b64(one) for one in consistency_proof(2, 5, of(5))] == [
        "10cnOoAvMNJA8fhDkg82YaQbmjky81gZdGya9qnd+dg=",
        "vGiQs/2wbCR8/MaLhZuhdKp28QqazWVvJ/gYxoTCXZY=",
    ]
    assert [b64(one) for one in consistency_proof(4, 5, of(5))] == [
        "vGiQs/2wbCR8/MaLhZuhdKp28QqazWVvJ/gYxoTCXZY="
    ]
    assert [b64(one) for one in consistency_proof(256, 300, of(300))] == [
        "SfepRFyWFLOtnqPdVPgLTkEWygkkKioP/ieC1mNbKLg="
    ]


def test_the_196_published_vectors_are_decided_as_published() -> None:
    if not VECTORS.is_dir():
        pytest.skip(
            "196 vectors of transparency-dev/merkle (Apache-2.0) are not beside the project"
        )
    files = sorted(VECTORS.rglob("*.json"))
    assert len(files) == 196

    other = [one.stem for one in files if _accepted(one) is json.loads(one.read_text())["wantErr"]]

    assert other == [ONE_EXCEPTION]


def _accepted(path: Path) -> bool:
    case = json.loads(path.read_text())
    proof = [base64.b64decode(one) for one in case["proof"] or ()]
    hashes = {
        name: base64.b64decode(case.get(name) or "")
        for name in ("leafHash", "root", "root1", "root2")
    }
    try:
        if "leafIdx" in case:
            verify_inclusion(
                hashes["leafHash"],
                index=case["leafIdx"],
                size=case["treeSize"],
                proof=proof,
                root=hashes["root"],
            )
        else:
            verify_consistency(
                old=case["size1"],
                new=case["size2"],
                old_root=hashes["root1"],
                new_root=hashes["root2"],
                proof=proof,
            )
    except InvalidProof:
        return False
    return True


@pytest.mark.parametrize("size", range(41))
def test_roots_and_ranges_are_as_defined(size: int) -> None:
    hashes = leaves(size)
    assert root(hashes) == defined(hashes)
    if size:
        parts = [root(hashes[n << k : (n + 1) << k]) for k, n in complete_subtrees(0, size)]
        assert joined(parts) == defined(hashes)
        assert len(parts) == size.bit_count()


@pytest.mark.parametrize("size", range(1, 41))
def test_every_proof_of_a_small_tree_holds_and_no_other_does(size: int) -> None:
    subtree, whole = of(size), root(leaves(size))
    for index, leaf in enumerate(leaves(size)):
        proof = inclusion_proof(index, size, subtree)
        verify_inclusion(leaf, index=index, size=size, proof=proof, root=whole)
        for bad in _spoilt(proof):
            with pytest.raises(InvalidProof):
                verify_inclusion(leaf, index=index, size=size, proof=bad, root=whole)
        for elsewhere in {index - 1, index + 1, size} - {index}:
            with pytest.raises(InvalidProof):
                verify_inclusion(leaf, index=elsewhere, size=size, proof=proof, root=whole)


@pytest.mark.parametrize("new", range(1, 41))
def test_every_growth_of_a_small_tree_is_shown_and_no_other_is(new: int) -> None:
    subtree, after = of(new), root(leaves(new))
    for old in range(1, new + 1):
        before = root(leaves(old))
        proof = consistency_proof(old, new, subtree)
        verify_consistency(old=old, new=new, old_root=before, new_root=after, proof=proof)
        for bad in _spoilt(proof):
            with pytest.raises(InvalidProof):
                verify_consistency(old=old, new=new, old_root=before, new_root=after, proof=bad)
        for roots in ((after, before), (before, before), (sha256(before).digest(), after)):
            if roots != (before, after):
                with pytest.raises(InvalidProof):
                    verify_consistency(
                        old=old, new=new, old_root=roots[0], new_root=roots[1], proof=proof
                    )


def _spoilt(proof: list[bytes]) -> list[list[bytes]]:
    flipped = [
        [*proof[:at], bytes([one[0] ^ 1]) + one[1:], *proof[at + 1 :]]
        for at, one in enumerate(proof)
    ]
    cut = [proof[1:], proof[:-1]] if proof else []
    longer = [[*proof, EMPTY_ROOT], [EMPTY_ROOT, *proof]]
    short = [[*proof[:-1], proof[-1][:31]]] if proof else []
    return [*flipped, *cut, *longer, *short]


def test_what_is_in_no_tree_has_no_proof() -> None:
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(InvalidProof, match="no leaf"):
            inclusion_proof(index, size, of(5))
    for old, new in ((0, 5), (6, 5), (0, 0)):
        with pytest.raises(InvalidProof, match="begins none"):
            consistency_proof(old, new, of(5))


def test_a_tree_beyond_the_largest_size_is_refused() -> None:
    with pytest.raises(InvalidProof, match="no leaf"):
        verify_inclusion(EMPTY_ROOT, index=0, size=2**63, proof=[], root=EMPTY_ROOT)
    with pytest.raises(InvalidProof, match="begins none"):
        verify_consistency(
            old=1, new=2**63, old_root=EMPTY_ROOT, new_root=EMPTY_ROOT, proof=[EMPTY_ROOT]
        )


def test_a_proof_longer_than_any_tree_is_refused_before_it_is_followed() -> None:
    with pytest.raises(InvalidProof, match="at most"):
        verify_inclusion(
            EMPTY_ROOT, index=0, size=2, proof=[EMPTY_ROOT] * (PROOF_MAX + 1), root=EMPTY_ROOT
        )


def test_a_node_is_hashed_apart_from_a_leaf() -> None:
    left, right = leaves(2)
    assert node_hash(left, right) == sha256(b"\x01" + left + right).digest()
