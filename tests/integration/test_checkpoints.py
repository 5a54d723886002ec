"""Checkpoints as they are shown, and which of them are kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.tlog.keys import cosign, format_vkey, verified
from ledger.tlog.note import SIGNATURES_MAX, format_note, format_signature
from ledger.tlog.policy import Policy, parse_policy
from projections.checkpoints import cosigned_note, prune, witnessed_note
from tests.integration.wired import Wired
from tests.integration.witnesses import BEGUN, Shown, scene, size_of
from tests.unit.trees import witness_key

DAY = 86_400


@pytest.fixture
def shown(database: str, tmp_path: Path) -> Iterator[Shown]:
    with scene(database, tmp_path) as made:
        yield made


def policy(shown: Shown, quorum: str) -> Policy:
    """The three witnesses, `both` being two of them."""
    lines = [
        f"witness w{n} {format_vkey(one.key.verifier)}" for n, one in enumerate(shown.watchers)
    ]
    lines += ["group both 2 w0 w1 w2", f"quorum {quorum}", ""]
    return parse_policy("\n".join(lines).encode())


def test_the_newest_one_that_of_a_size_and_the_newest_that_a_quorum_saw(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        assert await cosigned_note(wired.pool, 0) is None
        assert await witnessed_note(wired.pool, 0, policy(shown, "none")) is None
        assert await witnessed_note(wired.pool, 0, policy(shown, "both")) is None

        # Three see 3, two see 5, one sees 7, and 9 nobody.
        for turn, (size, many) in enumerate(((3, 3), (5, 2), (7, 1), (9, 0))):
            await shown.grow(wired, size - 2 * turn if turn == 0 else 2)
            shown.at(60 * turn)
            await shown.witnessing(wired, many).look()

        newest = await cosigned_note(wired.pool, 0)
        assert (size_of(newest), len(newest.signatures) if newest else 0) == (9, 1)
        five = await cosigned_note(wired.pool, 0, 5)
        assert (size_of(five), len(five.signatures) if five else 0) == (5, 3)
        assert await cosigned_note(wired.pool, 0, 4) is None
        for quorum, size in (("none", 9), ("w0", 7), ("both", 5), ("w2", 3)):
            assert size_of(await witnessed_note(wired.pool, 0, policy(shown, quorum))) == size

    shown.ledger.run(story)


def test_of_one_witness_the_last_cosignature_stands_first_and_the_first_one_last(
    shown: Shown,
) -> None:
    async def story(wired: Wired) -> None:
        await shown.grow(wired, 3)
        for hour in range(4):
            shown.at(3600 * hour)
            await shown.witnessing(wired, 2).look()
        note = await cosigned_note(wired.pool, 0)
        assert note is not None
        begun = int(BEGUN.timestamp())
        times = [int.from_bytes(one.value[:8], "big") - begun for one in note.signatures[1:]]
        names = [one.name[-2:] for one in note.signatures[1:]]
        assert names == ["w1", "w2", "w1", "w2"]
        assert times == [3 * 3600, 3 * 3600, 0, 0]
        # Whoever counts one line a key takes the fresh one.
        (found,) = verified(note, [shown.first.key.verifier])
        assert found.time == begun + 3 * 3600

    shown.ledger.run(story)


def test_a_note_has_no_more_lines_than_a_reader_takes(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        note = await shown.grow(wired, 3)
        for number in range(SIGNATURES_MAX + 5):
            key = witness_key(f"many{number:03}")
            line = format_signature(cosign(note.text, key, time=1_795_300_000))
            keep(shown, key.verifier.name, key.verifier.key_id, line)
        found = await cosigned_note(wired.pool, 0)
        assert found is not None
        assert len(found.signatures) == SIGNATURES_MAX
        format_note(found)

    shown.ledger.run(story)


def keep(shown: Shown, name: str, key_id: bytes, line: str) -> None:
    shown.ledger.sql(
        "INSERT INTO cosignature (log, size, name, key_id, cosigned_at, line) "
        "VALUES (0, 3, %s, %s, now(), %s)",
        name,
        key_id,
        line,
    )


def test_a_line_that_the_witness_did_not_write_makes_nothing_witnessed(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        note = await shown.grow(wired, 3)
        key = shown.first.key
        forged = cosign(note.text.replace("\n3\n", "\n4\n"), key, time=1_795_300_000)
        keep(shown, forged.name, forged.key_id, format_signature(forged))
        assert await witnessed_note(wired.pool, 0, policy(shown, "w0")) is None

        # And another key under its name, whose ID the row does not say.
        shown.ledger.sql("DELETE FROM cosignature")
        other = cosign(note.text, witness_key("w9"), time=1_795_300_000)
        keep(shown, forged.name, forged.key_id, format_signature(other))
        assert await witnessed_note(wired.pool, 0, policy(shown, "w0")) is None

    shown.ledger.run(story)


def test_the_newest_witnessed_one_is_looked_for_page_by_page_and_not_for_ever(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.checkpoints.PAGE", 4)
    monkeypatch.setattr("projections.checkpoints.PAGES_MAX", 3)

    async def story(wired: Wired) -> None:
        await shown.grow(wired, 3)
        await shown.witnessing(wired, 3).look()
        many = "INSERT INTO cosignature SELECT log, size + g, name, key_id, cosigned_at, line "
        many += "FROM cosignature, generate_series(1, %s) AS g WHERE right(name, 2) = 'w1'"
        shown.ledger.sql(many, 11)
        assert size_of(await witnessed_note(wired.pool, 0, policy(shown, "both"))) == 3
        shown.ledger.sql("DELETE FROM cosignature WHERE size > 3")
        shown.ledger.sql(many, 12)
        assert await witnessed_note(wired.pool, 0, policy(shown, "both")) is None

    shown.ledger.run(story)


# Which are kept.


def signed_at(shown: Shown, size: int, seconds: int) -> None:
    shown.ledger.sql(
        "UPDATE checkpoint SET signed_at = %s + %s * interval '1 second' WHERE size = %s",
        BEGUN,
        seconds,
        size,
    )


def test_past_ones_that_nothing_outside_vouches_for_are_dropped_after_a_day(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        for size in (2, 4, 6, 8, 10):
            await shown.grow(wired, 2)
            signed_at(shown, size, 60 * size)
        shown.ledger.sql("DELETE FROM checkpoint WHERE size = 0")
        shown.ledger.sql(
            "INSERT INTO anchor VALUES (0, 6, 'rfc3161', 'http://tsa.example', '', now())"
        )
        key = shown.first.key.verifier
        shown.ledger.sql(
            "INSERT INTO cosignature (log, size, name, key_id, cosigned_at, line) "
            "VALUES (0, 2, %s, %s, now(), '')",
            key.name,
            key.key_id,
        )
        shown.at(DAY + 60 * 8)
        assert await prune(wired.pool, 0) == [4]
        # The one that was the newest a day ago stays: somebody may be cosigning it just now.
        shown.at(DAY + 60 * 8 + 1)
        assert await prune(wired.pool, 0) == []
        shown.at(DAY + 60 * 10 + 1)
        assert await prune(wired.pool, 0) == [8]
        shown.at(30 * DAY)
        assert await prune(wired.pool, 0) == []

    shown.ledger.run(story)
    assert shown.sizes() == [2, 6, 10]


def test_a_follower_prunes_by_the_hour_with_witnesses_or_without(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        nobody = shown.witnessing(wired, 0)
        for size in (2, 4):
            await shown.grow(wired, 2)
            signed_at(shown, size, 60 * size)
        shown.ledger.sql("DELETE FROM checkpoint WHERE size = 0")
        shown.at(DAY - 60)
        await nobody.look()
        shown.at(DAY + 600)
        await nobody.look()
        assert shown.sizes() == [2, 4]
        shown.at(DAY + 3600)
        await nobody.look()
        assert shown.sizes() == [4]

    shown.ledger.run(story)


def test_the_application_may_drop_checkpoints_and_nothing_else_of_what_vouches(
    shown: Shown,
) -> None:
    async def story(wired: Wired) -> None:
        for attempt in (
            "DELETE FROM cosignature",
            "DELETE FROM witness_alarm",
            "DELETE FROM anchor",
            "DELETE FROM tile",
            "UPDATE checkpoint SET note = note",
            "UPDATE cosignature SET line = line",
            "UPDATE witness_alarm SET kind = kind",
            "UPDATE anchor SET evidence = evidence",
        ):
            with pytest.raises(Exception, match="permission denied"):
                async with wired.pool.connection() as connection:
                    await connection.execute(f"{attempt} WHERE false".encode())

    shown.ledger.run(story)
