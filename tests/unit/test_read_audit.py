"""The hash of a row of the read audit: what a stranger recomputes from the documented encoding."""

import hashlib
import json
import random
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from projections.checks import Position, Query
from projections.read_audit import (
    About,
    Asker,
    Opening,
    Read,
    Row,
    _question_of,
    canonical,
    first_id,
    linked,
    opening_hash,
    question,
    reads_of,
    row_hash,
)

ROOT = Path(__file__).parents[2]
MOMENT = datetime(2026, 3, 2, 10, 0, 0, 5, tzinfo=UTC)
moments = st.integers(0, 2**57).map(
    lambda n: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=n)
)
CHAIN = UUID("3d942bfe-93a9-4404-afe1-c67c77cddbc4")
PERSON = UUID("970fe938-ef16-4fa4-bc59-4bfb5b788c74")
OPENING = Opening(
    log=0, chain=CHAIN, process=UUID("5c1b4a4e-0e4d-4d8f-9a57-6d3f7a1c2b10"), started_at=MOMENT
)
ASKER = Asker(client="case-system", reason="Complaint “7” – é", trace="0" * 31 + "1")


def about(**more) -> About:
    usual: dict[str, Any] = {
        "kind": "CHECK",
        "log": 0,
        "answered_at": MOMENT,
        "subject": PERSON,
        "purpose": "PHOTO",
        "question": question(operation="USE", data=["NOTES"]),
        "position": "0:4:01234567",
        "catalogue": "0:1:89abcdef",
        "rulebook": "uk-gdpr",
        "effective_at": MOMENT,
        "known_at": MOMENT - timedelta(days=1),
        "decision": "PERMIT",
        "digest": hashlib.sha256(b"answer").digest(),
    }
    return About(**usual | more)


def read(**more) -> Read:
    (one,) = reads_of(ASKER, [about(**more)], entropy=random.Random(7).randbytes)
    return one


def row(n: int = 1, prev: bytes | None = None, **more) -> Row:
    return linked(read(**more), chain=CHAIN, n=n, prev=prev or opening_hash(OPENING))


# What is documented, spelt out once without our code.


def test_a_row_is_hashed_as_the_documentation_says():
    one = row()
    spelt = (
        '{"answer_digest":"' + hashlib.sha256(b"answer").hexdigest() + '",'
        '"answered_at":"2026-03-02T10:00:00.000005Z",'
        '"catalogue":"0:1:89abcdef",'
        '"chain":"3d942bfe-93a9-4404-afe1-c67c77cddbc4",'
        '"client":"case-system",'
        '"decision":"PERMIT",'
        '"effective_at":"2026-03-02T10:00:00.000005Z",'
        f'"id":"{one.id}",'
        '"kind":"CHECK",'
        '"known_at":"2026-03-01T10:00:00.000005Z",'
        '"log":0,"n":1,"on_behalf_of":null,'
        '"position":"0:4:01234567",'
        f'"prev":"{opening_hash(OPENING).hex()}",'
        '"purpose":"PHOTO",'
        '"question":"{\\"data\\":[\\"NOTES\\"],\\"operation\\":\\"USE\\"}",'
        '"reason":"Complaint “7” – é",'
        f'"request":"{one.id}",'
        '"rulebook":"uk-gdpr","stored_digest":null,'
        '"subject":"970fe938-ef16-4fa4-bc59-4bfb5b788c74",'
        '"trace":"00000000000000000000000000000001","v":1}'
    )
    assert canonical(one).decode() == spelt
    assert one.hash == row_hash(one) == hashlib.sha256(spelt.encode()).digest()


def test_the_beginning_of_a_chain_is_hashed_as_the_documentation_says():
    spelt = (
        '{"chain":"3d942bfe-93a9-4404-afe1-c67c77cddbc4","log":0,'
        '"process":"5c1b4a4e-0e4d-4d8f-9a57-6d3f7a1c2b10",'
        '"started_at":"2026-03-02T10:00:00.000005Z","v":1}'
    )
    assert opening_hash(OPENING) == hashlib.sha256(spelt.encode()).digest()


def test_the_documentation_names_every_member():
    text = (ROOT / "ops" / "docs" / "record.md").read_text(encoding="utf-8")
    section = text.partition("## The read audit")[2].partition("\n## ")[0]
    for name in json.loads(canonical(row())):
        assert f"`{name}`" in section, name


