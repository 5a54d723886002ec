"""Good packs of every kind, and what the verifier says of each: nothing in them fails."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from ledger.tlog.checkpoint import Checkpoint, format_checkpoint
from ledger.tlog.keys import KeyType, VerifierKey, cosign, format_vkey
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.tlog.note import Note, Signature, format_note, parse_note
from tests.packs import about, asked, line, payload, promise, receipt
from tests.packs_attacks import Case, Files, edited, files, honest
from tests.packs_attacks_checkpoints import (
    HEAD,
    raw_note,
    relinked,
    resigned,
    signature_lines,
)
from tests.packs_attacks_outside import all_shown, answered, turned_round
from tests.packs_attacks_streams import erased_whole
from tests.packs_bag import bagged, zipped
from tests.packs_log import OWN, PERSON, entry, policy, story
from tests.unit.trees import ORIGIN, witness_key

NOT_CHECKED = "NOT CHECKED"


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A good pack, and what is said of some claims: the result, or words of the text."""

    name: str
    make: Callable[[], Case]
    says: dict[str, str]


VARIANTS: list[Variant] = []


def variant(**says: str) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    """Put the pack that the function makes among the good ones; `ml_dsa` is the claim ml-dsa."""

    def put(make: Callable[[], Case]) -> Callable[[], Case]:
        claims = {claim.replace("_", "-"): text for claim, text in says.items()}
        VARIANTS.append(Variant(name=make.__name__, make=make, says=claims))
        return make

    return put


def of_files(inside: Files, **other: Any) -> Case:
    """The case of a pack of these files."""
    return Case(pack=zipped(bagged(inside)), **other)


@variant(
    zip="32 files",
    bag="28 files, each as the manifest says",
    pack="8 entries of 2 streams",
    policy="1 logs, 3 witnesses, quorum two",
    checkpoints="the head of size 13",
    quorum="2 witnesses of the policy cosigned the head",
    ml_dsa="no checkpoint has such a signature",
    consistency="6 checkpoints are one history",
    inclusion="8 entries are in the tree of 13 leaves",
    leaves="8 leaves",
    commitments="54 digests",
    disclosures="45 fields shown; of 1 digests nothing is, 1 withheld by decision",
    notices="2 notices",
    chains="2 streams without a gap",
    time="8 entries, 7 of them between times of witnesses on both sides",
    receipts="2 receipts are of entries that are here",
    anchors="1 are over these checkpoints",
    answers="2 answers have the same bytes when recomputed",
    given="1 answers that were given",
    report="1 reports",
)
def whole() -> Case:
    return honest()


@variant(receipts="there is none", anchors="there is none", answers="there is none")
def of_what_must_be_there_alone() -> Case:
    needed = ("pack.json", "events.jsonl", "consistency.json", "proofs/", "checkpoints/")
    return of_files({name: data for name, data in files().items() if name.startswith(needed)})


@variant(consistency="1 checkpoints are one history", time="8 entries, 0 of them")
def with_one_checkpoint() -> Case:
    log = story()
    log.times = {13: log.times[13]}
    return of_files(payload(log))


@variant(consistency="7 checkpoints", time="8 entries, 8 of them")
def with_the_empty_tree() -> Case:
    def nothing_first(proofs: list[Any]) -> None:
        proofs.insert(0, {"old": 0, "new": 2, "proof": []})

    inside = edited(files(), "consistency.json", nothing_first)
    text = format_checkpoint(Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT))
    time = int(story().entries[0].recorded_at.timestamp())
    return of_files(resigned(inside, text, size=0, time=time))


@variant(pack="3 entries of 1 streams", chains="1 streams without a gap")
def about_nobody() -> Case:
    log = story()
    for one in log.entries:
        one.stream = one.stream if one.stream == OWN else "30000000-0000-4000-8000-000000000003"
    said = about(log, 13)
    said |= {"withheld": [], "scope": {}, "streams": said["streams"][1:]}
    inside = payload(log)
    gone = {"answers.jsonl", "receipts/6.txt", "receipts/9.json"}
    kept = {name: data for name, data in inside.items() if name not in gone}
    return of_files({**kept, "pack.json": line(said)})


# Signatures.


@variant(quorum="the policy asks for no witness; 0 cosigned", time="no witness of the policy")
def without_witnesses() -> Case:
    log = story()
    log.witnesses = []
    return of_files(payload(log), policy=policy("none"))


@variant(quorum="0 cosigned the head", time="8 entries, 5 of them")
def with_witnesses_until_shortly_before() -> Case:
    alone = signature_lines(files(), lambda lines: lines[:1])
    return of_files(relinked(alone), policy=policy("none"))


@variant(policy="1 logs, 3 witnesses, quorum both", quorum="3 witnesses")
def with_a_policy_of_many_words() -> Case:
    """Comments, addresses, tabs, and a group of groups."""
    log = story()
    log.witnesses = [witness_key(name) for name in ("w1", "w2", "w3")]
    first, w1, w2, w3, *_ = policy().decode().splitlines()
    words = [f"{first} https://log.example/", "# whom we believe", "", " \t# and more"]
    words += [w1.replace(" ", "\t"), f"  {w2} https://w2.example/ ", w3]
    words += ["group third any w3", "group two all w1 w2", "group both all two third"]
    return of_files(payload(log), policy="\n".join([*words, "quorum both"]).encode())


def ml_dsa_key(name: str, fill: int) -> VerifierKey:
    """A key of a kind that this verifier does not check."""
    return VerifierKey(name=name, type=KeyType.ML_DSA_44, public=bytes([fill]) * 1312)


