"""Witnesses are shown what the log becomes; what they set under it is kept, and what alarms too."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.following import Forked, RolledBack
from ledger.tlog.keys import verified
from ledger.tlog.witnessing import SIZE_TYPE, Declined, Reply, parse_submission
from projections.checkpoints import cosigned_note
from projections.witnessing import Witnessing
from tests.integration.wired import Wired
from tests.integration.witnesses import Shown, scene

AWAY = Declined("w1 cannot be reached: ConnectError", reason="unreachable")


@pytest.fixture
def shown(database: str, tmp_path: Path) -> Iterator[Shown]:
    with scene(database, tmp_path) as made:
        yield made


async def looks(shown: Shown, witnessing: Witnessing, *moments: int) -> None:
    for moment in moments:
        shown.at(moment)
        await witnessing.look()


def test_a_witness_is_shown_growth_each_minute_and_the_same_tree_each_hour(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired)
        await witnessing.look()
        assert shown.first.asked == []

        await shown.grow(wired, 5)
        await looks(shown, witnessing, 0, 30, 60, 299)
        assert shown.cosigned() == [("w1", 5, 0)]

        await shown.grow(wired, 300)
        await looks(shown, witnessing, 300)
        await shown.grow(wired, 1)
        await looks(shown, witnessing, 330, 359, 360, 390, 600)
        assert shown.cosigned()[1:] == [("w1", 305, 300), ("w1", 306, 360)]

        await looks(shown, witnessing, 3600, 3959, 3960, 3990, 7200)
        assert shown.cosigned()[3:] == [("w1", 306, 3960)]

    shown.ledger.run(story)
    assert [(one.old, one.checkpoint.size) for one in shown.first.asked] == [
        (0, 5),
        (5, 305),
        (305, 306),
        (306, 306),
    ]
    assert shown.told == []


def test_what_it_set_under_a_checkpoint_is_shown_with_it(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        await shown.grow(wired, 7)
        await shown.witnessing(wired, 3).look()
        note = await cosigned_note(wired.pool, 0)
        assert note is not None
        keys = [one.key.verifier for one in shown.watchers]
        found = verified(note, [shown.signer.verifier, *keys])
        assert [one.key for one in found] == [shown.signer.verifier, *keys]
        assert parse_checkpoint(note.text) == shown.first.seen

    shown.ledger.run(story)


def test_of_several_processes_one_asks(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        async with shown.ledger.wired() as other:
            both = [shown.witnessing(one) for one in (wired, other)]
            for minute in range(8):
                await shown.grow(wired, 1)
                shown.at(60 * minute)
                await asyncio.gather(*(one.look() for one in both))

    shown.ledger.run(story)
    assert [one.checkpoint.size for one in shown.first.asked] == list(range(1, 9))


def test_a_witness_that_has_seen_more_than_is_known_here_gets_the_proof_from_there(
    shown: Shown,
) -> None:
    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired)
        await shown.grow(wired, 300)
        await witnessing.look()
        shown.ledger.sql("DELETE FROM cosignature")
        await shown.grow(wired, 12)
        shown.at(60)
        await witnessing.look()

    shown.ledger.run(story)
    assert [one.old for one in shown.first.asked] == [0, 0, 300]
    assert shown.cosigned() == [("w1", 312, 60)]


def test_it_is_asked_again_once_and_no_more(shown: Shown) -> None:
    def conflict(size: int) -> Reply:
        return Reply(code=409, media_type=SIZE_TYPE, body=b"%d\n" % size)

    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired)
        await shown.grow(wired, 9)
        shown.first.answers = [conflict(3), conflict(4)]
        await witnessing.look()
        assert [one.old for one in shown.first.asked] == [0, 3]
        # Nothing is an alarm that may be put right by the next turn.
        shown.at(60)
        await witnessing.look()

    shown.ledger.run(story)
    assert [said for _, said in shown.told] == [
        "witness.demo.example/w1 asks for a proof again and again"
    ]
    assert shown.cosigned() == [("w1", 9, 60)]


def test_one_that_gives_nothing_is_asked_again_at_the_next_turn_and_holds_up_no_other(
    shown: Shown,
) -> None:
    forbidden = Reply(code=403, media_type="text/plain", body=b"no such log\n")
    late = Reply(code=200, media_type="text/plain", body=b"")

    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired, 2)
        await shown.grow(wired, 9)
        shown.first.answers = [AWAY, forbidden, late]
        await looks(shown, witnessing, 0, 30, 60, 120, 180)

    shown.ledger.run(story)
    assert [who for who, _ in shown.told] == ["w1", "w1", "w1"]
    assert [said.partition(" ")[2][:20] for _, said in shown.told] == [
        "cannot be reached: C",
        "does not accept the ",
        "answers with what is",
    ]
    assert shown.cosigned() == [("w2", 9, 0), ("w1", 9, 180)]
    assert shown.ages == {
        "witness.demo.example/w1": (None, 0),
        "witness.demo.example/w2": (180.0, 0),
    }


def alarms(shown: Shown) -> list[tuple[object, ...]]:
    return shown.ledger.sql(
        "SELECT right(name, 2), kind, code, settled_at IS NOT NULL FROM witness_alarm "
        "ORDER BY raised_at"
    )


def test_a_log_that_has_lost_entries_is_an_alarm_and_is_not_shown_again(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired)
        await shown.grow(wired, 300)
        await witnessing.look()
        shown.forked()
        await shown.grow(wired, 4)

        await looks(shown, witnessing, 60, 120, 3660, 7260, 86_400)
        assert alarms(shown) == [("w1", "rolled-back", 409, False)]
        assert len(shown.first.asked) == 2

    shown.ledger.run(story)
    assert shown.told == [
        ("w1", "witness.demo.example/w1 says it has seen a tree of 300 leaves; the log has 294")
    ]
    assert shown.ages["witness.demo.example/w1"] == (None, 1)


def test_a_log_that_was_rewritten_is_an_alarm_with_its_evidence(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired)
        await shown.grow(wired, 300)
        await witnessing.look()
        shown.forked()
        await shown.grow(wired, 30)
        await looks(shown, witnessing, 60, 120, 3660, 7260, 86_400)

    shown.ledger.run(story)
    assert alarms(shown) == [("w1", "forked", 422, False)]
    assert [one.old for one in shown.first.asked] == [0, 0, 300]
    ((request,),) = shown.ledger.sql("SELECT request FROM witness_alarm")
    evidence = parse_submission(request)
    # Two trees, both signed by the log, that do not belong to one history.
    assert verified(evidence.note, [shown.signer.verifier])
    assert (evidence.checkpoint.size, shown.first.seen.size) == (320, 300)


def test_once_an_alarm_is_settled_the_witness_is_asked_again(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired)
        await shown.grow(wired, 9)
        shown.first.answers = [Reply(code=422, media_type="text/plain", body=b"")]
        await witnessing.look()
        shown.at(7200)
        await witnessing.look()
        assert alarms(shown) == [("w1", "forked", 422, False)]

        assert await witnessing.settle(0, "witness.demo.example/w2") == 0
        assert await witnessing.settle(0, "witness.demo.example/w1") == 1
        assert await witnessing.settle(0, "witness.demo.example/w1") == 0
        await witnessing.look()

    shown.ledger.run(story)
    assert alarms(shown) == [("w1", "forked", 422, True)]
    assert shown.cosigned() == [("w1", 9, 7200)]


def test_a_turn_that_a_clock_has_taken_ahead_of_time_holds_up_nothing(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired)
        await shown.grow(wired, 9)
        await looks(shown, witnessing, 86_400)
        await shown.grow(wired, 1)
        await looks(shown, witnessing, 60)

    shown.ledger.run(story)
    assert sorted(shown.cosigned()) == [("w1", 9, 86_400), ("w1", 10, 60)]


# At the start.


def test_what_witnesses_have_seen_is_compared_with_what_there_is(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired, 3)
        key = shown.signer.verifier
        assert await witnessing.compare(0, key) == []
        await shown.grow(wired, 9)
        await witnessing.look()
        await shown.grow(wired, 300)
        shown.watchers[1].answers = [AWAY]
        shown.watchers[2].shown = b"nonsense"

        (seen,) = await witnessing.compare(0, key)
        assert seen == shown.first.seen
        assert [who for who, _ in shown.told] == ["w2", "w3"]

        # A tree that is being made again from its leaves says nothing yet.
        shown.ledger.sql("UPDATE tree SET size = 0")
        assert await witnessing.compare(0, key) == []

    shown.ledger.run(story)


def test_a_log_that_has_less_than_a_witness_shows_has_lost_something(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired)
        await shown.grow(wired, 30)
        await witnessing.look()
        shown.forked()
        with pytest.raises(RolledBack, match="shows a tree of 30 leaves; the log has 20"):
            await witnessing.compare(0, shown.signer.verifier)
        await shown.grow(wired, 11)
        with pytest.raises(Forked, match="shows another tree of 30 leaves"):
            await witnessing.compare(0, shown.signer.verifier)

    shown.ledger.run(story)


def test_a_witness_alone_cannot_make_up_a_log_that_has_lost_something(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        witnessing = shown.witnessing(wired)
        await shown.grow(wired, 30)
        await witnessing.look()
        assert shown.first.shown is not None
        shown.first.shown = shown.first.shown.replace(b"\n30\n", b"\n31\n")
        assert await witnessing.compare(0, shown.signer.verifier) == []
        stolen = replace(shown.signer.verifier, public=shown.first.key.verifier.public)
        assert await witnessing.compare(0, stolen) == []

    shown.ledger.run(story)
    assert len(shown.told) == 2


def test_a_follower_keeps_on_over_an_error_and_ends_when_told(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        await shown.grow(wired, 5)
        stop = asyncio.Event()
        errors: list[Exception] = []
        shown.ledger.sql("ALTER TABLE turn RENAME TO turn_away")

        def failed(error: Exception) -> None:
            errors.append(error)
            stop.set()

        await shown.witnessing(wired).follow(stop, failed=failed)
        assert len(errors) == 1
        shown.ledger.sql("ALTER TABLE turn_away RENAME TO turn")
        await shown.witnessing(wired).look()

    shown.ledger.run(story)
    assert shown.first.seen.size == 5


def test_a_tree_with_a_hole_is_shown_to_nobody(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        await shown.grow(wired, 300)
        witnessing = shown.witnessing(wired)
        await witnessing.look()
        await shown.grow(wired, 300)
        shown.ledger.sql("DELETE FROM tile")
        shown.at(60)
        with pytest.raises(Exception, match="lacks hashes"):
            await witnessing.look()

    shown.ledger.run(story)
    assert shown.first.seen.size == 300
    assert isinstance(shown.first.seen, Checkpoint)
