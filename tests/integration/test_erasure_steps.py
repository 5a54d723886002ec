"""An eraser that stops between any two steps, and is run again, comes to the same end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ledger.erasing import Eraser
from ledger.events import KeyDestroyed
from ledger.resealing import emptied_groups
from projections.rebuild import Rebuild
from projections.replay import timeline
from tests.integration.erasing import containers, eraser, erasure
from tests.integration.wired import Founded, Wired, born, consent, entry, founded

MARCH = "2026-03-01T10:00:00Z"
STEPS_MAX = 60
CALLS = {
    "_erasures": ("plan", "keep_plan", "forget_plans", "bury", "forget_requests", "rewrite"),
    "_keys": ("destroy_person", "destroy_keys", "close_content", "content_key"),
    "_tombstones": ("add",),
    "_record": ("record",),
}


class Killed(BaseException):
    """The process ends here: nothing of ours can catch it."""


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


class Counting:
    """Stands before what an eraser works with, and ends it before or after its nth step."""

    def __init__(self, nth: int, *, after: bool) -> None:
        self.left = nth
        self.after = after

    def over(self, working: Eraser, patch: pytest.MonkeyPatch) -> None:
        for part, names in CALLS.items():
            inner = getattr(working, part)
            for name in names:
                patch.setattr(inner, name, self._step(getattr(inner, name)), raising=True)

    def _step(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def told(*values: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Killed
            done = call(*values, **named)
            return done if self.left else self._then(done)

        return told

    def _then(self, done: Any) -> Any:
        if not hasattr(done, "__await__"):
            raise Killed

        async def awaited() -> Any:
            await done
            raise Killed

        return awaited()


async def scene(wired: Wired, one: UUID, other: UUID) -> None:
    """A person of two identities, one entry of whom was taken for somebody else's."""
    await wired.record(one, born())
    await wired.record(one, consent(one, MARCH))
    await wired.record(one, consent(one, MARCH, "GROUP", evidence="form 2"))
    await wired.record(one, entry("DisclosureRecorded", MARCH, purpose="PHOTO", recipient="R02"))
    await wired.record(other, consent(other, MARCH))
    at = (await timeline(wired.reader, other))[0].entry
    moved = {"entry": str(at), "from": str(other), "to": str(one)}
    await wired.record(other, entry("EntryReattributed", MARCH, **moved))


async def state(ledger: Founded, wired: Wired, one: UUID, other: UUID) -> list[Any]:
    """What is left of the two, less what is random or a moment."""
    checked = await Rebuild(wired.reader, wired.rulebook, wired.pool).check()
    notices = [
        each.fact
        for subject in (one, other)
        for each in await timeline(wired.reader, subject)
        if isinstance(each.fact, KeyDestroyed)
    ]
    return [
        checked.difference,
        [emptied_groups(each) for each in containers(ledger, one)],
        [emptied_groups(each) for each in containers(ledger, other)],
        [(n.reach, n.counts, n.recipients, len(n.keys or ()), n.entries is None) for n in notices],
        ledger.keys_sql(
            "SELECT part, purpose, state, count(*) FROM subject_key WHERE subject = ANY(%s)"
            " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            [one, other],
        ),
        ledger.sql("SELECT count(*) FROM tombstone WHERE subject = ANY(%s)", [one, other]),
        ledger.sql("SELECT length(sealed) > 0 FROM dossier WHERE subject = %s", one),
        ledger.sql("SELECT * FROM erasure"),
        ledger.sql(
            "SELECT e.name, k.fingerprint = '' FROM entry e"
            " JOIN idempotency k ON (k.client, k.key) = (e.client, e.idempotency_key)"
            " WHERE e.stream = ANY(%s) ORDER BY e.n",
            [one, other],
        ),
    ]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("purpose", ["PHOTO", "*"])
def test_the_end_is_the_same_wherever_it_stops(ledger, tmp_path, monkeypatch, purpose, after):
    async def story(wired: Wired) -> int:
        await wired.adopt()
        expected = None
        for nth in range(STEPS_MAX):
            one, other = ledger.subject(), ledger.subject()
            await scene(wired, one, other)
            await wired.record(one, erasure(purpose, ground="b", decision="DPO-7"))
            stopped = await stopped_at(ledger, wired, nth, after)
            async with eraser(ledger, wired, tmp_path) as working:
                assert nth == 0 or len(await working.work()) <= 1
                assert await working.work() == []
            found = await state(ledger, wired, one, other)
            expected = expected or found
            assert found == expected, nth
            lines = (tmp_path / "tombstones").read_text().splitlines()
            assert len(lines) == len({*lines})
            if nth and not stopped:
                return nth
        raise AssertionError("it never came to an end")

    async def stopped_at(ledger: Founded, wired: Wired, nth: int, after: bool) -> bool:
        with monkeypatch.context() as patch:
            async with eraser(ledger, wired, tmp_path) as working:
                Counting(nth, after=after).over(working, patch)
                try:
                    await working.work()
                except Killed:
                    return True
        return False

    assert ledger.run(story) > 8
