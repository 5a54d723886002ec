"""What a history finds by purpose and by reference, against looking at every entry in turn."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from ledger.events import (
    ConsentWithdrawn,
    ErasureExecuted,
    Fact,
    ObjectionDecided,
    ObjectionReceived,
    RestrictionExceptionRecorded,
)
from ledger.history import Dossier, History, Item, item, since, together, until
from tests.unit.stories import instant

START = instant("2026-01-01T00:00")
PURPOSES = ("PHOTO", "GROUP", "*")
EVERY = "*"


def made(dice: Random, n: int) -> Item:
    at = START + timedelta(days=dice.randrange(4))
    purpose = dice.choice(PURPOSES)
    facts: tuple[Fact, ...] = (
        ConsentWithdrawn(effective_at=at, purpose=purpose, given_by="A1", capacity="SELF"),
        ErasureExecuted(effective_at=at, purpose=purpose),
        RestrictionExceptionRecorded(
            effective_at=at, kind="K", purpose=dice.choice((purpose, None))
        ),
        ObjectionDecided(
            effective_at=at, objection=f"e{dice.randrange(9)}", outcome="UPHELD", informed_at=at
        ),
    )
    recorded_at = START + timedelta(days=dice.randrange(4))
    # Of what one move brought, several may stand at one place: these stay as they were given.
    return item(n=n // 2, entry=f"e{n}", recorded_at=recorded_at, fact=dice.choice(facts))


def histories() -> list[tuple[History, Random]]:
    found = []
    for seed in range(60):
        dice = Random(seed)
        found.append((History([made(dice, n) for n in range(dice.randrange(14))]), dice))
    return found


def test_for_a_purpose_stands_what_names_it_or_every_purpose_in_order() -> None:
    for history, _ in histories():
        for kind in (ConsentWithdrawn, ErasureExecuted, RestrictionExceptionRecorded):
            for purpose in ("PHOTO", "GROUP", "UNHEARD_OF", EVERY) * 2:
                wanted = [
                    one
                    for one in history.of(kind)
                    if getattr(one.fact, "purpose", None) in (None, EVERY, purpose)
                ]
                assert list(history.for_purpose(kind, purpose)) == wanted


def test_what_is_said_of_an_entry_stands_under_it_in_order() -> None:
    for history, _ in histories():
        for n in range(9):
            wanted = [
                one
                for one in history.of(ObjectionDecided)
                if getattr(one.fact, "objection", None) == f"e{n}"
            ]
            assert list(history.said_of(f"e{n}", ObjectionDecided)) == wanted
        assert list(history.said_of("e1", ObjectionReceived)) == []


def test_until_and_since_part_items_at_a_moment_that_belongs_to_both() -> None:
    for history, _ in histories():
        items = history.items
        for days in range(-1, 5):
            at = START + timedelta(days=days)
            assert list(until(items, at)) == [one for one in items if one.at <= at]
            assert list(since(items, at)) == [one for one in items if one.at >= at]


def test_two_histories_together_are_in_one_order_the_first_one_first() -> None:
    for history, dice in histories():
        other = History([made(dice, n) for n in range(dice.randrange(5))])
        wanted: Sequence[Item] = sorted(
            [*history.items, *other.items], key=lambda one: (one.at, one.recorded_at, one.n)
        )
        assert list(together(history.items, other.items)) == wanted


def test_what_is_worked_out_of_a_history_is_worked_out_once() -> None:
    asked: list[tuple[int, str]] = []

    def count(history: History, more: str) -> int:
        asked.append((len(history.items), more))
        return len(asked)

    history = History([])

    assert [history.once(count, more) for more in ("a", "a", "b", "a")] == [1, 1, 2, 1]
    assert asked == [(0, "a"), (0, "b")]


def test_a_dossier_keeps_its_newest_view_and_the_last_earlier_one() -> None:
    facts = [ErasureExecuted(effective_at=START, purpose="PHOTO") for _ in range(3)]
    days = [START + timedelta(days=n) for n in range(3)]
    dossier = Dossier(
        "A1",
        [
            item(n=n, entry=f"e{n}", recorded_at=day, fact=fact)
            for n, (day, fact) in enumerate(zip(days, facts, strict=True))
        ],
    )
    newest, earlier = dossier.at(days[2]), dossier.at(days[1])

    assert dossier.at(days[2] + timedelta(days=9)) is newest
    assert dossier.at(days[1]) is earlier
    assert [len(dossier.at(day).items) for day in (days[0], days[1], days[2])] == [1, 2, 3]
    assert dossier.at(days[2]) is newest
