"""Identifiers: one index for every spelling, none for what cannot be one, and no echo of any."""

import hashlib
import hmac
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.identifiers import InvalidIdentifier, blind_index, normalised

KEY = hashlib.sha256(b"demo bik").digest()
PUBLISHED = bytes.fromhex("6a0c059f09d0a310cb1690a08dbd4825a8d760e4e8de2375f041af13026d2bd6")


def index(value: str, scheme: str = "nhs_number") -> bytes:
    return blind_index(key=KEY, scheme=scheme, value=value)


@pytest.mark.parametrize(
    "spelling",
    ["9990000018", "999 000 0018", "999-000-0018", " 9990000018\n", "999\u00a0000\u00a00018"],
)
def test_every_spelling_of_an_nhs_number_has_the_published_index(spelling):
    assert index(spelling) == PUBLISHED


@pytest.mark.parametrize(
    "value",
    [
        "",
        "999 000 001",
        "999 000 00180",
        "9990000019",
        "999000001X",
        "999/000/0018",
        "٩٩٩٠٠٠٠٠١٨",
        "\uff19990000018",
    ],
)
def test_what_is_no_nhs_number_is_refused(value):
    with pytest.raises(InvalidIdentifier, match=r"^value: an NHS number has ten digits"):
        index(value)


@given(st.integers(0, 999_999_999))
def test_at_most_one_check_digit_fits_and_a_remainder_of_one_fits_none(nine):
    fits = []
    for last in range(10):
        try:
            fits.append(normalised(scheme="nhs_number", value=f"{nine:09}{last}"))
        except InvalidIdentifier:
            continue
    weighted = sum(w * int(d) for w, d in zip(range(10, 1, -1), f"{nine:09}", strict=True))
    needed = 11 - weighted % 11
    assert fits == ([] if needed == 10 else [f"{nine:09}{needed % 11}"])


@pytest.mark.parametrize("upn", ["B801200005001", "P207000016049", "b80120 0005001 "])
def test_a_pupil_number_is_checked_by_its_letter(upn):
    assert normalised(scheme="upn", value=upn) == "".join(upn.split()).upper()


def test_a_temporary_pupil_number_ends_in_a_letter_that_counts():
    worth = "ABCDEFGHJKLMNPQRTUVWXYZ"
    total = sum(place * int(d) for place, d in enumerate("80120000500", start=2))
    letter = worth[(total + 13 * worth.index("T")) % 23]
    assert normalised(scheme="upn", value=f"{letter}80120000500T") == f"{letter}80120000500T"


@pytest.mark.parametrize(
    "value", ["A801200005001", "S801200005001", "B80120000500", "UN1", "", "x" * 13]
)
def test_what_is_no_pupil_number_is_refused(value):
    with pytest.raises(InvalidIdentifier, match=r"^value: a UPN has a check letter"):
        index(value, "upn")


def test_other_schemes_ignore_outer_space_and_how_an_accent_is_composed():
    assert index(" Zoe\u0308-7 ", "case_id") == index("Zo\u00eb-7", "case_id")
    assert index("zoë-7", "case_id") != index("Zoë-7", "case_id")


@pytest.mark.parametrize("value", ["", " \n", "\ud800", "x" * 201])
def test_a_value_that_says_nothing_or_too_much_is_refused(value):
    with pytest.raises(InvalidIdentifier, match=r"^value: "):
        index(value, "case_id")


@pytest.mark.parametrize("scheme", ["", "NHS", "nhs-number", "1st", "a" * 33, "case\n", "case id"])
def test_a_scheme_that_is_no_name_is_refused(scheme):
    with pytest.raises(InvalidIdentifier, match=r"^scheme: use lower-case"):
        index("x", scheme)


@given(scheme=st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True), value=st.text(max_size=80))
def test_an_index_is_keyed_and_labelled_with_the_scheme(scheme, value):
    try:
        text = normalised(scheme=scheme, value=value)
    except InvalidIdentifier:
        return
    label = scheme.replace("_", "-")
    message = f"consent-ledger/bidx/v1\n{label}\n{text}".encode()
    assert index(value, scheme) == hmac.new(KEY, message, "sha256").digest()
    assert index(text, scheme) == index(value, scheme)
    assert blind_index(key=bytes(32), scheme=scheme, value=value) != index(value, scheme)


@pytest.mark.parametrize("scheme", ["nhs_number", "upn", "Mrs Jones"])
def test_an_error_never_repeats_the_identifier(scheme):
    with pytest.raises(Malformed) as caught:
        index("9434765919 Mrs Jones", scheme)
    told = "".join(traceback.format_exception_only(caught.value)) + repr(caught.value)
    assert "943" not in told
    assert "Jones" not in told
    assert caught.value.__cause__ is caught.value.__context__ is None
