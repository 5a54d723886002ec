"""Attacked packs: the history of the log, what is in its tree, and since when."""

from base64 import b64decode
from datetime import timedelta
from typing import Any

from ledger.tlog.checkpoint import Checkpoint, format_checkpoint
from ledger.tlog.keys import cosign
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.tlog.note import Note, format_note, parse_note
from ledger.tlog.proof import parse_proof
from tests.packs import b64
from tests.packs_attacks import Files, attack, edited, of_log
from tests.packs_attacks_checkpoints import resigned
from tests.packs_log import OTHER, STEP, Log, story
from tests.unit.trees import ORIGIN, witness_key

LATER = timedelta(hours=3)


def flipped(text: str) -> str:
    """The hash with one bit changed."""
    data = b64decode(text)
    return b64(bytes([data[0] ^ 1]) + data[1:])


# One history.


def rewritten(log: Log) -> None:
    """Somebody else's entry, among the first two, is another."""
    log.entries[1].recorded_at += timedelta(seconds=1)


@attack("E_CONSISTENCY", "consistency", threat=5)
def history_written_anew(inside: Files) -> Files:
    """All witnesses collude; a checkpoint from before is still there."""
    return {**of_log(rewritten), "checkpoints/3.txt": inside["checkpoints/3.txt"]}


@attack("E_CONSISTENCY", "consistency", threat=6)
def two_views_of_the_log(inside: Files) -> Files:
    """The smaller tree is one whole subtree of the larger."""
    return {**of_log(rewritten), "checkpoints/2.txt": inside["checkpoints/2.txt"]}


@attack("E_CONSISTENCY", "consistency")
def new_tree_is_another(inside: Files) -> Files:
    text = inside["checkpoints/13.txt"].split(b"\n\n")[0].decode() + "\n"
    root = text.split("\n")[2]
    return resigned(inside, text.replace(root, flipped(root)))


def of_proof(change: Any) -> Any:
    """The change to the proof from 5 to 7 leaves."""
    return lambda proofs: change(proofs[2]["proof"])


@attack("E_CONSISTENCY", "consistency")
def consistency_proof_changed(inside: Files) -> Files:
    def change(proof: list[str]) -> None:
        proof[0] = flipped(proof[0])

    return edited(inside, "consistency.json", of_proof(change))


def shortened(proof: list[str]) -> None:
    proof.pop()


@attack("E_CONSISTENCY", "consistency")
def consistency_proof_cut_short(inside: Files) -> Files:
    return edited(inside, "consistency.json", of_proof(shortened))


@attack("E_CONSISTENCY", "consistency")
def consistency_proof_too_long(inside: Files) -> Files:
    return edited(inside, "consistency.json", of_proof(lambda proof: proof.append(proof[0])))


@attack("E_CONSISTENCY", "consistency")
def consistency_proof_of_nothing(inside: Files) -> Files:
    return edited(inside, "consistency.json", of_proof(lambda proof: proof.clear()))


@attack("E_CONSISTENCY", "consistency")
def consistency_proof_in_another_base64(inside: Files) -> Files:
    def change(proof: list[str]) -> None:
        proof[0] = proof[0][:-2] + chr(ord(proof[0][-2]) + 1) + "="

    return edited(inside, "consistency.json", of_proof(change))


@attack("E_CONSISTENCY", "consistency")
def consistency_proof_lacking(inside: Files) -> Files:
    return edited(inside, "consistency.json", lambda proofs: proofs[:-1])


@attack("E_CONSISTENCY", "consistency")
def consistency_proof_between_no_neighbours(inside: Files) -> Files:
    return edited(inside, "consistency.json", lambda proofs: proofs[1].update(new=7))


@attack("E_CONSISTENCY", "consistency")
def consistency_proof_twice(inside: Files) -> Files:
    return edited(inside, "consistency.json", lambda proofs: proofs.append(proofs[0]))


@attack("E_CONSISTENCY", "consistency")
def proof_from_the_empty_tree(inside: Files) -> Files:
    text = format_checkpoint(Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT))
    nothing = {"old": 0, "new": 2, "proof": [b64(bytes(32))]}
    inside = edited(inside, "consistency.json", lambda proofs: proofs.insert(0, nothing))
    return resigned(inside, text, size=0)


# In the tree.


@attack("E_INCLUSION", "inclusion", threat=1)
def leaf_changed_in_the_database(inside: Files) -> Files:
    """Of a withdrawal, the last character of its type: the rest of the pack agrees."""

    def change(event: dict[str, Any]) -> None:
        leaf = b64decode(event["leaf"]).replace(b"ConsentWithdrawn", b"ConsentWithdrawm")
        event["leaf"] = b64(leaf)

    return edited(inside, "events.jsonl", change, at=6)


@attack("E_INCLUSION", "inclusion", threat=2)
def leaf_and_tree_changed_in_the_database(inside: Files) -> Files:
    """Proofs of the new tree, under the head that witnesses saw."""
    new = relinked_to_old(of_log(rewritten), inside)
    checkpoints = {name: data for name, data in inside.items() if name.startswith("checkpoints/")}
    return {**new, **checkpoints, "consistency.json": inside["consistency.json"]}


def relinked_to_old(new: Files, old: Files) -> Files:
    head = "checkpoints/13.txt"
    return {
        name: data.replace(new[head], old[head]) if name.startswith("proofs/") else data
        for name, data in new.items()
    }


