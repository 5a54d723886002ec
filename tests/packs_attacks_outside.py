"""Attacked packs: what receipts, time stamps and answers give away."""

import json
from hashlib import sha256
from typing import Any

from ledger.tlog.keys import format_vkey, sign
from ledger.tlog.note import Note, format_note
from tests.packs import b64, payload, promise, receipt
from tests.packs_attacks import Case, Files, attack, edited, files
from tests.packs_attacks_streams import AGAIN, entries_of, without
from tests.packs_bag import bagged, time_stamp, zipped
from tests.packs_log import OWN, receipt_key, story
from tests.unit.trees import ORIGIN

STAMP = "anchors/13.1.tsr"


def with_receipt(case: Case, *receipts: bytes) -> Case:
    """The case with receipts that somebody holds."""
    case.receipts = list(receipts)
    return case


def of_files(inside: Files) -> Case:
    return Case(pack=zipped(bagged(inside)))


# Receipts.


@attack("E_RECEIPT_FORK", "receipts", on="case", threat=7)
def history_that_a_receipt_contradicts(case: Case) -> Case:
    """Log and witnesses collude: only the person's receipt is from the other history."""
    log = story()
    log.entries[6].recorded_at = log.entries[6].recorded_at.replace(microsecond=1)
    return with_receipt(of_files(payload(log)), format_note(promise(story(), 6)))


@attack("E_RECEIPT_FORK", "receipts", on="case")
def leaf_that_was_promised_elsewhere(case: Case) -> Case:
    moved = format_note(promise(story(), 6, index=7))
    return with_receipt(case, moved)


@attack("E_OMITTED", "receipts", on="case", threat=13)
def last_entry_hidden_and_not_counted(_: Case) -> Case:
    inside = edited(files(), "pack.json", lambda about: about.update(withheld=[]))
    inside = entries_of(without(inside, AGAIN), 0, 4)
    return with_receipt(of_files(inside), receipt(story(), 11))


@attack("E_OMITTED", "receipts", threat=14)
def receipt_in_the_pack_of_an_entry_that_is_not(inside: Files) -> Files:
    inside = edited(inside, "pack.json", lambda about: about.update(withheld=[]))
    inside = entries_of(without(inside, AGAIN), 0, 4)
    return {**inside, "receipts/11.json": receipt(story(), 11)}


@attack("E_RECEIPT", "receipts", on="case")
def receipt_of_another_key(case: Case) -> None:
    case.receipt_key = format_vkey(receipt_key("ledger.demo.example/other/receipts").verifier)


def resigned(text: str, name: str = f"{ORIGIN}/receipts") -> bytes:
    return format_note(Note(text=text, signatures=(sign(text, receipt_key(name)),)))


def promise_text(place: int = 6) -> str:
    return promise(story(), place).text


@attack("E_RECEIPT", "receipts", on="case")
def receipt_changed(case: Case) -> Case:
    return with_receipt(case, format_note(promise(story(), 6)).replace(b"\n5\n", b"\n6\n"))


@attack("E_RECEIPT", "receipts", on="case")
def receipt_not_signed_by_the_log(case: Case) -> Case:
    return with_receipt(case, resigned(promise_text(), "somebody.example/receipts"))


@attack("E_RECEIPT", "receipts", on="case")
def checkpoint_in_place_of_a_receipt(case: Case) -> Case:
    return with_receipt(case, resigned(story().checkpoint(13).text))


def without_receipts() -> Files:
    """The files of a pack that has no receipts, and says so."""
    inside = edited(files(), "pack.json", no_receipts)
    return {name: data for name, data in inside.items() if not name.startswith("receipts/")}


@attack("E_RECEIPT", "receipts", on="case")
def receipt_of_another_log(case: Case) -> Case:
    """Of the same leaf at the same place."""
    other = "ledger.demo.example/other"
    case.pack = of_files(without_receipts()).pack
    case.receipt_key = format_vkey(receipt_key(f"{other}/receipts").verifier)
    return with_receipt(case, format_note(promise(story(), 6, log=other)))


