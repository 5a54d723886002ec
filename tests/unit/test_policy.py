"""Trust policies: what they say, what they refuse, and what a quorum asks for."""

from itertools import combinations

import pytest

from ledger.tlog.checkpoint import Checkpoint, MalformedCheckpoint, signed
from ledger.tlog.keys import KeyType, Unverified, VerifierKey, cosign, format_vkey, signing_key
from ledger.tlog.merkle import root
from ledger.tlog.note import Note
from ledger.tlog.policy import (
    MalformedPolicy,
    Policy,
    Untrusted,
    accept,
    known,
    parse_policy,
)
from tests.unit.trees import ORIGIN, leaves, log_key, seed, witness_key

LOG = format_vkey(log_key().verifier)
W = {name: format_vkey(witness_key(name).verifier) for name in ("w1", "w2", "w3", "w4")}
THREE = "".join(f"witness {name} {W[name]}\n" for name in ("w1", "w2", "w3"))
ML_DSA = format_vkey(VerifierKey(name="p.example", type=KeyType.ML_DSA_44, public=bytes(1312)))


def policy(*lines: str) -> Policy:
    return parse_policy("".join(f"{line}\n" for line in lines).encode())


def checkpoint(*witnesses: str) -> Note:
    note = signed(Checkpoint(origin=ORIGIN, size=1000, root=root(leaves(1000))), log_key())
    lines = tuple(cosign(note.text, witness_key(one), time=5) for one in witnesses)
    return Note(text=note.text, signatures=(*note.signatures, *lines))


def accepted(note: Note, by: Policy) -> bool:
    try:
        accept(note, by)
    except Untrusted:
        return False
    return True


def test_a_policy_says_who_must_have_signed() -> None:
    text = f"""
    # Two of the three.
\tlog  {LOG}   https://log.example/
{THREE}group both 2 w1 w2 w3
quorum both
"""
    one = parse_policy(text.encode())

    assert [(each.key.name, each.url) for each in one.logs] == [(ORIGIN, "https://log.example/")]
    assert list(one.witnesses) == ["w1", "w2", "w3"]
    found = accept(checkpoint("w1", "w3"), one)
    assert (found.checkpoint.size, found.log) == (1000, log_key().verifier)
    assert [each.key.name[-2:] for each in found.cosigned] == ["w1", "w3"]


@pytest.mark.parametrize("many", range(4))
def test_a_quorum_is_met_by_so_many_and_no_fewer(many: int) -> None:
    by = {
        "none": (0, policy(f"log {LOG}", "quorum none")),
        "any": (1, policy(f"log {LOG}", THREE, "group g any w1 w2 w3", "quorum g")),
        "two": (2, policy(f"log {LOG}", THREE, "group g 2 w1 w2 w3", "quorum g")),
        "all": (3, policy(f"log {LOG}", THREE, "group g all w1 w2 w3", "quorum g")),
    }
    for least, one in by.values():
        for some in combinations(("w1", "w2", "w3"), many):
            assert accepted(checkpoint(*some), one) is (many >= least)


def test_groups_nest_and_a_stranger_counts_for_nothing() -> None:
    nested = policy(f"log {LOG}", THREE, "group x any w1 w2", "group both all x w3", "quorum both")
    assert accepted(checkpoint("w2", "w3"), nested)
    assert not accepted(checkpoint("w1", "w2"), nested)
    assert not accepted(checkpoint("w1", "w4"), nested)


def test_one_witness_may_be_the_quorum() -> None:
    one = policy(f"log {LOG}", f"witness w1 {W['w1']}", "quorum w1")
    assert accepted(checkpoint("w1"), one)
    assert not accepted(checkpoint(), one)


def test_a_witness_that_signs_twice_counts_once() -> None:
    two = policy(f"log {LOG}", THREE, "group g 2 w1 w2 w3", "quorum g")
    assert not accepted(checkpoint("w1", "w1"), two)


def test_a_witness_of_the_coming_kind_satisfies_nothing_yet() -> None:
    one = policy(f"log {LOG}", f"witness p {ML_DSA}", "quorum p")
    assert not accepted(checkpoint(), one)


def test_a_log_that_the_policy_does_not_name_is_not_trusted() -> None:
    stranger = signing_key("another.example", seed("another"))
    for line in ("", f"log {format_vkey(stranger.verifier)}", f"log {ML_DSA}"):
        with pytest.raises(Untrusted, match="no log"):
            known(checkpoint("w1"), policy(line, "quorum none"))


def test_the_key_of_another_log_does_not_sign_for_this_one() -> None:
    stranger = signing_key(ORIGIN, seed("another"))
    by = policy(f"log {LOG}", "quorum none")
    forged = signed(Checkpoint(origin=ORIGIN, size=1000, root=root(leaves(1000))), stranger)
    with pytest.raises(Untrusted, match="no log"):
        known(forged, by)


def test_a_wrong_signature_and_a_text_that_is_none_are_refused() -> None:
    by = policy(f"log {LOG}", THREE, "quorum none")
    note = checkpoint("w1")
    with pytest.raises(Unverified):
        known(Note(text=note.text.replace("1000", "1001"), signatures=note.signatures), by)
    with pytest.raises(MalformedCheckpoint):
        known(Note(text="text\n", signatures=note.signatures), by)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "has a quorum line"),
        ("quorum none\nquorum none", "line 2 .*one quorum line"),
        ("quorum", "with one name"),
        ("quorum none extra", "with one name"),
        ("quorum w1", "line 1 .*a line above"),
        ("witness", "line 1 .*nothing has yet"),
        (f"witness none {W['w1']}", "nothing has yet"),
        (f"witness a {W['w1']}\nwitness a {W['w2']}", "line 2 .*nothing has yet"),
        (f"witness a {W['w1']}\nwitness b {W['w1']}", "line 2 .*stands twice"),
        (f"witness a {LOG}", "of a kind"),
        (f"log {W['w1']}", "of a kind"),
        (f"log {LOG}\nlog {LOG}", "line 2 .*stands twice"),
        ("log", "one verifier key"),
        (f"log {LOG} a b", "at most one address"),
        ("log text", "line 1 .*joined by plus signs"),
        ("log \xff+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "UTF-8"),
        ("logs none", "begins with"),
        (f"{THREE}group g", "of its members"),
        (f"{THREE}group g 1", "of its members"),
        (f"{THREE}group g 0 w1", "of its members"),
        (f"{THREE}group g 3 w1 w2", "of its members"),
        (f"{THREE}group g 01 w1 w2", "of its members"),
        (f"{THREE}group g some w1 w2", "of its members"),
        (f"{THREE}group g 1 w1 w1", "at most, and once"),
        (f"{THREE}group g any w1\ngroup h any w1", "line 5 .*at most, and once"),
        (f"{THREE}group g any g", "a line above"),
        (f"{THREE}group g any none", "a line above"),
        ("quorum none\r", "control characters"),
        ("quorum none\x00", "control characters"),
    ],
)
def test_what_is_no_policy_is_refused_by_its_line(lines: str, message: str) -> None:
    with pytest.raises(MalformedPolicy, match=message):
        parse_policy(lines.encode("latin-1"))


def test_a_name_is_octets_and_stands_for_nothing_but_itself() -> None:
    kelvin = f"witness \u212a {W['w1']}\nquorum K\n".encode()
    with pytest.raises(MalformedPolicy, match="a line above"):
        parse_policy(kelvin)
    assert parse_policy(kelvin.replace(b"quorum K", "quorum \u212a".encode())).quorum
