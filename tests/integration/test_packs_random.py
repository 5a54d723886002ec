"""Packs of random histories: every answer comes out again from what the pack shows."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from api.signer import file_signer
from ledger.tlog.keys import format_vkey
from projections.integrator import Integrator
from projections.packs.build import build
from projections.packs.files import Enclosed
from projections.packs.gathering import Sources
from projections.packs.order import Order
from projections.packs.recompute import recomputed
from projections.packs.verifier.evidence import Evidence
from projections.packs.verifier.main import holds
from projections.packs.verifier.main import verified as claims_of
from tests.integration.packing import lines_of
from tests.integration.recorded import History
from tests.integration.test_tree import Here
from tests.integration.wired import ORIGIN, Founded, Wired, founded
from tests.packs import RULES

ENTRIES, MOMENTS = 25, 6


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.mark.parametrize("turn", range(4))
def test_every_answer_in_a_pack_comes_out_again(ledger: Founded, tmp_path: Path, turn: int) -> None:
    history = History(ledger)
    with file_signer(tmp_path / "signer", origin=f"{ORIGIN}/0") as signer:

        async def story(wired: Wired) -> list[bytes]:
            await history.begin(wired)
            await history.grow(wired, ENTRIES)
            now = history.later()
            await Integrator(wired.pool, wired.identity, Here(signer)).catch_up(0)
            moments = [history.question()[1].effective_at for _ in range(MOMENTS - 2)]
            moments += [now - timedelta(days=30 * n) for n in (1, 5)]
            sources = Sources(reader=wired.reader, pool=wired.pool, rulebook=wired.rulebook)
            enclosed = Enclosed(rulebook=RULES, software="tests")
            found = []
            for person in history.subjects.values():
                days = [one.date() for one in moments[:2]]
                order = Order(made_at=now, subject=person, at=(*moments, *days))
                found.append((await build(sources, order, enclosed)).data)
            return found

        packs = ledger.run(story)
        policy = f"log {format_vkey(signer.verifier)}\nquorum none\n".encode()
    for data in packs:
        claims = claims_of(Evidence(pack=data, policy=policy, recompute=recomputed))
        assert holds(claims), [one.line() for one in claims]
        (said,) = [one for one in claims if one.claim == "answers"]
        assert said.result == "PASS", said.line()
        assert len(lines_of(data, "answers.jsonl")) > MOMENTS