OTHERS: dict[str, object] = {
    "log": 1,
    "id": UUID(int=1),
    "request": UUID(int=1),
    "answered_at": MOMENT + timedelta(microseconds=1),
    "client": "other",
    "reason": None,
    "on_behalf_of": "somebody",
    "trace": "0" * 31 + "2",
    "kind": "BASES",
    "subject": None,
    "purpose": "",
    "question": "{}",
    "position": "0:4",
    "catalogue": None,
    "rulebook": "other",
    "effective_at": None,
    "known_at": MOMENT,
    "decision": "DENY",
    "answer_digest": b"d" * 32,
    "stored": b"",
    "chain": UUID(int=1),
    "n": 2,
    "prev": b"p" * 32,
}


@pytest.mark.parametrize("column", [name for name in Row.__struct_fields__ if name != "hash"])
def test_the_hash_is_over_every_column(column):
    changed = msgspec.structs.replace(row(), **{column: OTHERS[column]})
    assert row_hash(changed) != changed.hash


def test_the_hash_is_over_what_is_stored_and_not_over_itself():
    one, other = row(stored=b"sealed"), row(stored=b"sealeD")
    assert one.hash != other.hash
    assert row_hash(msgspec.structs.replace(one, hash=b"h" * 32)) == one.hash


def test_rows_are_linked_to_the_one_before_and_the_first_to_the_beginning():
    first = row()
    second = row(n=2, prev=first.hash)
    assert (first.prev, second.prev) == (opening_hash(OPENING), first.hash)
    assert first.hash != second.hash


@given(
    st.fixed_dictionaries(
        {
            "purpose": st.text(st.characters(codec="utf-8")),
            "reason": st.none() | st.text(st.characters(codec="utf-8")),
            "answered_at": moments.map(lambda one: one.astimezone(timezone(timedelta(hours=1)))),
        }
    )
)
def test_the_encoding_is_canonical_json(values):
    changed = msgspec.structs.replace(row(), **values)
    assert canonical(changed) == rfc8785.dumps(json.loads(canonical(changed)))


@given(st.dictionaries(st.text(max_size=5), st.none() | st.text() | st.booleans()))
def test_a_question_is_canonical_json(asked):
    asked = {name: value for name, value in asked.items() if name.isidentifier() and name.isascii()}
    assert question(**asked).encode() == rfc8785.dumps(asked)


# Ids.


def test_rows_of_one_request_have_ids_of_their_own_and_one_in_common():
    entropy = random.Random(7).randbytes
    first, second = reads_of(ASKER, [about(), about()], entropy=entropy)
    (third,) = reads_of(ASKER, [about()], entropy=entropy, request=first.request)
    assert len({first.id, second.id, third.id}) == 3
    assert {first.request, second.request, third.request} == {first.id}
    assert all(one.id.version == 7 for one in (first, second, third))


@given(
    moments,
    st.integers(0, 2**31),
)
def test_ids_stand_in_the_order_of_time_to_the_millisecond(moment, seed):
    (one,) = reads_of(ASKER, [about(answered_at=moment)], entropy=random.Random(seed).randbytes)
    assert first_id(moment) < one.id < first_id(moment + timedelta(milliseconds=1))


def test_a_clock_before_1970_still_makes_an_id():
    assert first_id(datetime(1, 1, 1, tzinfo=UTC)) == UUID(int=0)


# Questions.


@pytest.mark.parametrize(
    ("asked", "member", "spelt"),
    [
        ({"effective_at": date(2026, 7, 15)}, "effective_at", "2026-07-15"),
        ({"effective_at": MOMENT}, "effective_at", "2026-03-02T10:00:00.000005Z"),
        ({"known_at": MOMENT}, "known_at", "2026-03-02T10:00:00.000005Z"),
        ({"at_position": Position(log=0, n=3)}, "at_position", "0:3"),
        (
            {"min_position": Position(log=1, n=3, leaf_hash="01234567")},
            "min_position",
            "1:3:01234567",
        ),
        ({"data": ("NOTES", "IMAGES")}, "data", ["NOTES", "IMAGES"]),
        ({"operation": "SHARE", "recipient": "PRESS"}, "recipient", "PRESS"),
        ({"exception": "none"}, "exception", "none"),
    ],
)
def test_a_question_is_kept_as_it_was_asked(asked, member, spelt):
    found = json.loads(_question_of(Query(subject=PERSON, purpose="PHOTO", **asked)))
    assert found.pop(member) == spelt
    unasked = json.loads(_question_of(Query(subject=PERSON, purpose="PHOTO")))
    assert all(found[name] == unasked[name] for name in found if name not in asked)
