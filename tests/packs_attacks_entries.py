"""Attacked packs: leaves, and what is shown of the entries or said to be withheld."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from ledger.disclosure import base64url, digest, disclosure
from tests.packs import b64, payload
from tests.packs_attacks import Files, attack, edited
from tests.packs_attacks_streams import erased_whole
from tests.packs_log import Log, story
from tests.unit.trees import ORIGIN

SALT = bytes(range(16))
GRANT, WITHDRAWAL, AGAIN = 4, 6, 7
"""Lines of events.jsonl: a consent, its withdrawal, and the last entry about the person."""


def spelt_otherwise(log: Log, before: bytes, after: bytes, place: int = 9) -> None:
    """Put into the tree another spelling of the leaf."""
    leaf = log.leaves()[place]
    assert leaf.count(before) == 1
    log.entries[place].leaf = leaf.replace(before, after)


# Leaves.


@attack("E_LEAF", "leaves", on="log", threat=19)
def leaf_with_a_space(log: Log) -> None:
    spelt_otherwise(log, b'"seq":', b'"seq": ')


@attack("E_LEAF", "leaves", on="log", threat=19)
def leaf_with_a_name_twice(log: Log) -> None:
    spelt_otherwise(log, b',"v":1}', b',"type":"ConsentGranted","v":1}')


@attack("E_LEAF", "leaves", on="log")
def leaf_of_another_version(log: Log) -> None:
    spelt_otherwise(log, b',"v":1}', b',"v":2}')


@attack("E_LEAF", "leaves", on="log")
def leaf_on_a_day_that_never_was(log: Log) -> None:
    spelt_otherwise(log, b"2026-03-02T", b"2026-02-30T")


@attack("E_LEAF", "leaves", on="log")
def leaf_that_is_first_and_follows_one(log: Log) -> None:
    spelt_otherwise(log, b'"seq":4', b'"seq":1')


@attack("E_LEAF", "leaves", on="log")
def leaf_beyond_what_numbers_hold(log: Log) -> None:
    spelt_otherwise(log, b'"seq":4', b'"seq":%d' % 2**53)


@attack("E_LEAF", "leaves", on="log")
def leaf_with_a_commitment_spelt_otherwise(log: Log) -> None:
    leaf = log.leaves()[9]
    spelt_otherwise(log, leaf[15:59], leaf[15:57] + bytes([leaf[57] + 1]) + b"=")


@attack("E_LEAF", "leaves", on="log")
def leaf_with_a_prev_spelt_otherwise(log: Log) -> None:
    prev = b64(log.hashes()[6]).encode()
    spelt_otherwise(log, prev, prev[:-2] + bytes([prev[-2] + 1]) + b"=")


@attack("E_LEAF", "leaves", on="log")
def leaf_that_is_too_long(log: Log) -> None:
    spelt_otherwise(log, ORIGIN.encode(), b"x" * 4000)


@attack("E_ORIGIN", "leaves", on="log", threat=11)
def leaf_of_another_log(log: Log) -> None:
    log.entries[9].log = "ledger.demo.example/other"


@attack("E_DUPLICATE", "leaves", threat=10)
def entry_shown_twice(inside: Files) -> None:
    lines = inside["events.jsonl"].splitlines(keepends=True)
    inside["events.jsonl"] = b"".join([*lines, lines[-1]])


@attack("E_DUPLICATE", "leaves", on="log", threat=10)
def entry_recorded_again(log: Log) -> None:
    """A grant stands in the log once more, after the withdrawal, under the same id."""
    log.entries[11].event_id = log.entries[6].event_id


@attack("E_DUPLICATE", "leaves")
def entry_shown_and_erased(inside: Files) -> None:
    lines = inside["events.jsonl"].splitlines(keepends=True)
    erased = erased_whole(inside, 6)["events.jsonl"].splitlines(keepends=True)
    inside["events.jsonl"] = b"".join([*lines[:GRANT], erased[GRANT], *lines[GRANT:]])


# What is shown.


@attack("E_COMMITMENT", "commitments")
def digests_in_another_order(inside: Files) -> Files:
    return edited(inside, "events.jsonl", lambda event: event["digests"].reverse(), at=GRANT)


@attack("E_COMMITMENT", "commitments")
def committed_to_in_another_order(_: Files) -> Files:
    """The leaf commits to digests that descend: two sets could be taken for one another."""
    log = story()
    digests = b"".join(log.entries[9].digests[::-1])
    said = b64(sha256(b"consent-ledger/sd/v1\n" + digests).digest()).encode()
    leaf = log.leaves()[9]
    log.entries[9].leaf = leaf.replace(leaf[15:59], said)

    def reverse(event: dict[str, Any]) -> None:
        event["digests"].reverse()

    return edited(payload(log), "events.jsonl", reverse, at=WITHDRAWAL)


@attack("E_COMMITMENT", "commitments")
def digest_left_out(inside: Files) -> Files:
    """A field is not only withheld: its digest is gone."""

    def change(event: dict[str, Any]) -> None:
        gone = event["disclosures"].pop()
        event["digests"].remove(b64(digest(gone)))

    return edited(inside, "events.jsonl", change, at=GRANT)


@attack("E_DISCLOSURE", "disclosures")
def field_that_was_never_recorded(inside: Files) -> Files:
    def change(event: dict[str, Any]) -> None:
        event["disclosures"][-1] = disclosure(salt=SALT, name="note", value="she agreed")

    return edited(inside, "events.jsonl", change, at=GRANT)


@attack("E_DISCLOSURE", "disclosures")
def field_of_another_entry(inside: Files) -> Files:
    other = story().entries[9].content[0]
    return edited(
        inside, "events.jsonl", lambda event: event["disclosures"].append(other), at=GRANT
    )


@attack("E_DISCLOSURE", "disclosures")
def field_that_is_not_ascii(inside: Files) -> Files:
    return edited(inside, "events.jsonl", lambda event: event["disclosures"].append("é"), at=GRANT)


@attack("E_DISCLOSURE", "disclosures")
def field_that_is_half_a_character(inside: Files) -> Files:
    half = "\ud800"
    return edited(inside, "events.jsonl", lambda event: event["disclosures"].append(half), at=GRANT)


@attack("E_DISCLOSURE", "disclosures", on="log", threat=20)
def two_values_of_one_field(log: Log) -> None:
    log.entries[6].content.append(disclosure(salt=SALT, name="note", value="by telephone"))


@attack("E_DISCLOSURE", "disclosures", on="log")
def salt_too_short(log: Log) -> None:
    log.entries[6].content.append(disclosure(salt=SALT[:15], name="more", value=1))


def raw(text: bytes) -> str:
    """The text as a disclosure, whatever it says."""
    return urlsafe_b64encode(text).rstrip(b"=").decode()


@attack("E_DISCLOSURE", "disclosures", on="log")
def salt_that_is_a_number(log: Log) -> None:
    log.entries[6].content.append(raw(b'[12345678901234,"more",1]'))


@attack("E_DISCLOSURE", "disclosures", on="log")
def salt_in_another_alphabet(log: Log) -> None:
    log.entries[6].content.append(raw(b'["AAAAAAAAAAAAAAAAAAAA/+","more",1]'))


@attack("E_DISCLOSURE", "disclosures", on="log")
def disclosure_of_two_parts(log: Log) -> None:
    """Of an element of a list, as RFC 9901 also has it."""
    log.entries[6].content.append(raw(b'["%s","more"]' % base64url(SALT).encode()))


@attack("E_DISCLOSURE", "disclosures", on="log")
def disclosure_of_four_parts(log: Log) -> None:
    log.entries[6].content.append(raw(b'["%s","more",1,2]' % base64url(SALT).encode()))


@attack("E_DISCLOSURE", "disclosures", on="log")
def disclosure_of_an_object(log: Log) -> None:
    log.entries[6].content.append(raw(b'{"0":1,"1":"more","2":3}'))


@attack("E_DISCLOSURE", "disclosures", on="log")
def disclosure_named_by_a_number(log: Log) -> None:
    log.entries[6].content.append(raw(b'["%s",1,1]' % base64url(SALT).encode()))


@attack("E_DISCLOSURE", "disclosures", on="log")
def disclosure_in_another_alphabet(log: Log) -> None:
    log.entries[6].content.append(raw(b'["%s","more",1]' % base64url(SALT).encode()) + "!")


@attack("E_DISCLOSURE", "disclosures", on="log", threat=20)
def value_of_two_readings(log: Log) -> None:
    text = b'["%s","more",{"a":1,"a":2}]' % base64url(SALT).encode()
    log.entries[6].content.append(raw(text))


@attack("E_DISCLOSURE", "disclosures", on="log")
def disclosure_that_is_no_json(log: Log) -> None:
    log.entries[6].content.append(raw(b'["%s","more",' % base64url(SALT).encode()))


# What is said to be withheld or erased.


@attack("E_PACK", "disclosures")
def shown_and_said_to_be_withheld(inside: Files) -> Files:
    """Something else of the entry is hidden in its place."""
    content = story().entries[11].content

    def change(event: dict[str, Any]) -> None:
        event["disclosures"] = [*event["disclosures"][1:], *content]

    return edited(inside, "events.jsonl", change, at=AGAIN)


@attack("E_PACK", "disclosures")
def more_withheld_than_hidden(inside: Files) -> Files:
    def change(about: dict[str, Any]) -> None:
        about["withheld"].append({**about["withheld"][0], "field": "evidence"})

    return edited(inside, "pack.json", change)


@attack("E_PACK", "disclosures")
def withheld_from_an_entry_that_is_not_here(inside: Files) -> Files:
    def change(about: dict[str, Any]) -> None:
        about["withheld"][0]["event_id"] = story().entries[10].event_id

    return edited(inside, "pack.json", change)


@attack("E_PACK", "disclosures")
def erased_and_shown_whole(inside: Files) -> Files:
    return edited(inside, "events.jsonl", lambda event: event.update(erased="L1"), at=GRANT)


@attack("E_DISCLOSURE", "notices")
def notice_of_other_words(inside: Files) -> Files:
    return edited(inside, "notices.jsonl", lambda one: one.update(text="We sell them.\n"), at=1)


@attack("E_DISCLOSURE", "notices")
def notice_of_another_name(inside: Files) -> Files:
    return edited(inside, "notices.jsonl", lambda one: one.update(notice="photo-v2"), at=1)


@attack("E_DISCLOSURE", "notices")
def catalogue_changed_where_true_is_like_one(inside: Files) -> Files:
    def change(one: dict[str, Any]) -> None:
        purpose = one["notice"]["purposes"][0]
        purpose["task"] = int(purpose["task"])

    return edited(inside, "notices.jsonl", change)


@attack("E_DISCLOSURE", "notices")
def notice_of_an_entry_that_is_not_here(inside: Files) -> Files:
    other = story().entries[4].event_id
    return edited(inside, "notices.jsonl", lambda one: one.update(event_id=other), at=1)
