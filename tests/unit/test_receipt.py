"""Receipts: the published one, one spelling, and nobody else's promise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.keys import Unverified, format_vkey, signing_key
from ledger.tlog.note import Note, format_note, from_base64
from ledger.tlog.receipt import (
    MalformedReceipt,
    Promise,
    format_promise,
    parse_promise,
    promised,
    read_receipt,
)
from tests.unit.trees import ORIGIN, log_key, seed

KEY = signing_key(f"{ORIGIN}/receipts", seed("demo receipts"))
PROMISE = Promise(
    log=ORIGIN,
    index=1000,
    leaf_hash=from_base64("7mrIFT5JH6HDXuk/7WfWpo1/mzqjy+7MUIBXy2yq+Kw="),
    recorded_at=datetime(2026, 11, 23, 14, 33, 12, 123456, tzinfo=UTC),
    seconds=5,
)
PUBLISHED = f"""\
consent-ledger/receipt/v1
{ORIGIN}
1000
7mrIFT5JH6HDXuk/7WfWpo1/mzqjy+7MUIBXy2yq+Kw=
2026-11-23T14:33:12.123456Z
5

— {ORIGIN}/receipts HPt324AFneSn07jXUG3WBPxLKQt0KwacQbTNecKnLMoudJEfvgrI0oa0Ear9hEEWlKZkCaNstppL830YcFtmd5kCdAs=
"""  # noqa: E501
TEXT = format_promise(PROMISE)

promises = st.builds(
    Promise,
    log=st.just(ORIGIN),
    index=st.integers(0, 10**18 - 1),
    leaf_hash=st.binary(min_size=32, max_size=32),
    recorded_at=st.datetimes(timezones=st.just(UTC)),
    seconds=st.integers(0, 10**6),
)


def test_the_receipt_is_the_published_one() -> None:
    vkey = f"{ORIGIN}/receipts+1cfb77db+AT1pT7/+43cO1aB8IXaeu1vmyNwQBPx/1KOyxIrO3xMq"
    assert format_vkey(KEY.verifier) == vkey
    assert format_note(promised(PROMISE, KEY)).decode() == PUBLISHED
    assert read_receipt(promised(PROMISE, KEY), KEY.verifier) == PROMISE


@given(promises)
def test_a_promise_is_read_as_it_was_written(one: Promise) -> None:
    assert parse_promise(format_promise(one)) == one


@given(st.data())
def test_what_is_read_has_no_other_spelling(draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(TEXT) - 1))
    text = TEXT[:at] + draw.draw(st.text(max_size=2)) + TEXT[at + 1 :]
    try:
        found = parse_promise(text)
    except MalformedReceipt:
        return
    assert format_promise(found) == text


def test_a_moment_is_written_in_utc() -> None:
    elsewhere = PROMISE.recorded_at.astimezone(timezone(timedelta(hours=5)))
    assert format_promise(replace(PROMISE, recorded_at=elsewhere)) == TEXT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "five lines"),
        (TEXT + "more\n", "five lines"),
        (TEXT.replace("/v1", "/v2"), "five lines"),
        (TEXT.replace("\n1000\n", "\n-1\n"), "an index"),
        (TEXT.replace("\n1000\n", "\n01000\n"), "an index"),
        (TEXT.replace("\n5\n", "\nfive\n"), "number of seconds"),
        (TEXT.replace(".123456Z", "Z"), "microsecond"),
        (TEXT.replace("2026-11-23", "2026-13-23"), "month"),
        (TEXT.replace(ORIGIN, "a b"), "no space"),
        (TEXT.replace("7mrI", "7mr!"), "base64"),
        (TEXT.replace("7mrIFT5JH6HDXuk/7WfWpo1/mzqjy+7MUIBXy2yq+Kw=", "AAAA"), "32 bytes"),
    ],
)
def test_what_promises_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(MalformedReceipt, match=message):
        parse_promise(text)


def test_a_log_promises_for_itself_alone() -> None:
    with pytest.raises(MalformedReceipt, match="under its own name"):
        promised(PROMISE, log_key())
    for other in (log_key(), signing_key(f"{ORIGIN}/receipts", seed("another"))):
        with pytest.raises(MalformedReceipt, match="did not sign"):
            read_receipt(promised(PROMISE, KEY), other.verifier)


def test_a_changed_promise_is_found_out() -> None:
    note = promised(PROMISE, KEY)
    other = Note(text=note.text.replace("\n1000\n", "\n1001\n"), signatures=note.signatures)
    with pytest.raises(Unverified):
        read_receipt(other, KEY.verifier)
