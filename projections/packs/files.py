"""The files of a pack that programs read: what was gathered, as `ops/docs/pack.md` says."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ledger.answer import encode
from ledger.errors import Malformed
from ledger.tlog.keys import SigningKey, format_vkey
from ledger.tlog.note import Note, format_note
from ledger.tlog.proof import LogProof, format_proof
from ledger.tlog.receipt import Promise, promised
from projections.packs.answers import Asked
from projections.packs.entries import Shown
from projections.packs.gathering import Gathered
from projections.packs.order import spelt_moment
from projections.read_audit import Row, written_instant

FORMAT = "consent-ledger/pack/v1"
_json = msgspec.json.Encoder()


class Receipts(msgspec.Struct, frozen=True, kw_only=True):
    """The key that the log promises with, and within how many seconds a checkpoint follows."""

    key: SigningKey
    seconds: int


class Enclosed(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into a pack and is not the ledger's: `texts` are those of notices, by SHA-256."""

    rulebook: bytes
    software: str
    policy: bytes | None = None
    chain: bytes | None = None
    receipts: Receipts | None = None
    texts: Mapping[str, str] = {}


def texts_of(notices: Iterable[bytes]) -> dict[str, str]:
    """The texts of notices by their digests as `NoticePublished` has them."""
    found = {}
    for data in notices:
        try:
            found[f"sha256:{hashlib.sha256(data).hexdigest()}"] = data.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("is not UTF-8", field="notice") from None
    return found


def files_of(found: Gathered, enclosed: Enclosed) -> dict[str, bytes]:
    """Every file under data/ but those for people."""
    files = {
        "pack.json": _line(_about(found, enclosed)),
        "events.jsonl": _lines(_event(one) for one in found.entries),
        "notices.jsonl": _lines(_notices(found.entries, enclosed.texts)),
        "answers.jsonl": b"".join(_asked(one, found) for one in found.answers),
        "given.jsonl": _lines(_given(one) for one in found.given),
        "consistency.json": _line(_consistency(found)),
        "rulebook/uk_gdpr.toml": enclosed.rulebook,
    }
    files |= dict(_of_the_log(found)) | dict(_outside(found, enclosed))
    return files


def _line(value: object) -> bytes:
    return _json.encode(value) + b"\n"


def _lines(values: Iterable[object]) -> bytes:
    return b"".join(_line(one) for one in values)


def base64_of(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def _about(found: Gathered, enclosed: Enclosed) -> dict[str, object]:
    order, receipts = found.order, enclosed.receipts
    return {
        "format": FORMAT,
        "log": found.origin,
        "size": order.size,
        "made_at": written_instant(order.made_at),
        "scope": {
            "subject": order.subject,
            "purposes": order.purposes,
            "from": None if order.start is None else written_instant(order.start),
            "until": None if order.end is None else written_instant(order.end),
        },
        "streams": list(_streams(found)),
        "withheld": [
            {"event_id": one.row.event_id, "field": name, "reason": reason}
            for one in found.entries
            for name, reason in sorted(one.withheld.items())
        ],
        "receipt_key": None if receipts is None else format_vkey(receipts.key.verifier),
        "software": enclosed.software,
        "rulebook": found.rulebook,
    }


def _streams(found: Gathered) -> Iterator[dict[str, object]]:
    for about, stream in (("subject", found.order.subject), ("ledger", found.own)):
        many = sum(one.about == about for one in found.entries)
        if stream is not None:
            yield {"stream": stream, "entries": many, "about": about}


def _event(one: Shown) -> dict[str, object]:
    if one.erased == "L2":
        leaf_hash = base64_of(one.row.leaf_hash)
        return {"index": one.index, "leaf_hash": leaf_hash, "erased": "L2"}
    line: dict[str, object] = {
        "index": one.index,
        "leaf": base64_of(one.row.leaf),
        "digests": [base64_of(each) for each in one.digests],
        "disclosures": one.disclosures,
    }
    return line | ({"erased": one.erased} if one.erased else {})


def _notices(entries: Sequence[Shown], texts: Mapping[str, str]) -> Iterator[dict[str, object]]:
    """Catalogues and notices of the ledger's own stream, as they stood."""
    used = set()
    for one in entries:
        notice = one.fields.get("catalogue", one.fields.get("notice"))
        if one.about != "ledger" or notice is None:
            continue
        digest = one.fields.get("text_digest")
        text = texts.get(digest) if isinstance(digest, str) else None
        used.add(digest if text is not None else None)
        yield {"event_id": one.row.event_id, "notice": notice, "text": text}
    if texts.keys() - used:
        raise Malformed("is the text of no notice that is in the pack", field="notice")


def _asked(one: Asked, found: Gathered) -> bytes:
    order = found.order
    question = {
        "subject": order.subject,
        "purpose": one.purpose,
        "operation": order.operation,
        "data": order.data,
        "recipient": order.recipient,
        "exception": None,
        "effective_at": spelt_moment(one.moment),
        "known_at": written_instant(one.known_at),
    }
    return b'{"question":' + _json.encode(question) + b',"answer":' + encode(one.answer) + b"}\n"


def _given(one: Row) -> dict[str, object]:
    return {
        "read_id": one.id,
        "answered_at": written_instant(one.answered_at),
        "client": one.client,
        "reason": one.reason,
        "purpose": one.purpose,
        "decision": one.decision,
        "effective_at": None if one.effective_at is None else written_instant(one.effective_at),
        "known_at": None if one.known_at is None else written_instant(one.known_at),
        "position": one.position,
        "catalogue": one.catalogue,
        "answer_digest": one.answer_digest.hex(),
    }


def _consistency(found: Gathered) -> list[dict[str, object]]:
    return [
        {"old": one.old, "new": one.new, "proof": [base64_of(each) for each in one.proof]}
        for one in found.proofs.consistency
    ]


def _of_the_log(found: Gathered) -> Iterator[tuple[str, bytes]]:
    proofs = found.proofs
    for size, note in proofs.checkpoints.items():
        yield f"checkpoints/{size}.txt", format_note(note)
    for index, hashes in proofs.inclusion.items():
        proof = LogProof(index=index, hashes=hashes, checkpoint=proofs.head)
        yield f"proofs/{index}.tlog-proof", format_proof(proof)
    many: dict[int, int] = {}
    for one in proofs.anchors:
        many[one.size] = many.get(one.size, 0) + 1
        yield f"anchors/{one.size}.{many[one.size]}.tsr", one.evidence


def _outside(found: Gathered, enclosed: Enclosed) -> Iterator[tuple[str, bytes]]:
    if enclosed.policy is not None:
        yield "keys/policy.txt", enclosed.policy
    if enclosed.chain is not None and found.proofs.anchors:
        yield "anchors/chain.pem", enclosed.chain
    if enclosed.receipts is not None:
        for one in found.entries:
            if one.erased != "L2":
                note = _promise(found, one, enclosed.receipts)
                yield f"receipts/{one.index}.txt", format_note(note)


def _promise(found: Gathered, one: Shown, receipts: Receipts) -> Note:
    """What the log promised when the entry was recorded: the same signature every time."""
    return promised(
        Promise(
            log=found.origin,
            index=one.index,
            leaf_hash=one.row.leaf_hash,
            recorded_at=one.row.recorded_at,
            seconds=receipts.seconds,
        ),
        receipts.key,
    )
