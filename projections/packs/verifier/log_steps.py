"""The steps about the log: whose it is, that it is one history, what is in it and since when."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from projections.packs.verifier.evidence import Evidence
from projections.packs.verifier.notes import (
    ED25519,
    ML_DSA_44_LINE_BYTES,
    read_checkpoint,
    read_note,
    signers,
)
from projections.packs.verifier.pack import Event
from projections.packs.verifier.reading import Unchecked, hash_from, need
from projections.packs.verifier.tree import begins, is_included

SKEW_US = 300 * 1_000_000
FOREVER = 2**63 * 1_000_000
PROOF_HEADER = b"c2sp.org/tlog-proof@v1"


def check_checkpoints(case: Evidence) -> str:
    """Every checkpoint is of this log, signed by it, and in the file of its size."""
    for name, data in case.pack.under("checkpoints").items():
        note = read_note(data, "E_CHECKPOINT", name)
        origin, size, root = read_checkpoint(note.text, "E_CHECKPOINT", name)
        need(origin == case.pack.log, "E_ORIGIN", name)
        logs = [one for one in case.policy.logs if (one.name, one.type) == (origin, ED25519)]
        signed = signers(note, logs, "E_CHECKPOINT", name)
        need(signed, "E_CHECKPOINT", f"{name}: no log of the policy signed it")
        need(name == f"checkpoints/{size}.txt", "E_CHECKPOINT", f"{name}: of another size")
        witnesses = case.policy.witnesses.values()
        case.cosigned[size] = signers(note, witnesses, "E_CHECKPOINT", name)
        case.notes[size], case.texts[size], case.roots[size] = data, note.text.encode(), root
        case.ml_dsa_lines += sum(len(value) == ML_DSA_44_LINE_BYTES for _, _, value in note.lines)
    need(case.roots, "E_CHECKPOINT", "there is none")
    need(case.head[0] == case.pack.size, "E_CHECKPOINT", "the head: not of the size in pack.json")
    return f"{len(case.roots)} of {case.pack.log}, the head of size {case.pack.size}"


def check_quorum(case: Evidence) -> str:
    """Enough of the policy's witnesses have cosigned the head."""
    cosigned = case.cosigned[case.head[0]]
    need(case.policy.is_met_by(cosigned), "E_QUORUM", "the head: too few of the policy's witnesses")
    if case.policy.quorum == "none":
        return f"the policy asks for no witness; {len(cosigned)} cosigned the head"
    return f"{len(cosigned)} witnesses of the policy cosigned the head"


def check_ml_dsa(case: Evidence) -> str:
    """Signatures of ML-DSA-44 are counted, and never said to be right."""
    if case.ml_dsa_lines:
        raise Unchecked(f"{case.ml_dsa_lines} lines: this verifier cannot check ML-DSA-44")
    raise Unchecked("no checkpoint has such a signature")


def check_consistency(case: Evidence) -> str:
    """Each checkpoint begins the next: they are of one history."""
    sizes = sorted(case.roots)
    proofs = {(one["old"], one["new"]): one["proof"] for one in case.pack.consistency}
    pairs = list(zip(sizes, sizes[1:]))
    exactly = len(case.pack.consistency) == len(pairs) and set(pairs) == proofs.keys()
    need(exactly, "E_CONSISTENCY", "consistency.json: not one proof for each pair of neighbours")
    for old, new in pairs:
        where = f"{old} to {new}"
        proof = [hash_from(one, "E_CONSISTENCY", where) for one in proofs[old, new]]
        shown = begins((old, case.roots[old]), (new, case.roots[new]), proof)
        need(shown, "E_CONSISTENCY", where)
    return f"{len(sizes)} checkpoints are one history"


def check_inclusion(case: Evidence) -> str:
    """Every entry is in the tree of the head, at its index."""
    names = {f"proofs/{one.index}.tlog-proof" for one in case.pack.events}
    proofs = case.pack.under("proofs")
    lacking = f"{len(names - proofs.keys())} entries without a proof"
    more = f"{len(proofs.keys() - names)} proofs without an entry"
    need(names == proofs.keys(), "E_INCLUSION", f"{lacking}, {more}")
    for one in case.pack.events:
        proof = read_proof(case, one, proofs[f"proofs/{one.index}.tlog-proof"])
        need(is_included(one.hash, one.index, case.head, proof), "E_INCLUSION", one.where)
    return f"{len(case.pack.events)} entries are in the tree of {case.head[0]} leaves"


def read_proof(case: Evidence, one: Event, data: bytes) -> list[bytes]:
    """The hashes of the proof, which is of the entry's index and on the head."""
    on_head = b"\n\n" + case.notes[case.head[0]]
    need(data.endswith(on_head), "E_INCLUSION", f"{one.where}: the proof is not on the head")
    lines = data[: -len(on_head)].split(b"\n")
    right = lines[:2] == [PROOF_HEADER, b"index %d" % one.index]
    need(right, "E_INCLUSION", f"{one.where}: the proof is of another index, or none")
    return [hash_from(line.decode("latin-1"), "E_INCLUSION", one.where) for line in lines[2:]]


def check_time(case: Evidence) -> str:
    """Each entry was recorded between times of witnesses who saw the log without and with it."""
    before = None
    for event, leaf in case.entries:
        need(before is None or before <= leaf.at, "E_TIME", f"{event.where}: before the last one")
        before = leaf.at
    sizes, latest, earliest = witnessed(case)
    if not sizes:
        raise Unchecked("no witness of the policy gave a time")
    both = 0
    for event, leaf in case.entries:
        at = bisect_right(sizes, event.index)
        need(leaf.at >= latest[at], "E_TIME", f"{event.where}: a witness saw the log without it")
        need(leaf.at <= earliest[at], "E_TIME", f"{event.where}: a witness had seen it before")
        both += 0 < at < len(sizes)
    return f"{len(case.entries)} entries, {both} of them between times of witnesses on both sides"


def witnessed(case: Evidence) -> tuple[list[int], list[int], list[int]]:
    """The sizes that witnesses saw; before the n-th of them, the bounds of an entry's moment.

    It is not before the latest time of a tree without the entry, nor after the earliest of one with
    it, give or take what clocks may differ by.
    """
    times = {
        size: [time * 1_000_000 for some in keys.values() for time in some]
        for size, keys in case.cosigned.items()
        if keys
    }
    sizes = sorted(times)
    latest = accumulate((max(times[one]) - SKEW_US for one in sizes), max, initial=-FOREVER)
    back = (min(times[one]) + SKEW_US for one in reversed(sizes))
    earliest = list(accumulate(back, min, initial=FOREVER))
    return sizes, list(latest), earliest[::-1]