@attack("E_INCLUSION", "inclusion", threat=4)
def proofs_swapped(inside: Files) -> None:
    five, six = inside["proofs/5.tlog-proof"], inside["proofs/6.tlog-proof"]
    inside["proofs/5.tlog-proof"], inside["proofs/6.tlog-proof"] = six, five


@attack("E_INCLUSION", "inclusion")
def entries_swapped(inside: Files) -> Files:
    """Each claims the other's place."""
    lines = inside["events.jsonl"].splitlines(keepends=True)
    five, six = lines[3].replace(b'"index":5', b'"index":6'), lines[4]
    lines[3:5] = [six.replace(b'"index":6', b'"index":5'), five]
    return {**inside, "events.jsonl": b"".join(lines)}


@attack("E_INCLUSION", "inclusion", threat=21)
def proof_lacking(inside: Files) -> None:
    del inside["proofs/6.tlog-proof"]


@attack("E_INCLUSION", "inclusion")
def proof_of_nothing(inside: Files) -> None:
    inside["proofs/7.tlog-proof"] = inside["proofs/6.tlog-proof"]


@attack("E_INCLUSION", "inclusion", threat=21)
def proof_on_another_tree(inside: Files) -> None:
    """A right proof, on the checkpoint of 9 leaves."""

    def cut(log: Log) -> None:
        del log.times[13]

    inside["proofs/6.tlog-proof"] = of_log(cut)["proofs/6.tlog-proof"]


@attack("E_INCLUSION", "inclusion", threat=21)
def proof_on_a_note_of_other_signatures(inside: Files) -> None:
    """Other tools would show who signed that one."""
    name = "proofs/6.tlog-proof"
    inside[name] = inside[name][:-3] + b"A=\n"


def hashes_of(inside: Files, change: Any, place: int = 6) -> Files:
    """The files with the hashes of one proof changed."""
    name = f"proofs/{place}.tlog-proof"
    one = parse_proof(inside[name])
    head = b"c2sp.org/tlog-proof@v1\nindex %d\n" % place
    lines = "\n".join(change([b64(each) for each in one.hashes])).encode()
    return {**inside, name: head + lines + b"\n\n" + inside["checkpoints/13.txt"]}


@attack("E_INCLUSION", "inclusion")
def proof_changed(inside: Files) -> Files:
    return hashes_of(inside, lambda hashes: [flipped(hashes[0]), *hashes[1:]])


@attack("E_INCLUSION", "inclusion")
def proof_cut_short(inside: Files) -> Files:
    return hashes_of(inside, lambda hashes: hashes[:-1])


@attack("E_INCLUSION", "inclusion")
def proof_too_long(inside: Files) -> Files:
    return hashes_of(inside, lambda hashes: [*hashes, hashes[0]])


@attack("E_INCLUSION", "inclusion")
def proof_in_another_base64(inside: Files) -> Files:
    return hashes_of(inside, lambda hashes: [*hashes[:-1], hashes[-1][:-2] + "x="])


@attack("E_INCLUSION", "inclusion")
def proof_with_extra_data(inside: Files) -> None:
    """Nothing vouches for it: another tool would show it."""
    name = "proofs/6.tlog-proof"
    inside[name] = inside[name].replace(b"\nindex", b"\nextra QUJD\nindex")


@attack("E_INCLUSION", "inclusion")
def proof_of_another_format(inside: Files) -> None:
    name = "proofs/6.tlog-proof"
    inside[name] = inside[name].replace(b"@v1", b"@v2")


@attack("E_INCLUSION", "inclusion")
def entry_beyond_the_head(inside: Files) -> Files:
    """The leaf of the last entry once more, at a place that the tree does not have."""
    lines = inside["events.jsonl"].splitlines(keepends=True)
    last = lines[-1].replace(b'"index":11', b'"index":13')
    name = "proofs/13.tlog-proof"
    proof = inside.pop("proofs/11.tlog-proof").replace(b"index 11", b"index 13")
    return {**inside, "events.jsonl": b"".join([*lines[:-1], last]), name: proof}


# Since when.


@attack("E_TIME", "time", on="log", threat=8)
def backdated(log: Log) -> None:
    """A grant recorded at its place in the log, with a time from before a witnessed tree."""
    log.entries[6].recorded_at = log.entries[4].recorded_at + timedelta(minutes=1)
    log.entries[5].stream = OTHER
    log.times[6] = log.entries[6].recorded_at + timedelta(minutes=6)


@attack("E_TIME", "time", on="log", threat=9)
def postdated(log: Log) -> None:
    """The last entry of the pack says a time at which a witness had long seen it."""
    log.entries[11].recorded_at += LATER


@attack("E_TIME", "time", on="log")
def seen_long_before_the_next_look(log: Log) -> None:
    """It is the earliest of several cosignatures that counts, and the earliest tree."""
    log.entries[6].recorded_at += STEP / 2
    log.times[8] = log.times[7] + LATER


@attack("E_TIME", "time", on="log")
def time_that_goes_back(log: Log) -> None:
    log.entries[9].recorded_at = log.entries[8].recorded_at - timedelta(microseconds=1)


@attack("E_TIME", "time")
def second_look_of_a_witness(inside: Files) -> Files:
    """It looked again at the tree without the entry, after the entry says that it was there."""
    name = "checkpoints/9.txt"
    note = parse_note(inside[name])
    again = cosign(note.text, witness_key("w1"), time=int(story().times[13].timestamp()))
    return {**inside, name: format_note(Note(text=note.text, signatures=(*note.signatures, again)))}
