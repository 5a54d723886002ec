"""Attacked packs: streams that lack entries, and entries that were erased or are said to be."""

from base64 import b64decode
from typing import Any

from ledger.tlog.leaf import leaf_hash
from tests.packs import b64, event, line, payload, proof
from tests.packs_attacks import Files, attack, edited
from tests.packs_log import Log, story

OWN_LAST, WITHDRAWAL, AGAIN = 5, 6, 7
"""Lines of events.jsonl: the ledger's last entry, a withdrawal, the last entry about the person."""
ORDER = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)


def place_of(text: bytes) -> int:
    """The index that the line of an entry gives."""
    return int(text.split(b",")[0].removeprefix(b'{"index":'))


def without(inside: Files, at: int) -> Files:
    """The files without the entry on this line, its proof and its receipt."""
    lines = inside["events.jsonl"].splitlines(keepends=True)
    place = place_of(lines.pop(at))
    gone = {f"proofs/{place}.tlog-proof", f"receipts/{place}.json"}
    kept = {name: data for name, data in inside.items() if name not in gone}
    return {**kept, "events.jsonl": b"".join(lines)}


def with_other(inside: Files, place: int, **changes: Any) -> Files:
    """The files with somebody else's entry, as it is in the log."""
    log = story()
    lines: list[bytes] = inside["events.jsonl"].splitlines(keepends=True)
    lines.append(line({**event(log, place), **changes}))
    lines.sort(key=place_of)
    return {
        **inside,
        "events.jsonl": b"".join(lines),
        f"proofs/{place}.tlog-proof": proof(log, place),
    }


def entries_of(inside: Files, stream: int, entries: int) -> Files:
    """The files with another number of entries for one stream."""
    return edited(
        inside, "pack.json", lambda about: about["streams"][stream].update(entries=entries)
    )


def erased_whole(inside: Files, *places: int) -> Files:
    """The files with nothing of these entries but the hashes of their leaves."""
    lines = inside["events.jsonl"].splitlines(keepends=True)
    for n, text in enumerate(lines):
        if place_of(text) in places:
            leaf = b64decode(text.split(b'"leaf":"')[1].split(b'"')[0])
            hash_ = b64(leaf_hash(leaf))
            lines[n] = line({"index": place_of(text), "leaf_hash": hash_, "erased": "L2"})
    return {**inside, "events.jsonl": b"".join(lines)}


def chained(*person: int) -> Log:
    """The log whose entries about the person follow one another in this order."""
    log = story()
    places = iter(person)
    log.chained = [next(places) if place in person else place for place in ORDER]
    return log


@attack("E_CHAIN", "chains", threat=12)
def withdrawal_hidden(inside: Files) -> Files:
    return without(inside, WITHDRAWAL)


@attack("E_CHAIN", "chains", threat=12)
def withdrawal_hidden_and_not_counted(inside: Files) -> Files:
    return entries_of(without(inside, WITHDRAWAL), 0, 4)


@attack("E_CHAIN", "chains", threat=13)
def last_entry_hidden_but_counted(inside: Files) -> Files:
    inside = edited(inside, "pack.json", lambda about: about.update(withheld=[]))
    return without(inside, AGAIN)


@attack("E_CHAIN", "chains")
def fewer_entries_than_are_here(inside: Files) -> Files:
    return entries_of(inside, 0, 4)


@attack("E_CHAIN", "chains", threat=12)
def one_stream_longer_than_it_says_and_one_shorter(inside: Files) -> Files:
    """The ledger's last entry is hidden; counted together, nothing is lacking."""
    return entries_of(without(inside, OWN_LAST), 0, 4)


@attack("E_CHAIN", "chains")
def entry_of_somebody_else(inside: Files) -> Files:
    return with_other(inside, 10)


@attack("E_CHAIN", "chains", on="log", threat=10)
def two_entries_at_one_place_of_the_stream(log: Log) -> None:
    log.entries[11].seq = 4


@attack("E_CHAIN", "chains", on="log", threat=12)
def entry_that_follows_another(log: Log) -> None:
    log.entries[11].prev = log.hashes()[6]


@attack("E_ORDER", "chains", threat=4)
def entries_that_follow_one_another_backwards(_: Files) -> Files:
    """The withdrawal stands before the grant in the stream, and after it in the tree."""
    return payload(chained(2, 5, 9, 6, 11))


@attack("E_CHAIN", "chains")
def withdrawal_hidden_behind_the_erasure_of_another_entry(inside: Files) -> Files:
    erased = {"leaf": None, "digests": None, "disclosures": None, "erased": "L2"}
    hash_ = b64(story().hashes()[10])
    inside = with_other(without(inside, WITHDRAWAL), 10, **erased, leaf_hash=hash_)
    return {**inside, "events.jsonl": inside["events.jsonl"].replace(NULLS, b"")}


NULLS = b'"leaf":null,"digests":null,"disclosures":null,'


@attack("E_CHAIN", "chains")
def erased_entry_that_no_stream_lacks(inside: Files) -> Files:
    erased = {"leaf": None, "digests": None, "disclosures": None, "erased": "L2"}
    inside = with_other(inside, 10, **erased, leaf_hash=b64(story().hashes()[10]))
    return {**inside, "events.jsonl": inside["events.jsonl"].replace(NULLS, b"")}


@attack("E_ORDER", "chains")
def erased_entry_that_stands_behind_the_next(_: Files) -> Files:
    inside = erased_whole(payload(chained(2, 5, 6, 11, 9)), 11)
    return edited(inside, "pack.json", lambda about: about.update(withheld=[]))


@attack("E_ORDER", "chains")
def erased_entry_that_stands_before_the_one_before(_: Files) -> Files:
    return erased_whole(payload(chained(2, 6, 5, 9, 11)), 5)