@attack("E_RECEIPT", "receipts", on="case")
def receipt_of_this_log_by_the_key_of_another(case: Case) -> Case:
    case.pack = of_files(without_receipts()).pack
    case.receipt_key = format_vkey(receipt_key("somebody.example/receipts").verifier)
    return with_receipt(case, resigned(promise_text(), "somebody.example/receipts"))


@attack("E_RECEIPT", "receipts")
def pack_that_names_another_receipt_key(inside: Files) -> Files:
    other = format_vkey(receipt_key("somebody.example/receipts").verifier)
    return edited(inside, "pack.json", lambda about: about.update(receipt_key=other))


def no_receipts(about: dict[str, Any]) -> None:
    about["receipt_key"] = None


@attack("E_RECEIPT", "receipts")
def receipt_filed_under_another_index(inside: Files) -> None:
    inside["receipts/5.txt"] = inside.pop("receipts/6.txt")


@attack("E_RECEIPT", "receipts", on="case")
def receipt_of_another_time_than_the_leaf(case: Case) -> Case:
    later = story().entries[9].recorded_at
    return with_receipt(case, format_note(promise(story(), 6, recorded_at=later)))


@attack("E_RECEIPT", "receipts", on="case")
def receipt_of_another_time_than_the_leaf_in_it(case: Case) -> Case:
    later = story().entries[11].recorded_at
    return with_receipt(case, receipt(story(), 10, recorded_at=later))


@attack("E_RECEIPT", "receipts", on="case")
def receipt_on_a_day_that_never_was(case: Case) -> Case:
    return with_receipt(case, resigned(promise_text().replace("2026-03-02", "2026-02-30")))


@attack("E_RECEIPT", "receipts", on="case")
def receipt_of_a_hash_spelt_otherwise(case: Case) -> Case:
    text = promise_text().split("\n")
    text[3] = text[3][:-2] + chr(ord(text[3][-2]) + 1) + "="
    return with_receipt(case, resigned("\n".join(text)))


@attack("E_RECEIPT", "receipts", on="case")
def receipt_with_another_leaf(case: Case) -> Case:
    said = json.loads(receipt(story(), 9))
    said["leaf"] = b64(story().leaves()[9].replace(b"ConsentWithdrawn", b"ConsentWithdrawm"))
    return with_receipt(case, json.dumps(said).encode())


@attack("E_RECEIPT", "receipts", on="case")
def receipt_with_a_leaf_that_is_none(case: Case) -> Case:
    log = story()
    log.entries[9].leaf = log.leaves()[9].replace(b'"seq":', b'"seq": ')
    return with_receipt(case, receipt(log, 9))


@attack("E_RECEIPT", "receipts", on="case")
def receipt_with_a_leaf_in_no_base64(case: Case) -> Case:
    said = json.loads(receipt(story(), 9))
    return with_receipt(case, json.dumps({**said, "leaf": "!"}).encode())


@attack("E_RECEIPT", "receipts", on="case")
def receipt_without_a_promise(case: Case) -> Case:
    return with_receipt(case, b'{"leaf":""}')


@attack("E_RECEIPT", "receipts", on="case")
def receipt_that_is_no_json(case: Case) -> Case:
    return with_receipt(case, b"{")


# Time stamps.


@attack("E_ANCHOR", "anchors")
def time_stamp_over_something_else(inside: Files) -> None:
    inside[STAMP] = time_stamp(b"another text")


@attack("E_ANCHOR", "anchors")
def time_stamp_by_a_hash_that_is_too_weak(inside: Files) -> None:
    inside[STAMP] = time_stamp(story().checkpoint(13).text.encode(), "1.3.14.3.2.26")


@attack("E_ANCHOR", "anchors")
def time_stamp_of_no_checkpoint(inside: Files) -> None:
    inside["anchors/12.1.tsr"] = inside[STAMP]


@attack("E_ANCHOR", "anchors")
def time_stamp_cut_short(inside: Files) -> None:
    inside[STAMP] = inside[STAMP][:-1]


@attack("E_ANCHOR", "anchors")
def time_stamp_of_nothing(inside: Files) -> None:
    inside[STAMP] = b""


# Answers.


