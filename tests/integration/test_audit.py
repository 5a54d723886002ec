"""An audit of a whole log: a sound one passes, and whatever is wrong has a code and a place."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import Malformed
from ledger.tlog.checkpoint import Checkpoint, signed
from ledger.tlog.keys import signing_key
from ledger.tlog.note import format_note
from projections.tree import Tree
from tests.integration.auditable import (
    HELD,
    SIZE,
    Site,
    four_streams,
)
from tests.integration.tampering import attacker, restore
from tests.integration.wired import ORIGIN, Wired


@pytest.fixture(scope="module")
def recorded(postgres: str, module_place: Path) -> Iterator[Site]:
    with four_streams(postgres, module_place) as made:
        yield made


@pytest.fixture
def site(recorded: Site) -> Iterator[Site]:
    yield recorded
    restore(recorded.ledger)


def test_a_sound_log_passes_and_it_is_said_what_vouches_for_it(site: Site) -> None:
    one = site.audited(held=(site.held,))

    async def story(wired: Wired) -> bytes:
        return await Tree(wired.pool, 0).root(SIZE)

    assert (one.findings, one.counts, one.listed) == (0, {}, [])
    assert one.root == base64.b64encode(site.ledger.run(story)).decode()
    ((last,),) = site.ledger.sql("SELECT leaf_hash FROM entry WHERE n = %s", SIZE)
    assert one.position == f"0:{SIZE}:{last.hex()[:8]}"
    assert (one.entries, one.streams, one.emptied) == (SIZE, 4, 0)
    assert (one.checkpoints, one.signed, one.witnessed, one.held) == (8, SIZE, 266, HELD)
    assert (one.cosignatures, one.cosignatures_not_checked) == (2, 0)


def test_without_a_policy_no_signature_is_said_to_be_checked(site: Site) -> None:
    one = site.audited(policy=None, held=(site.held,))

    assert (one.findings, one.checkpoints, one.held) == (0, 8, HELD)
    assert (one.signed, one.witnessed) == (0, 0)
    assert (one.cosignatures, one.cosignatures_not_checked) == (0, 2)


E = "UPDATE entry SET "
H = "UPDATE log_head SET "
WRONG: dict[str, tuple[str, set[tuple[str, int, int]]]] = {
    "an entry gone": (
        "DELETE FROM entry WHERE n = 300",
        {("ENTRY_MISSING", 300, 300), ("STREAM_GAP", 301, 301)},
    ),
    "several gone": (
        "DELETE FROM entry WHERE n BETWEEN 2 AND 4",
        {("ENTRY_MISSING", 2, 4), ("STREAM_GAP", 265, 265)},
    ),
    "the last gone": (f"DELETE FROM entry WHERE n = {SIZE}", {("ENTRY_MISSING", SIZE, SIZE)}),
    "an entry beyond the end": (
        "INSERT INTO entry SELECT log, 549, gen_random_uuid(), version, name,"
        " '019abcde-1234-7abc-8def-0123456789ab', container, digests, leaf, leaf_hash,"
        " recorded_at, client, idempotency_key FROM entry WHERE n = 1",
        {("ENTRY_BEYOND_END", 549, 549)},
    ),
    "no leaf": (
        f"{E} leaf = 'no leaf' WHERE n = 9",
        {("LEAF_HASH", 9, 9), ("LEAF_MALFORMED", 9, 9)},
    ),
    "an empty leaf": (f"{E} leaf = '' WHERE n = 9", {("LEAF_EMPTIED", 9, 9)}),
    "a leaf of its own": (
        f"{E} leaf = (SELECT leaf FROM entry WHERE n = 10) WHERE n = 9",
        {("LEAF_HASH", 9, 9), ("LEAF_DIFFERS", 9, 9)},
    ),
    "a hash of its own": (
        f"{E} leaf_hash = sha256('x') WHERE n = 515",
        {("LEAF_HASH", 515, 515), ("CHAIN", 515, 516), ("ROOT", 267, 516)},
    ),
    "a name": (f"{E} name = 'ConsentRefused' WHERE n = 9", {("LEAF_DIFFERS", 9, 9)}),
    "a digest": (f"{E} digests = digests || sha256('x') WHERE n = 9", {("LEAF_DIFFERS", 9, 9)}),
    "an event": (
        f"{E} event_id = '019abcde-1234-7abc-8def-0123456789ab' WHERE n = 9",
        {("LEAF_DIFFERS", 9, 9)},
    ),
    "a version": (
        f"{E} version = 900 WHERE n = 9",
        {("LEAF_DIFFERS", 9, 9), ("STREAM_GAP", 9, 9), ("STREAM_GAP", 10, 10)},
    ),
    "a stream": (
        f"{E} stream = '4c1d1f5e-6a0b-4d8e-9b7a-1f2e3d4c5b6a' WHERE n = 9",
        {("LEAF_DIFFERS", 9, 9), ("STREAM_GAP", 9, 9), ("STREAM_GAP", 10, 10)},
    ),
    "an earlier stamp": (
        f"{E} recorded_at = recorded_at - interval '1 day' WHERE n = 9",
        {("LEAF_DIFFERS", 9, 9), ("TIME_ORDER", 9, 9)},
    ),
    "a later stamp": (
        f"{E} recorded_at = recorded_at + interval '1 day' WHERE n = 9",
        {("LEAF_DIFFERS", 9, 9), ("TIME_ORDER", 10, 10)},
    ),
    "a stamp a microsecond off": (
        f"{E} recorded_at = recorded_at + interval '1 microsecond' WHERE n = 204",
        {("LEAF_DIFFERS", 204, 204)},
    ),
    "a stamp without end": (
        f"{E} recorded_at = 'infinity' WHERE n = 9",
        {("LEAF_DIFFERS", 9, 9), ("TIME_ORDER", 10, 10)},
    ),
    "a stamp before the common era": (
        f"{E} recorded_at = '0044-03-15 BC' WHERE n = 9",
        {("LEAF_DIFFERS", 9, 9), ("TIME_ORDER", 9, 9)},
    ),
    "the hash of the head": (f"{H} leaf_hash = sha256('x')", {("HEAD", SIZE, SIZE)}),
    "no hash of the head": (f"{H} leaf_hash = NULL", {("HEAD", SIZE, SIZE)}),
    "the stamp of the head": (f"{H} recorded_at = 'infinity'", {("HEAD", SIZE, SIZE)}),
    "the origin of the head": (f"{H} origin = 'other.example/0'", {("HEAD", SIZE, SIZE)}),
    "a head too small": (
        f"{H} size = 540",
        {("ENTRY_BEYOND_END", 541, SIZE), ("CUT_OFF", 541, SIZE), ("HEAD", 540, 540)},
    ),
    "a head too large": (
        f"{H} size = 560",
        {("ENTRY_MISSING", 547, 560)},
    ),
    "a tile": ("UPDATE tile SET hash = sha256('x') WHERE idx = 1", {("TILE", 257, 512)}),
    "no tiles": ("DELETE FROM tile", {("TILE", 1, 512)}),
    "a tile too many": (
        "INSERT INTO tile VALUES (0, 1, 2, sha256('x'))",
        {("TILE", 513, 768)},
    ),
    "a tile of a level that is not there": (
        "INSERT INTO tile VALUES (0, 2, 0, sha256('x'))",
        {("TILE", 1, 65_536)},
    ),
    "a tree too large": ("UPDATE tree SET size = 600", {("CUT_OFF", 547, 600)}),
    "a tree too small": ("UPDATE tree SET size = 500", {("TILE", 257, 512)}),
    "no checkpoint": ("UPDATE checkpoint SET note = '' WHERE size = 4", {("CHECKPOINT", 4, 4)}),
    "a root": (
        "UPDATE checkpoint SET root = sha256('x') WHERE size = 4",
        {("CHECKPOINT", 4, 4)},
    ),
    "a checkpoint of another size": (
        "UPDATE checkpoint SET size = 5 WHERE size = 4",
        {("CHECKPOINT", 5, 5)},
    ),
    "a checkpoint beyond the end": (
        "UPDATE checkpoint SET size = 900 WHERE size = 4",
        {("CUT_OFF", 547, 900)},
    ),
    "a checkpoint gone that was cosigned": (
        "DELETE FROM checkpoint WHERE size = 264",
        {("COSIGNATURE", 264, 264)},
    ),
    "a cosignature moved": (
        "UPDATE cosignature SET size = 265 WHERE size = 264",
        {("COSIGNATURE", 265, 265)},
    ),
    "a line": (
        "UPDATE cosignature SET line = 'nothing' WHERE size = 266",
        {("COSIGNATURE", 266, 266)},
    ),
    "the time of a line": (
        "UPDATE cosignature SET cosigned_at = 'infinity' WHERE size = 266",
        {("COSIGNATURE", 266, 266)},
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found_and_nothing_else_is(site: Site, what: str) -> None:
    change, expected = WRONG[what]
    site.ledger.sql(change)

    assert site.found() == expected


def test_a_forged_entry_lies_between_the_last_good_checkpoint_and_the_first_bad(site: Site) -> None:
    with attacker(site.ledger) as one:
        one.forge(100, digests=b"d" * 32)
        one.rechain(100)
    assert site.found() == {("TILE", 1, 256), ("ROOT", 5, 204)}

    with attacker(site.ledger) as one:
        one.retile()
    assert site.found() == {("ROOT", 5, 204)}
    audited = site.audited(held=(site.held,))
    assert (audited.signed, audited.held, audited.checkpoints) == (4, 0, 2)
    assert "the checkpoint of 204 was signed for; nor are 6 later ones" in audited.listed[0].detail


def test_a_history_that_was_made_anew_is_found_out_by_what_is_held(site: Site) -> None:
    """Every trace in the database agrees; no checkpoint of it is left."""
    with attacker(site.ledger) as one:
        one.forge(100, digests=b"d" * 32)
        one.rechain(100)
        one.retile()
        one.run("DELETE FROM checkpoint")
        one.run("DELETE FROM cosignature")
    assert site.found() == set()
    assert site.found(held=(site.held,)) == {("ROOT", 1, HELD)}

    with attacker(site.ledger) as one:
        one.run("DELETE FROM entry WHERE n > 90")
        one.retile()
        one.rehead()
    assert site.found() == set()
    assert site.found(held=(site.held,)) == {("CUT_OFF", 91, HELD)}


def test_a_checkpoint_of_another_history_is_found_though_it_is_signed(site: Site) -> None:
    forked = site.key.sign(Checkpoint(origin=f"{ORIGIN}/0", size=204, root=b"r" * 32))
    site.ledger.sql(
        "UPDATE checkpoint SET root = %s, note = %s WHERE size = 204",
        b"r" * 32,
        format_note(forked).decode(),
    )
    assert site.found() == {("CHECKPOINT_FORK", 204, 204)}
    assert site.found(held=(forked,)) == {("CHECKPOINT_FORK", 204, 204)}


def test_a_checkpoint_that_another_key_signed_is_found(site: Site) -> None:
    other = signing_key(f"{ORIGIN}/0", b"o" * 32)
    ((root,),) = site.ledger.sql("SELECT root FROM checkpoint WHERE size = 204")
    note = signed(Checkpoint(origin=f"{ORIGIN}/0", size=204, root=root), other)
    site.ledger.sql("UPDATE checkpoint SET note = %s WHERE size = 204", format_note(note).decode())

    assert site.found() == {("CHECKPOINT_SIGNATURE", 204, 204)}
    assert site.found(policy=None) == set()
    with pytest.raises(Malformed, match="no log of the policy"):
        site.audited(held=(note,))


def test_a_checkpoint_of_another_ledger_is_refused(site: Site) -> None:
    note = signed(
        Checkpoint(origin="other.example/0", size=1, root=b"r" * 32),
        signing_key("other.example/0", b"o" * 32),
    )
    with pytest.raises(Malformed, match="a log that this ledger does not have"):
        site.audited(policy=None, held=(note,))


def test_an_erasure_may_explain_an_empty_leaf(site: Site) -> None:
    site.ledger.sql("UPDATE entry SET leaf = '' WHERE n IN (9, 300)")

    def allowed(log: int, n: int) -> bool:
        return (log, n) == (0, 9)

    one = site.audited(may_be_empty=allowed)
    assert [(each.code, each.n) for each in one.listed] == [("LEAF_EMPTIED", 300)]
    assert one.emptied == 1


def test_what_is_listed_is_bounded_and_all_is_counted(site: Site) -> None:
    site.ledger.sql("UPDATE entry SET name = 'X' WHERE n > 30 AND n <= 300")
    one = site.audited(listed_max=7)

    assert [each.n for each in one.listed] == [31, 32, 33, 34, 35, 36, 37]
    assert (one.findings, one.counts) == (270, {"LEAF_DIFFERS": 270})
