"""The keys of notes: published spellings, and every way a signature can be wrong."""

from dataclasses import replace

import pytest

from ledger.tlog.keys import (
    TIME_MAX,
    KeyType,
    MalformedKey,
    Unverified,
    Verified,
    VerifierKey,
    cosign,
    format_vkey,
    parse_vkey,
    sign,
    signing_key,
    verified,
    verifier_key,
)
from ledger.tlog.note import Note, Signature, base64_of, parse_note
from tests.unit.test_note import PUBLISHED
from tests.unit.trees import log_key, seed, witness_key

PUBLISHED_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
TEXT = "ledger.demo.example/consent/7\n1000\nuC6GOqGKhElNZHwwoRj8KMd8Bb7qLeGIE39ZfF4BG5k=\n"
ML_DSA = VerifierKey(name="post.example", type=KeyType.ML_DSA_44, public=bytes(1312))


def note(*signatures: Signature, text: str = TEXT) -> Note:
    return Note(text=text, signatures=signatures)


def test_the_published_note_is_verified_by_its_published_key() -> None:
    key = parse_vkey(PUBLISHED_KEY)

    assert format_vkey(key) == PUBLISHED_KEY
    assert verified(parse_note(PUBLISHED.encode()), [key]) == [Verified(key=key)]


def test_the_demonstration_keys_and_signatures_are_the_published_ones() -> None:
    log, witness = log_key(), witness_key()

    assert format_vkey(log.verifier) == (
        "ledger.demo.example/consent/7+7e33c5d7+AUZLh2O4MpcfZ1Hktzd1HhkpXrl2H33hc2vT0N3tH3Dy"
    )
    assert format_vkey(witness.verifier) == (
        "witness.demo.example/w1+7a755add+BE91LfjbU4+XUHbZoe3zmvwwSOoZKsSIKx6uqu5Zm7Qq"
    )
    signed = sign(TEXT, log)
    assert base64_of(signed.key_id + signed.value) == (
        "fjPF1+Qf0cZh9garQ9DR1/ADBy2d/uIAc3/8cZZOMHj0WWInRPvRmgpGiCR3znlMKuqbenxAXWJEKRcOCfcY5Is7zAk="
    )
    cosigned = cosign(TEXT, witness, time=1795300000)
    assert base64_of(cosigned.key_id + cosigned.value) == (
        "enVa3QAAAABrAhqgkOTm21gu90y8ealy5X8falKgdp3gYeKUBkkWt3A72McHPlaysCJq4WAYQLXqzj8gjgFefc+b"
        "mmlfRTYs16z3CA=="
    )


def test_each_key_that_signed_is_named_once_with_its_time() -> None:
    log, witness = log_key(), witness_key()
    lines = (
        cosign(TEXT, witness, time=7),
        sign(TEXT, log),
        cosign(TEXT, witness, time=8),
        sign(TEXT, log),
    )
    found = verified(note(*lines), [log.verifier, witness.verifier])

    assert found == [Verified(key=log.verifier), Verified(key=witness.verifier, time=7)]


def test_a_signature_of_a_key_nobody_asked_for_is_passed_over() -> None:
    stranger = signing_key(log_key().verifier.name, seed("stranger"))
    both = note(sign(TEXT, stranger), sign(TEXT, log_key()))

    assert [one.key for one in verified(both, [log_key().verifier])] == [log_key().verifier]
    assert verified(note(sign(TEXT, stranger)), [log_key().verifier]) == []


def spoilt() -> dict[str, Signature]:
    plain, timed = sign(TEXT, log_key()), cosign(TEXT, witness_key(), time=9)
    return {
        "flipped": replace(plain, value=bytes([plain.value[0] ^ 1]) + plain.value[1:]),
        "short": replace(plain, value=plain.value[:-1]),
        "long": replace(plain, value=plain.value + b"\x00"),
        "another text": sign(TEXT + "\n", log_key()),
        "another time": replace(timed, value=(10).to_bytes(8, "big") + timed.value[8:]),
        "without a time": replace(timed, value=timed.value[8:]),
        "cut cosignature": replace(timed, value=timed.value[:-1]),
        "a time beyond all": replace(timed, value=(TIME_MAX + 1).to_bytes(8, "big") + bytes(64)),
        "a plain one as cosignature": Signature(
            name=timed.name, key_id=timed.key_id, value=timed.value[:8] + plain.value
        ),
    }


@pytest.mark.parametrize("which", spoilt())
def test_a_known_key_that_did_not_sign_spoils_the_note(which: str) -> None:
    keys = [log_key().verifier, witness_key().verifier]
    good = (sign(TEXT, log_key()), cosign(TEXT, witness_key(), time=9))

    with pytest.raises(Unverified):
        verified(note(*good, spoilt()[which]), keys)


def test_a_cosignature_does_not_stand_for_a_plain_signature_of_the_same_secret() -> None:
    plain = signing_key("both.example", seed("both"))
    timed = signing_key("both.example", seed("both"), KeyType.COSIGNATURE)

    assert plain.verifier.key_id != timed.verifier.key_id
    assert verified(note(cosign(TEXT, timed, time=1)), [plain.verifier]) == []


def test_a_key_of_the_coming_kind_is_read_and_never_said_to_have_signed() -> None:
    key = parse_vkey(format_vkey(ML_DSA))
    line = Signature(name=key.name, key_id=key.key_id, value=bytes(8 + 2420))

    assert key == ML_DSA
    assert verified(note(line), [key]) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "joined by plus signs"),
        ("name+530d903a", "joined by plus signs"),
        ("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "not empty"),
        ("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "no space"),
        ("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "the ID"),
        ("example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "the ID"),
        ("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2", "base64"),
        ("example.com/foo+530d903a+", "of a kind"),
        (f"example.com/foo+530d903a+{base64_of(bytes([2]) + bytes(32))}", "of a kind"),
        (f"example.com/foo+530d903a+{base64_of(bytes([1]) + bytes(32))}", "no sound public key"),
        (f"example.com/foo+530d903a+{base64_of(bytes([1]) + bytes(31))}", "no sound public key"),
        (f"example.com/foo+530d903a+{base64_of(bytes([6]) + bytes(32))}", "no sound public key"),
    ],
)
def test_a_text_that_is_no_sound_key_is_refused(text: str, message: str) -> None:
    with pytest.raises(MalformedKey, match=message):
        parse_vkey(text)


def test_a_key_has_one_type_byte() -> None:
    with pytest.raises(MalformedKey, match="of a kind"):
        verifier_key("a", b"\x01\x04", log_key().verifier.public)


def test_a_secret_is_never_shown() -> None:
    assert repr(log_key()) == "SigningKey(ledger.demo.example/consent/7)"


def test_a_kind_of_key_signs_in_its_own_way_only() -> None:
    with pytest.raises(AssertionError, match="cosign"):
        sign(TEXT, witness_key())
    with pytest.raises(AssertionError, match="sign"):
        cosign(TEXT, log_key(), time=1)
