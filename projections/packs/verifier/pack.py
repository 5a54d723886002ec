"""What is in the pack: its own words about itself, and its entries, each in the form it must have.

Nothing here is true yet: the steps say what is.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from projections.packs.verifier.reading import (
    CLOCK,
    DAY,
    HASH,
    INSTANT,
    NUMBER,
    ORIGIN,
    UUID,
    Failed,
    from_base64,
    hash_from,
    microseconds,
    need,
    read_json,
    shaped,
)
from projections.packs.verifier.tree import leaf_hash

LEAF_BYTES_MAX = 4096
LAYOUT = re.compile(
    rf"README\.txt|report\.(html|pdf)|pack\.json|(events|notices|answers|given)\.jsonl"
    rf"|consistency\.json|proofs/{NUMBER}\.tlog-proof|checkpoints/{NUMBER}\.txt"
    rf"|anchors/({NUMBER}\.{NUMBER}\.tsr|chain\.pem)|receipts/{NUMBER}\.(txt|json)"
    r"|rulebook/uk_gdpr\.toml|keys/policy\.txt|verifier/verify\.py"
)
LEAF = re.compile(
    rf'\{{"commitment":"(?P<commitment>{HASH})","event_id":"(?P<event_id>{UUID % 7})",'
    rf'"log":"(?P<log>{ORIGIN})","prev":"(?P<prev>(?:{HASH})?)",'
    rf'"recorded_at":"(?P<recorded_at>{DAY}{CLOCK}\.[0-9]{{6}}Z)",'
    r'"seq":(?P<seq>[1-9][0-9]{0,15}),'
    rf'"stream":"(?P<stream>{UUID % 4})","type":"(?P<type>[A-Za-z][A-Za-z0-9._]{{0,63}})","v":1\}}'
)
BASE64 = re.compile("[A-Za-z0-9+/]+=*")
NAMED = re.compile(UUID % 4)
EVENT_ID = re.compile(UUID % 7)
MOMENT_OR_DAY = re.compile(rf"{DAY}|{INSTANT.pattern}")
ABOUT = {
    "format": "consent-ledger/pack/v1",
    "log": re.compile(ORIGIN),
    "size": int,
    "made_at": INSTANT,
    "scope": {
        "subject": (NAMED, None),
        "purposes": ([str], None),
        "from": (INSTANT, None),
        "until": (INSTANT, None),
    },
    "streams": [{"stream": NAMED, "entries": int, "about": ("subject", "ledger")}],
    "withheld": [{"event_id": EVENT_ID, "field": str, "reason": re.compile(r"(?s).*\S.*")}],
    "receipt_key": (str, None),
    "software": str,
    "rulebook": str,
}
EVENT = {
    "index": int,
    "leaf": BASE64,
    "digests": [re.compile(HASH)],
    "disclosures": [str],
    "erased": (None, "L1"),
}
ERASED_EVENT = {"index": int, "leaf_hash": re.compile(HASH), "erased": "L2"}
CONSISTENCY = [{"old": int, "new": int, "proof": [re.compile(HASH)]}]
NOTICE = {"event_id": EVENT_ID, "notice": object, "text": (str, None)}
QUESTION = {
    "subject": NAMED,
    "purpose": str,
    "operation": str,
    "data": (str, [str]),
    "recipient": (str, None),
    "exception": (str, None),
    "effective_at": MOMENT_OR_DAY,
    "known_at": INSTANT,
}
POSITION = re.compile("[0-9]{1,4}:(?:0|([1-9][0-9]{0,15}):([0-9a-f]{8}))")
ANSWER = {
    "effective_at": INSTANT,
    "known_at": INSTANT,
    "position": POSITION,
    "catalogue": POSITION,
    "rulebook": str,
    ...: object,
}
GIVEN = dict.fromkeys(
    (
        "read_id",
        "answered_at",
        "client",
        "reason",
        "purpose",
        "decision",
        "effective_at",
        "known_at",
        "position",
        "catalogue",
        "answer_digest",
    ),
    (str, None),
)


class Leaf(NamedTuple):
    """What the log says of one entry; `at` is its moment in microseconds since 1970."""

    commitment: bytes
    event_id: str
    log: str
    prev: bytes
    recorded_at: str
    at: int
    seq: int
    stream: str
    type: str


def read_leaf(data: bytes, where: str, code: str = "E_LEAF") -> Leaf:
    """The leaf that these very bytes spell, in its one spelling."""
    match = LEAF.fullmatch(data.decode("latin-1"))
    if match is None or len(data) > LEAF_BYTES_MAX:
        raise Failed(code, f"{where}: not a canonical leaf")
    said = match.groupdict()
    seq, prev = int(said["seq"]), said["prev"]
    need(seq < 2**53 and (seq == 1) is (prev == ""), code, f"{where}: seq and prev")
    return Leaf(
        commitment=hash_from(said["commitment"], code, where),
        event_id=said["event_id"],
        log=said["log"],
        prev=hash_from(prev, code, where) if prev else b"",
        recorded_at=said["recorded_at"],
        at=microseconds(said["recorded_at"], code, where),
        seq=seq,
        stream=said["stream"],
        type=said["type"],
    )


class Event:
    """A line of events.jsonl; `leaf` is empty where only its hash is left."""

    def __init__(self, said: Any, where: str) -> None:
        gone = isinstance(said, dict) and said.get("erased") == "L2"
        shaped(said, ERASED_EVENT if gone else EVENT, where)
        self.index: int = said["index"]
        self.where = f"entry {self.index}"
        self.erased: str | None = said.get("erased")
        self.leaf = b"" if gone else from_base64(said["leaf"], "E_PACK", where)
        self.hash = hash_from(said["leaf_hash"], "E_PACK", where) if gone else leaf_hash(self.leaf)
        self.digests = [hash_from(one, "E_PACK", where) for one in said.get("digests", ())]
        self.disclosures: list[str] = said.get("disclosures", [])


class Asked(NamedTuple):
    """A line of answers.jsonl: the question, the answer, and the bytes of the answer."""

    question: dict[str, Any]
    answer: dict[str, Any]
    written: bytes


class Stream(NamedTuple):
    """One of the streams that the pack says it has whole."""

    id: str
    entries: int
    about: str
    where: str


class Pack:
    """The files under data/, read; the names are those of the files and of pack.json."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        for name in files:
            need(LAYOUT.fullmatch(name), "E_PACK", f"{name[:80]}: no file of a pack")
        self.about = shaped(self.json("pack.json"), ABOUT, "pack.json")
        self.log: str = self.about["log"]
        self.size: int = self.about["size"]
        self.streams = self.read_streams()
        self.events = self.read_events()
        self.hash_at = {one.index: one.hash for one in self.events}
        self.index_of = {one.hash: one.index for one in self.events}
        self.consistency = shaped(self.json("consistency.json"), CONSISTENCY, "consistency.json")
        self.notices = [shaped(one, NOTICE, where) for one, where in self.lines("notices.jsonl")]
        self.given = [shaped(one, GIVEN, where) for one, where in self.lines("given.jsonl")]
        self.answers = [read_asked(line, where) for line, where in self.raw_lines("answers.jsonl")]

    def read_streams(self) -> list[Stream]:
        """The streams that pack.json lists."""
        found = [
            Stream(one["stream"], one["entries"], one["about"], f"stream {number} of pack.json")
            for number, one in enumerate(self.about["streams"], 1)
        ]
        ids = [one.id for one in found]
        need(len(set(ids)) == len(ids), "E_PACK", "pack.json: a stream twice")
        own = [one for one in found if one.about == "ledger"]
        need(len(own) <= 1, "E_PACK", "pack.json: two streams of the ledger's own")
        need(all(one.entries >= 0 for one in found), "E_PACK", "pack.json: less than no entries")
        subject = self.about["scope"].get("subject")
        people = {one.id for one in found if one.about == "subject"}
        need(subject is None or subject in people, "E_PACK", "pack.json: the subject's stream")
        return found

    def read_events(self) -> list[Event]:
        """The entries, in order of index."""
        found = [Event(one, where) for one, where in self.lines("events.jsonl")]
        need(found, "E_PACK", "events.jsonl: no entry")
        indexes = [one.index for one in found]
        need(sorted(indexes) == indexes, "E_PACK", "events.jsonl: not in order of index")
        return found

    def json(self, name: str) -> Any:
        """The value of the whole file."""
        need(name in self.files, "E_PACK", f"{name}: missing")
        return read_json(self.files[name], "E_PACK", name)

    def raw_lines(self, name: str) -> list[tuple[bytes, str]]:
        """The lines of the file, each with where it stands; none where there is no file."""
        lines = self.files.get(name, b"").split(b"\n")
        need(lines.pop() == b"", "E_PACK", f"{name}: its last line does not end")
        return [(line, f"{name}:{number}") for number, line in enumerate(lines, 1)]

    def lines(self, name: str) -> list[tuple[Any, str]]:
        """The values of the lines."""
        return [(read_json(line, "E_PACK", where), where) for line, where in self.raw_lines(name)]

    def under(self, folder: str) -> dict[str, bytes]:
        """The files of the folder, by their whole names."""
        found = sorted(name for name in self.files if name.startswith(f"{folder}/"))
        return {name: self.files[name] for name in found}


def read_asked(line: bytes, where: str) -> Asked:
    """The question and the answer, with the very bytes of the answer."""
    said = read_json(line, "E_PACK", where)
    shaped(said, {"question": QUESTION, "answer": ANSWER}, where)
    text, before, between = line.decode("utf-8"), '{"question":', ',"answer":'
    whole = text.startswith(before + "{") and text.endswith("}")
    need(whole, "E_PACK", f"{where}: the question comes first, and nothing around it")
    _, end = json.JSONDecoder().raw_decode(text, len(before))
    need(text.startswith(between, end), "E_PACK", f"{where}: the answer follows")
    written = text[end + len(between) : -1].encode("utf-8")
    return Asked(said["question"], said["answer"], written)
