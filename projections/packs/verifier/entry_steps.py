"""The steps about the entries: their leaves, what is shown of them, and whether any is lacking."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from projections.packs.verifier.evidence import Evidence
from projections.packs.verifier.pack import Event, Leaf, Stream, read_leaf
from projections.packs.verifier.reading import (
    Failed,
    from_base64url,
    need,
    read_json,
)

COMMITMENT = b"consent-ledger/sd/v1\n"
SALT_BYTES_MIN = 16
PAD = "_pad"


def check_leaves(case: Evidence) -> str:
    """Every leaf is canonical, of this log, and there once."""
    case.entries = []
    indexes: set[int] = set()
    ids: set[str] = set()
    for event in case.pack.events:
        need(event.index not in indexes, "E_DUPLICATE", event.where)
        indexes.add(event.index)
        if event.erased == "L2":
            continue
        leaf = read_leaf(event.leaf, event.where)
        need(leaf.log == case.pack.log, "E_ORIGIN", event.where)
        need(leaf.event_id not in ids, "E_DUPLICATE", f"{event.where}: an event id twice")
        ids.add(leaf.event_id)
        case.entries.append((event, leaf))
    case.leaf_at = {event.index: leaf for event, leaf in case.entries}
    gone = len(case.pack.events) - len(case.entries)
    return f"{len(case.entries)} leaves" + (f"; {gone} erased, their hashes alone" if gone else "")


def check_commitments(case: Evidence) -> str:
    """Every leaf commits to the digests of its entry."""
    for event, leaf in case.entries:
        pairs = zip(event.digests, event.digests[1:])
        need(all(a < b for a, b in pairs), "E_COMMITMENT", f"{event.where}: digests not ascending")
        held = hashlib.sha256(COMMITMENT + b"".join(event.digests)).digest()
        need(held == leaf.commitment, "E_COMMITMENT", event.where)
    return f"{sum(len(event.digests) for event, _ in case.entries)} digests"


def check_disclosures(case: Evidence) -> str:
    """Every field that is shown was committed to, and none that is said to be withheld is shown."""
    case.fields = {leaf.event_id: disclosed(event) for event, leaf in case.entries}
    for event, _ in case.entries:
        erased = event.erased is None or hidden(event) > 0
        need(erased, "E_PACK", f"{event.where}: erased, and shown whole")
    check_withheld(case)
    shown = sum(len(fields) - (PAD in fields) for fields in case.fields.values())
    unshown = sum(hidden(event) for event, _ in case.entries)
    withheld = len(case.pack.about["withheld"])
    return f"{shown} fields shown; of {unshown} digests nothing is, {withheld} withheld by decision"


def disclosed(event: Event) -> dict[str, Any]:
    """The fields of the entry that are shown."""
    found: dict[str, Any] = {}
    digests = set(event.digests)
    for text in event.disclosures:
        known = text.isascii() and hashlib.sha256(text.encode()).digest() in digests
        need(known, "E_DISCLOSURE", f"{event.where}: not committed to")
        name, value = read_disclosure(text, event.where)
        need(name not in found, "E_DISCLOSURE", f"{event.where}: a field twice")
        found[name] = value
    return found


def read_disclosure(text: str, where: str) -> tuple[str, Any]:
    """The name and value of the field."""
    try:
        parts = read_json(from_base64url(text), "E_DISCLOSURE", where)
        right = isinstance(parts, list) and len(parts) == 3 and isinstance(parts[1], str)
        need(right, "E_DISCLOSURE", f"{where}: not a salt, a name and a value")
        need(isinstance(parts[0], str), "E_DISCLOSURE", f"{where}: the salt is no text")
        salt = from_base64url(parts[0])
    except ValueError:
        raise Failed("E_DISCLOSURE", f"{where}: base64url") from None
    need(len(salt) >= SALT_BYTES_MIN, "E_DISCLOSURE", f"{where}: the salt is too short")
    return parts[1], parts[2]


def hidden(event: Event) -> int:
    """How many digests of the entry stand without what they are of."""
    return len(event.digests) - len(event.disclosures)


def check_withheld(case: Evidence) -> None:
    """Go on only where what is said to be withheld is."""
    withheld = Counter(one["event_id"] for one in case.pack.about["withheld"])
    ids = {leaf.event_id for _, leaf in case.entries}
    need(withheld.keys() <= ids, "E_PACK", "pack.json: withheld from an entry that is not here")
    for one in case.pack.about["withheld"]:
        shown = one["field"] in case.fields[one["event_id"]]
        need(not shown, "E_PACK", "pack.json: a field is shown that is said to be withheld")
    for event, leaf in case.entries:
        enough = withheld[leaf.event_id] <= hidden(event)
        need(enough, "E_PACK", f"{event.where}: more is said to be withheld than is hidden")


def check_notices(case: Evidence) -> str:
    """Every notice is a copy of what its entry discloses."""
    for number, one in enumerate(case.pack.notices, 1):
        where = f"notices.jsonl:{number}"
        fields = case.fields.get(one["event_id"], {})
        copied = [fields[name] for name in ("notice", "catalogue") if name in fields]
        same = spelt_value(one["notice"]) in map(spelt_value, copied)
        need(same, "E_DISCLOSURE", f"{where}: no copy of the entry")
        if one.get("text") is not None:
            digest = hashlib.sha256(one["text"].encode("utf-8", "surrogatepass")).hexdigest()
            right = fields.get("text_digest") == f"sha256:{digest}"
            need(right, "E_DISCLOSURE", f"{where}: another text")
    return f"{len(case.pack.notices)} notices and catalogues are those of the entries"


def spelt_value(value: Any) -> str:
    """The JSON value in one spelling: 1 and true are two values."""
    return json.dumps(value, sort_keys=True)


def check_chains(case: Evidence) -> str:
    """Every stream has its entries in their order, and the pack has no others."""
    by_stream: dict[str, list[tuple[Event, Leaf]]] = {one.id: [] for one in case.pack.streams}
    for event, leaf in case.entries:
        need(leaf.stream in by_stream, "E_CHAIN", f"{event.where}: of a stream that is not listed")
        by_stream.setdefault(leaf.stream, []).append((event, leaf))
    gone = {one.hash: one for one in case.pack.events if one.erased == "L2"}
    erased, lacking = len(case.pack.events) - len(case.entries), 0
    for stream in case.pack.streams:
        own = sorted(by_stream[stream.id], key=by_seq)
        check_stream(stream, own, gone)
        lacking += stream.entries - len(own)
    need(lacking == erased, "E_CHAIN", f"{lacking} entries are lacking, {erased} are erased")
    return f"{len(case.pack.streams)} streams without a gap" + (
        f", {erased} of their entries erased" if erased else ""
    )


def by_seq(pair: tuple[Event, Leaf]) -> int:
    """The place of the entry in its stream."""
    return pair[1].seq


def check_stream(
    stream: Stream, own: Sequence[tuple[Event, Leaf]], gone: dict[bytes, Event]
) -> None:
    """Go on only where each entry follows the one before it, which may be erased."""
    seq, index, last = 0, -1, b""
    for event, leaf in own:
        need(seq < leaf.seq <= stream.entries, "E_CHAIN", f"{event.where}: seq in {stream.where}")
        if leaf.seq > seq + 1:
            before = gone.pop(leaf.prev, None)
            if before is None:
                raise Failed("E_CHAIN", f"{event.where}: the one before it in {stream.where}")
            need(before.index > index, "E_ORDER", f"{event.where}: the one before it")
            index, last = before.index, before.hash
        need(leaf.prev == last, "E_CHAIN", f"{event.where}: prev in {stream.where}")
        need(event.index > index, "E_ORDER", event.where)
        seq, index, last = leaf.seq, event.index, event.hash
