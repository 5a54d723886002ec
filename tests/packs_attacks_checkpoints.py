"""Attacked packs: the checkpoints, and who has signed them."""

from base64 import b64decode
from datetime import timedelta
from random import Random
from typing import Any

from ledger.tlog.keys import SigningKey, cosign, sign, signing_key
from ledger.tlog.note import Note, Signature, format_signature, parse_note
from tests.packs import b64
from tests.packs_attacks import Files, attack, edited, files
from tests.packs_log import Log, story, witness_keys
from tests.unit.trees import ORIGIN, log_key, seed, witness_key

HEAD = "checkpoints/13.txt"


def resigned(
    inside: Files,
    text: str,
    *,
    size: int = 13,
    log: SigningKey | None = None,
    time: int = int(story().times[13].timestamp()),
) -> Files:
    """The files with this text in the checkpoint's place, as the log and witnesses sign it."""
    lines = [cosign(text, one, time=time) for one in witness_keys()[:2]]
    note = Note(text=text, signatures=(sign(text, log or log_key()), *lines))
    return {**inside, f"checkpoints/{size}.txt": raw_note(note)}


def raw_note(note: Note) -> bytes:
    """The note as bytes, whatever they are."""
    return (note.text + "\n" + "".join(map(format_signature, note.signatures))).encode()


def signature_lines(inside: Files, change: Any, name: str = HEAD) -> Files:
    """The files with the signatures of a checkpoint changed."""
    note = parse_note(inside[name])
    return {**inside, name: raw_note(Note(text=note.text, signatures=change(note.signatures)))}


def relinked(inside: Files) -> Files:
    """The files with every proof on the head that is now there."""
    old = files()[HEAD]
    return {
        name: data.replace(old, inside[HEAD]) if name.startswith("proofs/") else data
        for name, data in inside.items()
    }


# Checkpoints.


@attack("E_CHECKPOINT", "checkpoints", on="log", threat=6)
def signed_by_nobody_we_know(log: Log) -> None:
    log.key = signing_key(ORIGIN, seed("another log"))


@attack("E_ORIGIN", "checkpoints")
def checkpoint_of_another_log(inside: Files) -> Files:
    text = inside[HEAD].decode().split("\n\n")[0] + "\n"
    other = signing_key("ledger.demo.example/other", seed("demo log"))
    return resigned(inside, text.replace(ORIGIN, "ledger.demo.example/other"), log=other)


@attack("E_CHECKPOINT", "checkpoints")
def checkpoint_changed_after_signing(inside: Files) -> None:
    inside[HEAD] = inside[HEAD].replace(b"\n13\n", b"\n14\n")


@attack("E_CHECKPOINT", "checkpoints", threat=21)
def cosignature_moved_from_another_tree(inside: Files) -> Files:
    moved = parse_note(inside["checkpoints/9.txt"]).signatures[1]
    return signature_lines(inside, lambda lines: (lines[0], moved, lines[2]))


@attack("E_CHECKPOINT", "checkpoints")
def cosignature_of_another_time(inside: Files) -> Files:
    def earlier(lines: tuple[Signature, ...]) -> tuple[Signature, ...]:
        value = bytes(8) + lines[1].value[8:]
        return (lines[0], Signature(name=lines[1].name, key_id=lines[1].key_id, value=value))

    return signature_lines(inside, earlier)


@attack("E_CHECKPOINT", "checkpoints")
def cosignature_of_an_impossible_time(inside: Files) -> Files:
    text = parse_note(inside[HEAD]).text
    late = cosign(text, witness_key("w3"), time=2**63)
    return signature_lines(inside, lambda lines: (*lines, late))


@attack("E_CHECKPOINT", "checkpoints")
def no_signature_of_the_log(inside: Files) -> Files:
    return signature_lines(inside, lambda lines: lines[1:])


@attack("E_CHECKPOINT", "checkpoints", threat=21)
def extension_line(inside: Files) -> Files:
    text = parse_note(inside[HEAD]).text
    return relinked(resigned(inside, text + "extension\n"))


@attack("E_CHECKPOINT", "checkpoints")
def size_with_a_zero_before(inside: Files) -> Files:
    text = parse_note(inside[HEAD]).text
    return relinked(resigned(inside, text.replace("\n13\n", "\n013\n")))


@attack("E_CHECKPOINT", "checkpoints")
def size_that_no_tree_has(inside: Files) -> Files:
    text = parse_note(inside[HEAD]).text
    return resigned(inside, text.replace("\n13\n", f"\n{2**63}\n"))


