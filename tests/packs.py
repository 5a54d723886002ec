"""Evidence packs for tests, made in memory from the formats alone, and easy to make wrong.

    log = story()                  a small log: the ledger's own entries, a person's, other people's
    log.entries[5].recorded_at -= timedelta(hours=1)          wrong before it is in the tree
    files = payload(log)           the files under data/, of a pack about the person
    files["events.jsonl"] = b""                               wrong after it
    data = zipped(bagged(files))

It shares no code with the verifier, nor with the builder of packs. Not here: any attack.
"""

import json
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files as resources
from itertools import pairwise
from typing import Any

from ledger.answer import answer, answer_day, encode
from ledger.history import Dossier, item
from ledger.rules.case import Question
from ledger.rules.rulebook import uk_gdpr
from ledger.tlog.keys import format_vkey
from ledger.tlog.merkle import consistency_proof, inclusion_proof, subtree_of
from ledger.tlog.note import Note, format_note
from ledger.tlog.proof import LogProof, format_proof
from ledger.tlog.receipt import Promise, promised
from ledger.wire import basis_of
from tests.packs_bag import time_stamp
from tests.packs_log import OWN, PERSON, TEXT, Entry, Log, policy, receipt_key
from tests.unit.trees import ORIGIN

RULES = resources("ledger.rules").joinpath("uk_gdpr.toml").read_bytes()


def payload(log: Log) -> dict[str, bytes]:
    """The files under data/ of a pack about the person."""
    size = max(log.times)
    shown = [n for n, one in enumerate(log.entries[:size]) if one.stream in (OWN, PERSON)]
    files = {
        "README.txt": b"Read this first.\n",
        "report.html": b"<!doctype html><title>Report</title>\n",
        "pack.json": line(about(log, size)),
        "events.jsonl": b"".join(line(event(log, place)) for place in shown),
        "notices.jsonl": b"".join(line(one) for one in notices(log)),
        "answers.jsonl": b"".join(answers(log)),
        "given.jsonl": line(GIVEN),
        "consistency.json": line(consistency(log)),
        "rulebook/uk_gdpr.toml": RULES,
        "keys/policy.txt": policy(),
        "verifier/verify.py": b"print('PASS')\n",
        f"anchors/{size}.1.tsr": time_stamp(log.checkpoint(size).text.encode()),
        "receipts/6.txt": format_note(promise(log, 6)),
        "receipts/9.json": receipt(log, 9),
    }
    files |= {f"proofs/{place}.tlog-proof": proof(log, place) for place in shown}
    files |= {f"checkpoints/{each}.txt": format_note(log.checkpoint(each)) for each in log.times}
    return files


GIVEN = {
    "read_id": "0195571e-0000-7000-8000-000000000000",
    "answered_at": "2026-03-02T12:30:00Z",
    "client": "school-photos",
    "reason": None,
    "purpose": "PHOTO",
    "decision": "PERMIT",
    "effective_at": "2026-03-02T12:30:00Z",
    "known_at": "2026-03-02T12:20:00Z",
    "position": "0:10:00000000",
    "catalogue": "0:9:00000000",
    "answer_digest": "0" * 64,
}


