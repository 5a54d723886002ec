"""What a log and a witness say to one another: one spelling, and what an answer means."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.checkpoint import MalformedCheckpoint, signed
from ledger.tlog.following import Forked, RolledBack
from ledger.tlog.keys import KeyType, SigningKey, VerifierKey, cosign, signing_key
from ledger.tlog.merkle import HASH_BYTES, PROOF_MAX
from ledger.tlog.note import Note, Signature, format_note, format_signature
from ledger.tlog.witnessing import (
    SIZE_TYPE,
    SKEW_S,
    Cosigned,
    Declined,
    MalformedSubmission,
    Reply,
    StartFrom,
    Submission,
    checkpoint_path,
    format_size,
    format_submission,
    next_start,
    parse_size,
    parse_submission,
    read_reply,
    vouched,
)
from tests.unit.test_following import growth, tree
from tests.unit.trees import ORIGIN, log_key, seed, witness_key

NOW = 1_795_300_000
KEY = witness_key().verifier


def submission(old: int = 20, size: int = 33) -> Submission:
    return Submission(old=old, proof=growth(old, size).proof, note=signed(tree(size), log_key()))


def reply(code: int, body: bytes = b"", media_type: str = "text/plain") -> Reply:
    return Reply(code=code, media_type=media_type, body=body)


def cosignature(
    one: Submission, *, key: SigningKey | None = None, time: int = NOW, text: str | None = None
) -> bytes:
    line = cosign(text or one.note.text, key or witness_key(), time=time)
    return format_signature(line).encode()


def answered(to: Reply, asked: Submission | None = None) -> Cosigned | StartFrom:
    return read_reply(to, asked=asked or submission(), key=KEY, now=NOW)


# Spellings.


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_request_is_read_as_it_was_written(one: int, other: int) -> None:
    made = submission(min(one, other), max(one, other))

    assert parse_submission(format_submission(made)) == made


@given(st.data(), st.sampled_from([(0, 33), (20, 33), (32, 33), (33, 33)]))
def test_what_is_read_has_no_other_spelling(draw: st.DataObject, sizes: tuple[int, int]) -> None:
    data = format_submission(submission(*sizes))
    at = draw.draw(st.integers(0, len(data) - 1))
    data = data[:at] + draw.draw(st.binary(max_size=2)) + data[at + 1 :]
    try:
        found = parse_submission(data)
    except MalformedSubmission:
        return
    assert format_submission(found) == data


GOOD = format_submission(submission())


def test_the_request_is_spelt_as_the_specification_shows() -> None:
    head, note = GOOD.decode().split("\n\n", 1)
    old, *proof = head.split("\n")

    assert old == "old 20"
    assert [len(one) for one in proof] == [44] * len(growth(20, 33).proof)
    assert note.encode() == format_note(submission().note)
    assert format_submission(submission(0, 33)).startswith(b"old 0\n\n" + ORIGIN.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 20",
        GOOD.replace(b"old 20", b"old 020"),
        GOOD.replace(b"old 20", b"old -1"),
        GOOD.replace(b"old 20", b"old 99999999999999999999"),
        GOOD.replace(b"old 20", b"old 34"),
        GOOD.replace(b"old 20", b"old 0"),
        GOOD.replace(b"old 20", b"old 33"),
        GOOD.replace(b"old 20\n", b"old 20\n\n"),
        GOOD.replace(b"old 20\n", b"old 20\r\n"),
        GOOD.replace(b"old 20\n", b"old 20\nAAAA\n"),
        GOOD.replace(b"old 20\n", b"old 20\n\xc3\xa9\n"),
        GOOD.replace(b"old 20\n", b"old 20\n" + (b"A" * 43 + b"=\n") * PROOF_MAX),
        GOOD.replace(b"\n33\n", b"\n33\nmore\n"),
        GOOD[:-1],
        GOOD + b"\n",
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedSubmission):
        parse_submission(data)


def test_values_of_no_request_are_not_written() -> None:
    line = Signature(name="a", key_id=b"1234", value=b"5")
    many = (bytes(HASH_BYTES),) * (PROOF_MAX + 1)
    for bad in (
        replace(submission(), old=-1),
        replace(submission(), proof=many),
        replace(submission(), proof=(b"short",)),
    ):
        with pytest.raises(MalformedSubmission):
            format_submission(bad)
    with pytest.raises(MalformedSubmission):
        format_submission(replace(submission(), note=Note(text="text\n", signatures=(line,))))
    with pytest.raises(MalformedCheckpoint):
        _ = replace(submission(), note=Note(text="text\n", signatures=(line,))).checkpoint


@given(st.integers(0, 2**63 - 1))
def test_a_size_is_read_as_it_was_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    "data",
    [b"", b"5", b"05\n", b"-5\n", b"5\n\n", b" 5\n", b"5\r\n", b"\xd9\xa5\n", b"9" * 19 + b"\n"],
)
def test_what_is_no_size_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedSubmission):
        parse_size(data)


def test_the_path_of_a_log_is_a_hash_of_its_origin() -> None:
    sha256 = "77245c4c78fe1db281d61b2dca009e74bd0d546e1aa526400ea8912f0a2273f8"

    assert checkpoint_path(ORIGIN) == f"{sha256}/checkpoint"


# Answers.


def test_a_cosignature_that_verifies_is_taken_with_its_time() -> None:
    others = cosignature(submission(), key=witness_key("w2"))
    post_quantum = format_signature(Signature(name=KEY.name, key_id=b"1234", value=b"5" * 2428))
    body = others + post_quantum.encode() + cosignature(submission())
    found = answered(reply(200, body))

    assert isinstance(found, Cosigned)
    assert (found.time, found.line.name) == (NOW, KEY.name)
    assert format_signature(found.line).encode() == cosignature(submission())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no cosignature"),
        (b"thank you\n", "no cosignature"),
        (b"\xff\n", "no cosignature"),
        (cosignature(submission())[:-1], "no cosignature"),
        (cosignature(submission(), text="another text\n"), "does not verify"),
        (cosignature(submission(), key=witness_key("w2")), "without a cosignature of its key"),
        (
            format_signature(Signature(name=KEY.name, key_id=KEY.key_id, value=b"5")).encode(),
            "cannot be read",
        ),
    ],
)
def test_what_is_no_cosignature_of_the_witness_is_not_taken(body: bytes, message: str) -> None:
    with pytest.raises(Declined, match=message) as raised:
        answered(reply(200, body))
    assert raised.value.reason == "unreadable"


@given(st.integers(0, 2**63 - 1) | st.integers(NOW - 2 * SKEW_S, NOW + 2 * SKEW_S))
def test_a_cosignature_from_another_time_is_not_taken(time: int) -> None:
    answer = reply(200, cosignature(submission(), time=time))
    if abs(time - NOW) <= SKEW_S:
        assert isinstance(answered(answer), Cosigned)
        return
    with pytest.raises(Declined, match="the clock of") as raised:
        answered(answer)
    assert raised.value.reason == "clock"


def test_a_witness_whose_key_cannot_be_checked_gives_nothing() -> None:
    key = VerifierKey(name="p.example", type=KeyType.ML_DSA_44, public=bytes(1312))
    line = Signature(name=key.name, key_id=key.key_id, value=b"5" * 2428)
    answer = reply(200, format_signature(line).encode())
    with pytest.raises(Declined, match="without a cosignature"):
        read_reply(answer, asked=submission(), key=key, now=NOW)


@given(st.integers(0, 60).filter(lambda size: size != 20))
def test_a_witness_may_want_another_proof(size: int) -> None:
    assert answered(reply(409, format_size(size), SIZE_TYPE)) == StartFrom(size=size)


@pytest.mark.parametrize(
    "answer",
    [
        reply(409, b"20\n", SIZE_TYPE),
        reply(409, b"no size", SIZE_TYPE),
        reply(409, b"", SIZE_TYPE),
    ],
)
def test_a_conflict_without_another_size_is_no_answer(answer: Reply) -> None:
    with pytest.raises(Declined) as raised:
        answered(answer)
    assert raised.value.reason == "unreadable"


def test_a_conflict_over_the_size_that_was_shown_is_a_fork() -> None:
    # Version 1.0 of the protocol says so where later ones say 422.
    with pytest.raises(Forked, match="another tree of 33 leaves"):
        answered(reply(409, b"33\n", SIZE_TYPE), submission(33, 33))


def test_what_does_not_go_on_from_the_tree_it_has_seen_is_a_fork() -> None:
    with pytest.raises(Forked, match=r"w1 has seen a tree of this log"):
        answered(reply(422))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (400, "answers with 400"),
        (403, "the log's verifier key"),
        (404, "does not know this log"),
        (409, "answers with 409"),
        (429, "answers with 429"),
        (301, "answers with 301"),
        (503, "answers with 503"),
    ],
)
def test_any_other_answer_is_tried_again_later(code: int, message: str) -> None:
    with pytest.raises(Declined, match=message) as raised:
        answered(reply(code, b"5\n"))
    assert raised.value.reason == "refused"


def test_a_witness_that_has_seen_more_than_the_log_has_is_an_alarm() -> None:
    asked = submission(20, 33)

    def start(size: int, head: int) -> int:
        return next_start(StartFrom(size=size), asked=asked, key=KEY, head=head)

    assert start(33, 33) == 33
    assert start(0, 40) == 0
    with pytest.raises(RolledBack, match="a tree of 41 leaves; the log has 40"):
        start(41, 40)
    with pytest.raises(Declined, match="more than was signed here last"):
        start(34, 40)


# What a witness serves.


def served(*keys: SigningKey, size: int = 33, log: SigningKey | None = None) -> bytes:
    note = signed(tree(size), log or log_key())
    lines = tuple(cosign(note.text, key, time=NOW) for key in keys)
    return format_note(Note(text=note.text, signatures=(*note.signatures, *lines)))


def test_what_a_witness_serves_counts_where_log_and_witness_signed_it() -> None:
    data = served(witness_key("w2"), witness_key())

    assert vouched(data, log=log_key().verifier, witness=KEY) == tree(33)


OTHER_LOG = signing_key("other.example/1", seed("other"))


@pytest.mark.parametrize(
    ("data", "log"),
    [
        (b"", log_key()),
        (b"text\n\n", log_key()),
        (served(), log_key()),
        (served(witness_key("w2")), log_key()),
        (served(witness_key()), signing_key(ORIGIN, seed("stolen"))),
        (served(witness_key()), OTHER_LOG),
        (served(witness_key()).replace(b"\n33\n", b"\n34\n"), log_key()),
    ],
)
def test_what_either_of_them_could_have_made_up_does_not(data: bytes, log: SigningKey) -> None:
    with pytest.raises(Declined) as raised:
        vouched(data, log=log.verifier, witness=KEY)
    assert raised.value.reason == "unreadable"


def test_a_checkpoint_of_another_log_under_the_same_key_does_not() -> None:
    note = signed(tree(33), log_key())
    elsewhere = replace(log_key().verifier, name="other.example/1")
    text = note.text.replace(ORIGIN, "third.example/1")
    signer = signing_key("other.example/1", seed("demo log"))
    line = Signature(
        name=elsewhere.name, key_id=elsewhere.key_id, value=signer.secret.sign(text.encode())
    )
    lines = (line, cosign(text, witness_key(), time=NOW))
    data = format_note(Note(text=text, signatures=lines))
    with pytest.raises(Declined, match="not signed by this log"):
        vouched(data, log=elsewhere, witness=KEY)