@attack("E_CHECKPOINT", "checkpoints")
def root_of_33_bytes(inside: Files) -> Files:
    lines = parse_note(inside[HEAD]).text.split("\n")
    lines[2] = b64(b64decode(lines[2]) + b"\0")
    return resigned(inside, "\n".join(lines))


@attack("E_CHECKPOINT", "checkpoints")
def empty_tree_with_a_root(inside: Files) -> Files:
    text = parse_note(inside["checkpoints/2.txt"]).text.replace("\n2\n", "\n0\n")
    inside = edited(inside, "consistency.json", nothing_first)
    return resigned(inside, text, size=0)


def nothing_first(proofs: list[Any]) -> None:
    proofs.insert(0, {"old": 0, "new": 2, "proof": []})


@attack("E_CHECKPOINT", "checkpoints")
def filed_under_another_size(inside: Files) -> None:
    inside["checkpoints/12.txt"] = inside.pop("checkpoints/9.txt")


@attack("E_CHECKPOINT", "checkpoints")
def head_taken_away(inside: Files) -> None:
    del inside[HEAD]


@attack("E_CHECKPOINT", "checkpoints")
def no_checkpoint(inside: Files) -> None:
    for name in [name for name in inside if name.startswith("checkpoints/")]:
        del inside[name]


def head_bytes(inside: Files, data: bytes) -> Files:
    return relinked({**inside, HEAD: data})


@attack("E_CHECKPOINT", "checkpoints")
def note_too_long(inside: Files) -> Files:
    long = f"— x {b64(Random(1).randbytes(1_000_000))}\n".encode()
    return {**inside, HEAD: inside[HEAD] + long}


@attack("E_CHECKPOINT", "checkpoints")
def note_that_is_no_text(inside: Files) -> Files:
    return head_bytes(inside, inside[HEAD] + b"\xe2\x80\x94 \xff AAAAAAAA\n")


@attack("E_CHECKPOINT", "checkpoints")
def note_with_control_characters(inside: Files) -> Files:
    return head_bytes(inside, inside[HEAD] + "— \x1b[2Jx AAAAAAAA\n".encode())


@attack("E_CHECKPOINT", "checkpoints")
def note_without_signatures(inside: Files) -> Files:
    return head_bytes(inside, inside[HEAD].split(b"\n\n")[0] + b"\n")


@attack("E_CHECKPOINT", "checkpoints")
def note_that_does_not_end(inside: Files) -> Files:
    return head_bytes(inside, inside[HEAD] + "— w AAAAAAAA".encode())


@attack("E_CHECKPOINT", "checkpoints")
def more_signatures_than_a_note_has(inside: Files) -> Files:
    return head_bytes(inside, inside[HEAD] + "— w AAAAAAAA\n".encode() * 98)


@attack("E_CHECKPOINT", "checkpoints")
def signature_line_without_its_dash(inside: Files) -> Files:
    return head_bytes(inside, inside[HEAD] + b"- w AAAAAAAA\n")


@attack("E_CHECKPOINT", "checkpoints")
def signature_without_a_value(inside: Files) -> Files:
    return head_bytes(inside, inside[HEAD] + "— w AAAAAA==\n".encode())


@attack("E_CHECKPOINT", "checkpoints")
def signature_in_another_base64(inside: Files) -> Files:
    return head_bytes(inside, inside[HEAD] + "— w AAAAAAB=\n".encode())


@attack("E_CHECKPOINT", "checkpoints")
def signature_in_no_base64(inside: Files) -> Files:
    return head_bytes(inside, inside[HEAD] + "— w AAAA-AAA\n".encode())


# Who has seen it.


@attack("E_QUORUM", "quorum", on="log", threat=15)
def signed_with_the_stolen_key_alone(log: Log) -> None:
    log.entries[9].recorded_at -= timedelta(seconds=1)
    log.witnesses = []


@attack("E_QUORUM", "quorum", on="log", threat=16)
def cosigned_with_one_stolen_key(log: Log) -> None:
    log.witnesses = witness_keys()[:1]


@attack("E_QUORUM", "quorum", on="log")
def cosigned_twice_by_one(log: Log) -> None:
    log.witnesses = [witness_key("w1"), witness_key("w1")]


@attack("E_QUORUM", "quorum", on="log")
def cosigned_by_the_receipt_key(log: Log) -> None:
    log.witnesses = [witness_key("w1"), witness_key("w4")]