@variant(ml_dsa="2 lines: this verifier cannot check ML-DSA-44", quorum="2 witnesses")
def signed_with_ml_dsa_too() -> Case:
    note = parse_note(files()[HEAD])
    keys = [ml_dsa_key(ORIGIN, 1), ml_dsa_key("witness.example/pq", 2)]
    lines = [Signature(name=k.name, key_id=k.key_id, value=bytes(8 + 2420)) for k in keys]
    head = format_note(Note(text=note.text, signatures=(*note.signatures, *lines)))
    log, witness = (format_vkey(each) for each in keys)
    text = policy() + f"log {log}\nwitness pq {witness}\n".encode()
    return of_files(relinked({**files(), HEAD: head}), policy=text)


@variant(quorum="2 witnesses", checkpoints="6 of")
def signed_by_strangers_and_seen_again() -> Case:
    """One witness looked twice; a line of a key that nobody knows says nothing."""
    note = parse_note(files()[HEAD])
    later = int((story().times[13] + timedelta(hours=1)).timestamp())
    again = cosign(note.text, witness_key("w1"), time=later)
    stranger = Signature(name="somebody", key_id=b"abcd", value=b"anything")
    lines = (*note.signatures, again, stranger)
    head = raw_note(Note(text=note.text, signatures=lines))
    return of_files(relinked({**files(), HEAD: head}))


# Erased and withheld.


def l1(event: dict[str, Any]) -> None:
    """Make the content of the grant erased."""
    gone = story().entries[6].content
    event["disclosures"] = [text for text in event["disclosures"] if text not in gone]
    event["erased"] = "L1"


@variant(disclosures="43 fields shown; of 3 digests", answers="2 answers have the same bytes")
def with_content_erased() -> Case:
    return of_files(edited(files(), "events.jsonl", l1, at=4))


@variant(
    leaves="7 leaves; 1 erased",
    chains="2 streams without a gap, 1 of their entries erased",
    answers="not all that it counts is shown",
    receipts="2 receipts",
)
def with_an_entry_erased_whole() -> Case:
    return of_files(erased_whole(all_shown(files()), 6))


@variant(chains="2 streams without a gap, 5 of their entries erased", answers=NOT_CHECKED)
def with_a_person_erased_whole() -> Case:
    inside = edited(files(), "pack.json", lambda said: said.update(withheld=[]))
    return of_files(erased_whole(inside, 2, 5, 6, 9, 11))


@variant(chains="1 of their entries erased")
def with_the_last_entry_erased_whole() -> Case:
    inside = edited(files(), "pack.json", lambda said: said.update(withheld=[]))
    return of_files(erased_whole(inside, 11))


@variant(answers="1 of 2 answers: it comes out otherwise, but not all that it counts is shown")
def with_an_answer_that_takes_what_is_withheld() -> Case:
    return of_files(edited(files(), "answers.jsonl", turned_round, at=1))


# Answers.


@variant(answers="2 answers: recomputing takes the project")
def where_the_project_is_not() -> Case:
    return Case(pack=honest().pack, recompute=None)


@variant(answers="2 of 2 answers: another calendar")
def where_another_calendar_is() -> Case:
    return Case(pack=honest().pack, recompute=lambda *_: "another calendar")


@variant(answers="recomputing ended with ValueError")
def where_recomputing_ends_badly() -> Case:
    def broken(*_: Any) -> bytes:
        raise ValueError("1980-05-05")

    return Case(pack=honest().pack, recompute=broken)


@variant(answers="the answer was judged by")
def judged_by_another_calendar() -> Case:
    said = about(story(), 13)
    other = said["rulebook"] + ".1"
    inside = answered(answered(files(), 0, rulebook=other), 1, rulebook=other)
    return of_files(edited(inside, "pack.json", lambda one: one.update(rulebook=other)))


@variant(answers="4 answers have the same bytes")
def asked_of_days_and_of_before_all() -> Case:
    log = story()
    more = asked(log, "2026-03-02", 12) + asked(log, "2026-03-02T12:30:00Z", -1)
    inside = files()
    return of_files({**inside, "answers.jsonl": inside["answers.jsonl"] + more})


# Receipts.


@variant(receipts="2 receipts: no --receipt-key was given")
def without_a_receipt_key() -> Case:
    return Case(pack=honest().pack, receipt_key=None)


@variant(receipts="3 receipts are of entries that are here")
def with_a_receipt_that_somebody_holds() -> Case:
    return Case(pack=honest().pack, receipts=[receipt(story(), 5)])


@variant(receipts="receipt 1: of an entry that is not here")
def with_a_receipt_that_does_not_say_of_what() -> Case:
    return Case(pack=honest().pack, receipts=[format_note(promise(story(), 10))])


@variant(receipts="receipt 1: of an entry that is not here")
def with_a_receipt_of_somebody_else() -> Case:
    return Case(pack=honest().pack, receipts=[receipt(story(), 10)])


@variant(receipts="receipt 1: of an entry that is not here")
def with_a_receipt_of_later() -> Case:
    log = story()
    said = {"type": "NoticeProvided", "notice": "photo-v1", "effective_at": "2026-03-03"}
    log.entries.append(entry(13, PERSON, said))
    return Case(pack=honest().pack, receipts=[receipt(log, 13)])


@variant(receipts="there is none")
def of_a_log_without_receipts() -> Case:
    inside = edited(files(), "pack.json", lambda said: said.update(receipt_key=None))
    return of_files({name: data for name, data in inside.items() if "receipts/" not in name})