def answered(inside: Files, at: int, **other: Any) -> Files:
    """The files with an answer that says something else."""
    return edited(inside, "answers.jsonl", lambda one: one["answer"].update(other), at=at)


def asked(inside: Files, at: int, **other: Any) -> Files:
    """The files with an answer to another question."""
    return edited(inside, "answers.jsonl", lambda one: one["question"].update(other), at=at)


@attack("E_ANSWER", "answers")
def answer_turned_round(inside: Files) -> Files:
    return edited(all_shown(inside), "answers.jsonl", turned_round, at=1)


def all_shown(inside: Files) -> Files:
    """The files with the whole of every entry."""
    content = story().entries[11].content
    inside = edited(inside, "pack.json", lambda about: about.update(withheld=[]))
    return edited(inside, "events.jsonl", lambda one: one["disclosures"].extend(content), at=AGAIN)


def turned_round(one: dict[str, Any]) -> None:
    one["answer"]["decision"] = "PERMIT"


@attack("E_ANSWER", "answers")
def answer_to_another_question(inside: Files) -> Files:
    return asked(all_shown(inside), 1, purpose="NOT_IN_THE_CATALOGUE")


@attack("E_ANSWER", "answers")
def answer_about_another_moment(inside: Files) -> Files:
    return asked(inside, 1, effective_at="2026-03-02T12:00:00Z")


@attack("E_ANSWER", "answers", on="case")
def answer_about_another_person(case: Case) -> None:
    """Where nothing is recomputed."""
    case.pack = of_files(asked(files(), 1, subject=OWN)).pack
    case.recompute = None


@attack("E_ANSWER", "answers")
def answer_that_leaves_out_what_was_known(inside: Files) -> Files:
    """The withdrawal was recorded by then: the answer stops short of it."""
    known = json.loads(inside["answers.jsonl"].splitlines()[1])["question"]["known_at"]
    return asked(inside, 0, known_at=known)


@attack("E_ANSWER", "answers")
def answer_that_uses_what_was_not_known_yet(inside: Files) -> Files:
    known = json.loads(inside["answers.jsonl"].splitlines()[0])["question"]["known_at"]
    return asked(inside, 1, known_at=known)


@attack("E_ANSWER", "answers")
def answer_known_before_what_it_counts(inside: Files) -> Files:
    return answered(inside, 1, known_at="2026-03-02T09:30:00Z")


@attack("E_ANSWER", "answers")
def answer_known_after_what_was_asked(inside: Files) -> Files:
    return answered(inside, 1, known_at="2026-03-02T14:00:00Z")


@attack("E_ANSWER", "answers")
def answer_on_another_catalogue(inside: Files) -> Files:
    """A place between two entries of the ledger's own: nobody could tell which catalogue it was."""
    return answered(inside, 1, catalogue="0:10:" + story().hashes()[9].hex()[:8])


@attack("E_ANSWER", "answers")
def answer_on_a_forked_log(inside: Files) -> Files:
    return answered(inside, 0, position="0:9:00000000")


@attack("E_ANSWER", "answers")
def answer_beyond_the_head(inside: Files) -> Files:
    return answered(inside, 1, position="0:14:00000000")


@attack("E_ANSWER", "answers")
def answer_at_a_moment_that_never_was(inside: Files) -> Files:
    return answered(inside, 1, known_at="2026-02-30T09:30:00Z")


@attack("E_ANSWER", "answers")
def answer_to_a_moment_that_never_was(inside: Files) -> Files:
    return asked(inside, 1, known_at="2026-02-30T09:30:00Z")


@attack("E_ANSWER", "answers")
def rule_book_of_other_rules(inside: Files) -> None:
    inside["rulebook/uk_gdpr.toml"] += b"\n# One more line.\n"


@attack("E_ANSWER", "answers")
def answer_by_another_rule_book(inside: Files) -> Files:
    digest = sha256(inside["rulebook/uk_gdpr.toml"]).hexdigest()[:12]
    return answered(inside, 1, rulebook=f"my own book {digest}")


@attack("E_ANSWER", "answers")
def no_rule_book(inside: Files) -> None:
    del inside["rulebook/uk_gdpr.toml"]
