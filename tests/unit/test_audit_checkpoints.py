"""Checkpoints are what they say, and of one history, or it is said of which that is not so."""

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.tlog.checkpoint import Checkpoint, signed
from ledger.tlog.keys import KeyType, SigningKey, cosign, format_vkey, signing_key
from ledger.tlog.merkle import root
from ledger.tlog.note import Note, format_note, format_signature
from ledger.tlog.policy import Policy, parse_policy
from projections.audit_checkpoints import (
    EPOCH_S,
    CheckpointChecks,
    CheckpointRow,
    Claim,
    CosignatureRow,
    History,
    held_claim,
)
from projections.audit_findings import AuditFinding, Findings
from tests.unit.trees import ORIGIN, leaves, log_key, seed, witness_key

TIME = 1_764_000_000
SIZE = 12


def policy(quorum: str = "both") -> Policy:
    """Two witnesses, of which the quorum wants both."""
    lines = [f"log {format_vkey(log_key().verifier)}"]
    lines += [f"witness {one} {format_vkey(witness_key(one).verifier)}" for one in ("w1", "w2")]
    return parse_policy("\n".join([*lines, "group both all w1 w2", f"quorum {quorum}"]).encode())


def note(size: int = SIZE, *, key: SigningKey | None = None, fork: bytes = b"") -> Note:
    tree = root([*leaves(size - 1), fork or leaves(size)[-1]])
    return signed(Checkpoint(origin=ORIGIN, size=size, root=tree), key or log_key())


def row(one: Note, **columns: object) -> CheckpointRow:
    made = CheckpointRow(size=SIZE, root=root(leaves(SIZE)), note=format_note(one).decode())
    return msgspec.structs.replace(made, **columns)


def line(key: SigningKey, **columns: object) -> CosignatureRow:
    """A cosignature of the checkpoint, as it is kept."""
    made = CosignatureRow(
        size=SIZE,
        name=key.verifier.name,
        key_id=key.verifier.key_id,
        stamp=((TIME - EPOCH_S) * 1_000_000).to_bytes(8, "big"),
        line=format_signature(cosign(note().text, key, time=TIME)),
    )
    return msgspec.structs.replace(made, **columns)


def examined(
    one: CheckpointRow, *lines: CosignatureRow, trusted: Policy | None = None
) -> tuple[list[Claim], list[AuditFinding], CheckpointChecks]:
    found = Findings(0)
    checks = CheckpointChecks(ORIGIN, trusted, found)
    return checks.claims([one], {one.size: lines} if lines else {}), found.listed, checks


def test_a_checkpoint_as_it_was_signed_claims_what_it_says() -> None:
    tree = root(leaves(SIZE))
    both = line(witness_key("w1")), line(witness_key("w2"))
    for lines, trusted, signed_, witnessed in (
        ((), None, False, False),
        (both, None, False, False),
        ((), policy(), True, False),
        (both[:1], policy(), True, False),
        (both, policy(), True, True),
        (both, policy("none"), True, False),
    ):
        claims, found, checks = examined(row(note()), *lines, trusted=trusted)
        assert found == []
        assert claims == [Claim(size=SIZE, root=tree, signed=signed_, witnessed=witnessed)]
        assert checks.lines.verified == (len(lines) if trusted else 0)
        assert checks.lines.not_checked == (0 if trusted else len(lines))


def test_a_cosignature_of_a_key_that_is_not_known_is_not_checked() -> None:
    stranger = signing_key("stranger.example/w", seed("stranger"), KeyType.COSIGNATURE)
    claims, found, checks = examined(row(note()), line(stranger), trusted=policy())

    assert (found, checks.lines.verified, checks.lines.not_checked) == ([], 0, 1)
    assert not claims[0].witnessed


OTHER_KEY = signing_key(ORIGIN, seed("another log of this name"))
FORGED = format_note(replace(note(), text=note(fork=b"f" * 32).text)).decode()
BAD_ROWS: Mapping[str, tuple[dict[str, object], str]] = {
    "no note": ({"note": "nothing\n"}, "CHECKPOINT"),
    "no checkpoint": (
        {"note": format_note(replace(note(), text="one line\n")).decode()},
        "CHECKPOINT",
    ),
    "no text": ({"note": "a\x01\n\n— b YWJjZGVm\n"}, "CHECKPOINT"),
    "another root in its row": ({"root": b"r" * 32}, "CHECKPOINT"),
    "another size in its row": ({"size": SIZE + 1}, "CHECKPOINT"),
    "another origin": (
        {
            "note": format_note(
                signed(
                    Checkpoint(origin="other.example", size=SIZE, root=root(leaves(SIZE))),
                    signing_key("other.example", seed("other")),
                )
            ).decode()
        },
        "CHECKPOINT",
    ),
    "another root": (
        {"note": FORGED, "root": root([*leaves(11), b"f" * 32])},
        "CHECKPOINT_SIGNATURE",
    ),
    "another key": ({"note": format_note(note(key=OTHER_KEY)).decode()}, "CHECKPOINT_SIGNATURE"),
}


