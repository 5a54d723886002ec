"""Packs made of a real ledger: a stranger's verifier passes them, now and later, and no others."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest

from ledger.errors import Behind, Fault, Malformed, Unavailable
from ledger.tlog.keys import format_vkey, signing_key
from projections.packs.build import build
from projections.packs.files import Enclosed, Receipts, texts_of
from projections.packs.gathering import gathered
from projections.packs.order import Order, Withhold, read_order, spelt
from projections.packs.recompute import recomputed
from projections.packs.verifier.evidence import Evidence
from projections.packs.verifier.main import verified as claims_of
from tests.integration.packing import (
    ASKED,
    MADE,
    Story,
    failed,
    files_of,
    lines_of,
    told,
    told_of,
    verified,
    verified_here,
)
from tests.integration.wired import ORIGIN, Wired, consent
from tests.integration.witnesses import BEGUN, size_of
from tests.packs import RULES
from tests.packs_bag import bagged, time_stamp, zipped


@pytest.fixture
def story(database: str, tmp_path: Path) -> Iterator[Story]:
    with told(database, tmp_path) as made:
        yield made


def test_a_stranger_passes_the_pack_and_passes_it_again_when_the_ledger_has_grown(
    story: Story, tmp_path: Path
) -> None:
    pack = story.pack(at=(ASKED,))
    claims = verified(pack.data, story.policy(), tmp_path)
    unchecked = {"ml-dsa", "receipts", "anchors", "answers", "given", "report"}
    assert claims["verdict"] == "PASS"
    assert {name for name, said in claims.items() if said != "PASS"} == unchecked

    async def later(wired: Wired) -> None:
        await story.recorded(wired, "later", story.person, consent(story.person, "2026-06-01"))
        await story.witnessed(wired)

    story.ledger.run(later)
    assert verified(pack.data, story.policy(), tmp_path) == claims
    grown = story.pack(at=(ASKED,))
    assert grown.order.size == (pack.order.size or 0) + 1
    assert verified(grown.data, story.policy(), tmp_path) == claims
    # And the first one can be made again from the larger ledger, byte for byte.
    assert story.pack(at=(ASKED,), size=pack.order.size).data == pack.data


def test_answers_are_those_of_both_clocks_and_come_out_again(story: Story) -> None:
    pack = story.pack(at=(ASKED,), purposes=("PHOTO",))
    then, now = lines_of(pack.data, "answers.jsonl")
    assert [one["answer"]["decision"] for one in (then, now)] == ["PERMIT", "DENY"]
    assert then["question"]["known_at"] == "2026-06-01T12:45:00.000000Z"
    assert now["answer"]["late_gaps"]
    said = verified_here(pack, story.policy())["answers"]
    assert said.line() == "answers: PASS 2 answers have the same bytes when recomputed"


@pytest.mark.parametrize(
    ("at", "clocks"),
    [
        (date(2026, 6, 1), ["now"]),
        (date(2018, 5, 30), ["then", "now"]),
        (BEGUN - timedelta(days=900), ["then", "now"]),
        (MADE, ["now"]),
    ],
)
def test_days_and_moments_out_of_the_story_are_answered_too(
    story: Story, at: date, clocks: list[str]
) -> None:
    pack = story.pack(at=(at,), purposes=("PHOTO", "NOTHING_KNOWN"))
    assert len(lines_of(pack.data, "answers.jsonl")) == 2 * len(clocks)
    assert verified_here(pack, story.policy())["answers"].result == "PASS"


def test_without_moments_the_answers_are_at_those_of_the_complaints(story: Story) -> None:
    pack = story.pack(purposes=("PHOTO",))
    asked = {one["question"]["effective_at"] for one in lines_of(pack.data, "answers.jsonl")}
    assert asked == {"2026-06-01T13:30:00.000000Z"}
    other = story.pack(purposes=("STUDY",))
    (one,) = lines_of(other.data, "answers.jsonl")
    assert one["question"]["effective_at"] == one["question"]["known_at"]


def test_answers_that_were_given_are_listed_for_the_purposes_and_the_period(story: Story) -> None:
    (one,) = lines_of(story.pack().data, "given.jsonl")
    assert (one["client"], one["purpose"], one["decision"]) == ("test", "PHOTO", "PERMIT")
    assert lines_of(story.pack(purposes=("STUDY",)).data, "given.jsonl") == []
    assert lines_of(story.pack(start=MADE - timedelta(hours=1)).data, "given.jsonl") == []
    assert lines_of(story.pack(end=BEGUN).data, "given.jsonl") == []


def test_the_same_order_makes_the_same_bytes_whatever_is_cosigned_later(story: Story) -> None:
    words = {"at": (ASKED,), "with_pdf": True}
    pack = story.pack(**words)

    async def cosigned_again(wired: Wired) -> None:
        story.shown.at(60 * 60 * 30)
        await story.shown.witnessing(wired, 3).look()

    story.ledger.run(cosigned_again)
    assert len(story.shown.cosigned()) > 6
    assert story.pack(**words, size=pack.order.size).data == pack.data
    assert files_of(pack.data)["data/report.pdf"].startswith(b"%PDF-")


def test_an_order_is_kept_and_read_again(story: Story) -> None:
    order = story.pack(
        at=(ASKED, date(2026, 6, 1)),
        purposes=("PHOTO",),
        start=BEGUN,
        end=MADE,
        operation="SHARE",
        data=("NOTES",),
        recipient="PRESS",
        withhold=(Withhold("note", "names others"),
                  Withhold("channel", "why", story.entries["complaint"])),
    ).order  # fmt: skip
    assert read_order(spelt(order), order.subject) == order
    assert read_order('{"pack":"another question"}', order.subject) is None


# What a changed pack comes to.


def test_a_pack_with_any_byte_changed_fails(story: Story, tmp_path: Path) -> None:
    pack = story.pack(at=(ASKED,), purposes=("PHOTO",))
    print("seed", seed := Random().randrange(2**32))
    random = Random(seed)
    files = files_of(pack.data)
    inside = {name[5:]: data for name, data in files.items() if name.startswith("data/")}
    for name, data in inside.items():
        changed = bytearray(data)
        changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
        bag = {**files, f"data/{name}": bytes(changed)}
        case = Evidence(pack=zipped(bag), policy=story.policy())
        failures = [one.code for one in claims_of(case) if one.result == "FAIL"]
        assert "E_BAG" in failures, name
    for at in random.sample(range(len(pack.data)), 60):
        torn = bytearray(pack.data)
        torn[at] ^= 1 << random.randrange(8)
        case = Evidence(pack=bytes(torn), policy=story.policy())
        failing = any(one.result == "FAIL" for one in claims_of(case))
        # Some bytes of a ZIP file are in no file of it, such as when one was put there.
        assert failing or files_of(bytes(torn)) == files, at


@pytest.mark.parametrize(
    ("name", "code"),
    [("events.jsonl", "E_INCLUSION"), ("answers.jsonl", "E_ANSWER"), ("pack.json", "E_CHAIN")],
)
def test_a_changed_pack_in_a_new_bag_fails_too(
    story: Story, tmp_path: Path, name: str, code: str
) -> None:
    pack = story.pack(at=(ASKED,), purposes=("PHOTO",))
    files = files_of(pack.data)
    inside = {one[5:]: data for one, data in files.items() if one.startswith("data/")}
    if name == "events.jsonl":
        value = json.loads(inside[name].splitlines()[-1])
        value["index"] -= 1
        lines = [*inside[name].splitlines()[:-1], msgspec.json.encode(value)]
        inside[name] = b"\n".join(lines) + b"\n"
    elif name == "answers.jsonl":
        inside[name] = inside[name].replace(b'"decision":"PERMIT"', b'"decision":"DENY"')
    else:
        inside[name] = inside[name].replace(b'"entries":5', b'"entries":4')
    case = Evidence(pack=zipped(bagged(inside)), policy=story.policy(), recompute=recomputed)
    assert code in [one.code for one in claims_of(case)]


def test_a_quorum_that_did_not_see_the_head_is_told(story: Story, tmp_path: Path) -> None:
    claims = verified(story.pack().data, story.policy("w3"), tmp_path)
    assert failed(claims) == ["E_QUORUM"]


# About a purpose, and about nothing.


def test_a_pack_about_a_purpose_has_nobody_in_it(story: Story, tmp_path: Path) -> None:
    pack = story.pack(subject=None, purposes=("PHOTO",))
    assert pack.name == f"pack-PHOTO-{pack.order.size}.zip"
    assert verified(pack.data, story.policy(), tmp_path)["verdict"] == "PASS"
    assert str(story.person).encode() not in told_of(pack)
    (one,) = lines_of(pack.data, "given.jsonl")
    assert (one["purpose"], one["reason"]) == ("PHOTO", None)
    assert [one["notice"] for one in lines_of(pack.data, "notices.jsonl")][1:] == ["photo-v1"]


def test_somebody_never_heard_of_has_a_pack_that_says_so(story: Story, tmp_path: Path) -> None:
    pack = story.pack(subject=story.ledger.subject(), at=(ASKED,), purposes=("PHOTO", "ASSESS"))
    assert verified(pack.data, story.policy(), tmp_path)["verdict"] == "PASS"
    assert verified_here(pack, story.policy())["answers"].result == "PASS"
    streams = json.loads(files_of(pack.data)["data/pack.json"])["streams"]
    assert [one["entries"] for one in streams] == [0, 2]


def test_orders_that_cannot_be_carried_out_say_which_part(story: Story) -> None:
    for words, field in (
        ({"subject": None}, "subject"),
        ({"subject": None, "purposes": ("PHOTO",), "at": (ASKED,)}, "at"),
        ({"start": MADE, "end": BEGUN}, "until"),
        ({"at": (ASKED,) * 51}, "at"),
        ({"purposes": ("P" * 201,)}, "purposes"),
        ({"at": tuple(BEGUN + timedelta(n) for n in range(50)),
          "purposes": tuple(f"P{n}" for n in range(50))}, "at"),
    ):  # fmt: skip
        with pytest.raises(Malformed) as raised:
            story.pack(**words)
        assert raised.value.field == field, words


def test_a_pack_has_so_many_entries_and_no_more(story: Story) -> None:
    async def made(wired: Wired) -> None:
        order = Order(made_at=MADE, subject=story.person)
        sources = story.sources(wired, None)
        assert len((await gathered(sources, order, entries_max=7)).entries) == 7
        for most in (6, 1):
            with pytest.raises(Malformed, match="more than"):
                await gathered(sources, order, entries_max=most)

    story.ledger.run(made)


# The checkpoint.


def test_a_witnessed_checkpoint_is_preferred_unless_it_lacks_a_day(story: Story) -> None:
    async def unseen(wired: Wired, minutes: int) -> None:
        story.minutes += minutes
        await story.recorded(wired, "unseen", story.person, consent(story.person, "2026-06-01"))
        await story.shown.grow(wired, 1)

    story.ledger.run(lambda wired: unseen(wired, 0))
    assert story.pack().order.size == 8
    story.ledger.run(lambda wired: unseen(wired, 60 * 24))
    assert story.pack().order.size == 12


def test_without_a_checkpoint_there_is_no_pack(story: Story) -> None:
    story.ledger.sql("DELETE FROM checkpoint")
    with pytest.raises(Behind, match="no checkpoint over an entry is signed yet"):
        story.pack()
    with pytest.raises(Unavailable, match="no longer kept"):
        story.pack(size=8)


def test_no_pack_is_made_of_a_ledger_that_was_changed(story: Story) -> None:
    story.ledger.sql("UPDATE entry SET leaf_hash = sha256('other') WHERE n = 6")
    with pytest.raises(Fault, match="leaf .* is not in the tree"):
        story.pack()


def test_a_changed_checkpoint_is_found_out_before_it_is_given_away(story: Story) -> None:
    async def other(wired: Wired) -> int:
        return size_of(await story.shown.grow(wired, 1))

    size = story.ledger.run(other)
    shrunk = "UPDATE checkpoint SET note = replace(note, E'\\n3\\n', E'\\n2\\n') WHERE size = 3"
    story.ledger.sql(shrunk)
    with pytest.raises(Fault, match="does not go on from"):
        story.pack(size=size)


# What comes from elsewhere.


def test_receipts_notices_a_policy_and_stamps_go_along(story: Story, tmp_path: Path) -> None:
    key = signing_key(f"{ORIGIN}/0/receipts", b"r" * 32)
    vkey = format_vkey(key.verifier)
    text = story.ledger.sql("SELECT note FROM checkpoint WHERE size = 6")[0][0]
    stamp = time_stamp("".join(line + "\n" for line in text.split("\n")[:3]).encode())
    story.ledger.sql("INSERT INTO anchor VALUES (0, 6, 'rfc3161', 'tsa', %s, %s)", stamp, BEGUN)
    enclosed = Enclosed(
        rulebook=RULES,
        software="tests",
        policy=story.policy(),
        chain=b"chain",
        receipts=Receipts(key=key, seconds=5),
    )
    pack = story.pack(enclosed=enclosed)
    files = files_of(pack.data)
    assert files["data/keys/policy.txt"] == story.policy()
    assert files["data/anchors/chain.pem"] == b"chain"
    assert files["data/anchors/6.1.tsr"] == stamp
    claims = verified(pack.data, story.policy(), tmp_path, "--receipt-key", vkey)
    assert (claims["receipts"], claims["anchors"]) == ("PASS", "NOT CHECKED")
    assert sum(name.startswith("data/receipts/") for name in files) == pack.entries


def test_the_text_of_a_notice_goes_along_where_its_digest_was_recorded(
    story: Story, tmp_path: Path
) -> None:
    text = "What we do with photographs, für alle.\n".encode()
    (digest,) = texts_of([text])

    async def published(wired: Wired) -> None:
        await story.recorded(wired, "notice", None, {
            "type": "NoticePublished", "effective_at": "2026-06-01", "notice": "photo-v2",
            "text_digest": digest,
        })  # fmt: skip
        await story.witnessed(wired)

    story.ledger.run(published)
    enclosed = Enclosed(rulebook=RULES, software="tests", texts=texts_of([text]))
    pack = story.pack(enclosed=enclosed)
    assert lines_of(pack.data, "notices.jsonl")[-1]["text"] == text.decode()
    assert verified(pack.data, story.policy(), tmp_path)["notices"] == "PASS"
    wrong = Enclosed(rulebook=RULES, software="tests", texts=texts_of([b"another"]))
    with pytest.raises(Malformed, match="the text of no notice"):
        story.pack(enclosed=wrong)
    with pytest.raises(Malformed, match="UTF-8"):
        texts_of([b"\xff"])


def test_progress_is_told_to_the_end(story: Story) -> None:
    steps: list[tuple[int, int]] = []

    async def made(wired: Wired) -> None:
        sources = msgspec.structs.replace(
            story.sources(wired, None), progress=lambda *step: steps.append(step)
        )
        order = Order(made_at=MADE, subject=story.person)
        await build(sources, order, Enclosed(rulebook=RULES, software="tests"))

    story.ledger.run(made)
    assert steps == [(n, 5) for n in range(1, 6)]