def line(value: object) -> bytes:
    """The value as a line of JSON."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def b64(data: bytes) -> str:
    """Standard base64."""
    return b64encode(data).decode()


def about(log: Log, size: int) -> dict[str, Any]:
    """What the pack says of itself."""
    streams = [one.stream for one in log.entries[:size]]
    return {
        "format": "consent-ledger/pack/v1",
        "log": ORIGIN,
        "size": size,
        "made_at": "2026-03-02T15:00:00Z",
        "scope": {"subject": PERSON, "purposes": ["PHOTO"], "from": None, "until": None},
        "streams": [
            {"stream": PERSON, "entries": streams.count(PERSON), "about": "subject"},
            {"stream": OWN, "entries": streams.count(OWN), "about": "ledger"},
        ],
        "withheld": [
            {"event_id": log.entries[11].event_id, "field": "note", "reason": "names another"}
        ],
        "receipt_key": format_vkey(receipt_key().verifier),
        "software": "tests",
        "rulebook": uk_gdpr().id,
    }


def event(log: Log, place: int) -> dict[str, Any]:
    """The line of the entry; the content of the last one about the person is withheld."""
    one = log.entries[place]
    return {
        "index": place,
        "leaf": b64(log.leaves()[place]),
        "digests": [b64(each) for each in one.digests],
        "disclosures": one.basis + (one.content if place < 10 else []),
    }


def notices(log: Log) -> list[dict[str, Any]]:
    """The catalogue and the notice, copied."""
    catalogue = disclosed(log.entries[0].basis)["catalogue"]
    return [
        {"event_id": log.entries[0].event_id, "notice": catalogue},
        {"event_id": log.entries[3].event_id, "notice": "photo-v1", "text": TEXT},
    ]


def disclosed(texts: Sequence[str]) -> dict[str, Any]:
    """The fields in these disclosures."""
    parts = [json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4))) for text in texts]
    return {name: value for _, name, value in parts}


def consistency(log: Log) -> list[dict[str, Any]]:
    """The proofs between neighbouring checkpoints."""
    sizes, subtree = sorted(log.times), subtree_of(log.hashes())
    return [
        {"old": old, "new": new, "proof": [b64(each) for each in grown(old, new, subtree)]}
        for old, new in pairwise(sizes)
    ]


def grown(old: int, new: int, subtree: Any) -> list[bytes]:
    """The proof; of an empty tree there is nothing to prove."""
    return consistency_proof(old, new, subtree) if old else []


def proof(log: Log, place: int) -> bytes:
    """That the entry is in the tree of the head."""
    size = max(log.times)
    hashes = inclusion_proof(place, size, subtree_of(log.hashes()))
    return format_proof(
        LogProof(index=place, hashes=tuple(hashes), checkpoint=log.checkpoint(size))
    )


def promise(story: Log, place: int, **other: Any) -> Note:
    """The receipt of the entry."""
    said: dict[str, Any] = {
        "log": ORIGIN,
        "index": place,
        "leaf_hash": story.hashes()[place],
        "recorded_at": story.entries[place].recorded_at,
        "seconds": 5,
        **other,
    }
    return promised(Promise(**said), receipt_key(f"{said['log']}/receipts"))


def receipt(story: Log, place: int, **other: Any) -> bytes:
    """The receipt as a write returns it, with the leaf."""
    note = format_note(promise(story, place, **other)).decode()
    return line({"v": 1, "promise": note, "leaf": b64(story.leaves()[place]), "status": "pending"})


def answers(log: Log) -> list[bytes]:
    """May PHOTO be used at 12:30: on what was known before the withdrawal, and after it."""
    return [asked(log, "2026-03-02T12:30:00Z", known) for known in (8, 12)]


def asked(log: Log, moment: str, last: int) -> bytes:
    """The line with the answer on what was known when this entry was the last of the log."""
    known = log.entries[: last + 1]
    known_at = known[-1].recorded_at if known else datetime(1, 1, 1, tzinfo=UTC)
    catalogue = max((n for n, one in enumerate(known) if one.stream == OWN), default=-1)
    at = datetime.fromisoformat(moment)
    question = Question(
        purpose="PHOTO",
        effective_at=at.replace(tzinfo=UTC),
        known_at=known_at,
        position=position(log, last),
        catalogue=position(log, catalogue),
    )
    person, own = dossier(known, PERSON), dossier(known, OWN)
    if len(moment) == len("YYYY-MM-DD"):
        found = answer_day(question, at.date(), person, own, uk_gdpr())
    else:
        found = answer(question, person, own, uk_gdpr())
    words = {
        "subject": PERSON,
        "purpose": "PHOTO",
        "operation": "USE",
        "data": "ordinary",
        "effective_at": moment,
        "known_at": (known_at + timedelta(minutes=5)).isoformat()[:19] + "Z",
    }
    return b'{"question":' + line(words).strip() + b',"answer":' + encode(found) + b"}\n"


def dossier(entries: Sequence[Entry], stream: str) -> Dossier:
    """The facts of the stream."""
    items = [
        item(n=n, entry=one.event_id, recorded_at=one.recorded_at, fact=basis_of(one.fact))
        for n, one in enumerate(entries, 1)
        if one.stream == stream
    ]
    return Dossier(None if stream == OWN else stream, items)


def position(log: Log, place: int) -> str:
    """The entry as answers name it."""
    return f"0:{place + 1}:{log.hashes()[place].hex()[:8]}" if place >= 0 else "0:0"