@pytest.mark.parametrize("what", BAD_ROWS)
def test_a_checkpoint_that_is_not_as_it_was_signed_claims_nothing(what: str) -> None:
    columns, code = BAD_ROWS[what]
    bad = row(note(), **columns)
    claims, found, _ = examined(bad, trusted=policy())

    assert claims == []
    assert [(one.code, one.n, one.last) for one in found] == [(code, bad.size, bad.size)]


BAD_LINES: Mapping[str, dict[str, object]] = {
    "no line": {"line": ""},
    "no signature": {"line": "— w1\n"},
    "two of them": {"line": line(witness_key("w1")).line * 2},
    "another name in its row": {"name": "witness.demo.example/w2"},
    "another key in its row": {"key_id": b"1234"},
    "another time in its row": {"stamp": (1).to_bytes(8, "big")},
    "over another checkpoint": {
        "line": format_signature(cosign(note(SIZE - 1).text, witness_key("w1"), time=TIME))
    },
    "at another time": {
        "line": format_signature(cosign(note().text, witness_key("w1"), time=TIME + 1))
    },
}


@pytest.mark.parametrize("what", BAD_LINES)
def test_a_cosignature_that_is_not_as_it_was_made_is_found(what: str) -> None:
    bad, good = line(witness_key("w1"), **BAD_LINES[what]), line(witness_key("w2"))
    claims, found, checks = examined(row(note()), bad, good, trusted=policy())

    assert [(one.code, one.n) for one in found] == [("COSIGNATURE", SIZE)]
    assert [one.witnessed for one in claims] == [False]
    assert checks.lines.verified == 1


# One history.


def told(claims: list[tuple[int, bool]], **more: bool) -> tuple[list[AuditFinding], History]:
    """Claims of these sizes, and whether each agrees with the entries."""
    found = Findings(0)
    history = History(found)
    for size, agrees in claims:
        history.take(Claim(size=size, root=b"r" if agrees else b"other", **more), b"r")
    history.end()
    return found.listed, history


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=12))
def test_changed_are_the_entries_that_no_later_checkpoint_agrees_with(claims) -> None:
    claims = sorted(dict(claims).items())
    found, history = told(claims, signed=True)

    agreed = [size for size, agrees in claims if agrees]
    last = max(agreed, default=0)
    forks = [size for size, agrees in claims if not agrees and size < last]
    after = [size for size, _ in claims if size > last]
    assert [one.n for one in found if one.code == "CHECKPOINT_FORK"] == forks
    roots = [(one.n, one.last) for one in found if one.code == "ROOT"]
    assert roots == ([(last + 1, after[0])] if after else [])
    assert (history.checked, history.signed) == (len(agreed), last)


def test_two_checkpoints_of_one_size_do_not_both_agree() -> None:
    for claims in ([(5, True), (5, False)], [(5, False), (5, True)]):
        found, _ = told(claims)
        assert [(one.code, one.n, one.last) for one in found] == [("CHECKPOINT_FORK", 5, 5)]


def test_a_claim_is_counted_for_whom_it_has() -> None:
    _, history = told([(5, True), (9, True)], held=True, witnessed=True)
    assert (history.checked, history.held, history.signed, history.witnessed) == (0, 9, 0, 9)

    found, _ = told([(9, False)])
    assert "not checked" in found[0].detail


def test_of_a_root_that_is_not_known_nothing_is_said() -> None:
    found = Findings(0)
    history = History(found)
    history.take(Claim(size=3, root=b"r"), None)
    history.end()

    assert (found.listed, history.checked) == ([], 0)


def test_a_checkpoint_that_was_kept_elsewhere_has_its_signature_checked() -> None:
    origin, claim = held_claim(note(), policy("none"))
    assert origin == ORIGIN
    assert claim == Claim(size=SIZE, root=root(leaves(SIZE)), held=True, signed=True)
    assert not held_claim(note(), None)[1].signed

    with pytest.raises(Malformed, match="no log of the policy"):
        held_claim(note(key=OTHER_KEY), policy())
    with pytest.raises(Malformed, match="exactly three lines"):
        held_claim(replace(note(), text="one line\n"), None)
