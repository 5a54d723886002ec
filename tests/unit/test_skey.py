"""Private keys of notes as text."""

import pytest

from ledger.tlog.keys import MalformedKey, sign
from ledger.tlog.note import base64_of
from ledger.tlog.skey import format_skey, parse_skey
from tests.unit.trees import log_key, witness_key

GO = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
"""The example of golang.org/x/mod/sumdb/note, with the note that it signs."""
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"  # noqa: E501
GO_SIGNATURE = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)


@pytest.mark.parametrize("key", [log_key(), witness_key()])
def test_a_key_is_read_as_it_was_written(key) -> None:
    again = parse_skey(format_skey(key))
    assert again.verifier == key.verifier
    assert format_skey(again) == format_skey(key)


def test_the_key_of_another_implementation_signs_as_it_does_there() -> None:
    made = sign(GO_TEXT, parse_skey(GO))
    assert base64_of(made.key_id + made.value) == GO_SIGNATURE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begins with"),
        (GO.removeprefix("PRIVATE+"), "begins with"),
        ("PRIVATE+KEY+PeterNeumann+c74f20a3", "begins with"),
        (GO.replace("c74f20a3", "c74f20a4"), "the ID"),
        (GO.replace("PeterNeumann", "Peter Neumann"), "no space"),
        (GO[:-1] + "!", "is base64"),
        (GO[:-4], "of a kind"),
        (GO.replace("AYEK", "AgEK"), "of a kind"),
    ],
)
def test_a_text_that_is_no_private_key_is_refused_without_repeating_it(
    text: str, message: str
) -> None:
    with pytest.raises(MalformedKey, match=message) as refused:
        parse_skey(text)
    assert "YEKFALVFG" not in str(refused.value)
