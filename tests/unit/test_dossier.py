"""The stored dossier: every fact comes back as its basis, and what is no dossier is a fault."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from ledger.dossier import kept, unseal
from ledger.errors import Fault
from ledger.events import ConsentGranted, EqualityOptOutReceived, Fact
from ledger.history import Dossier
from ledger.wire import basis_of
from tests.unit.facts import KINDS, bare, full

SUBJECT = "6f1c1f1e-3b55-4a4c-9a5e-4b8f3a2d9c01"
START = datetime(2026, 11, 1, 9, tzinfo=UTC)
SEED = 20261123
FACTS = [made(kind) for kind in KINDS for made in (full, bare)]


def plain(facts: list[Fact]) -> bytes:
    return b"".join(kept(f"e{n}", fact) for n, fact in enumerate(facts))


def read(text: bytes, count: int) -> Dossier:
    stamps = [START + timedelta(hours=n) for n in range(count)]
    return unseal(SUBJECT, text, range(101, 101 + count), stamps)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_fact_of_every_type_comes_back_as_its_basis(kind: type[Fact]) -> None:
    facts: list[Fact] = [full(kind), bare(kind)]

    dossier = read(plain(facts), 2)

    assert [one.fact for one in dossier.items] == [basis_of(fact) for fact in facts]
    assert [type(one.fact) for one in dossier.items] == [kind, kind]
    assert (dossier.subject, dossier.version, dossier.destroyed) == (SUBJECT, 2, False)


def test_the_stamps_of_the_row_are_zipped_with_the_facts_in_order() -> None:
    dossier = read(plain(FACTS), len(FACTS))

    assert [one.entry for one in dossier.items] == [f"e{n}" for n in range(len(FACTS))]
    assert [one.n for one in dossier.items] == list(range(101, 101 + len(FACTS)))
    assert dossier.items[5].recorded_at == START + timedelta(hours=5)
    assert dossier.items[5].known_from == START + timedelta(hours=5)


def test_an_opt_out_takes_effect_when_its_period_ends_also_when_it_is_read_back() -> None:
    ends = START + timedelta(days=21)
    dossier = read(plain([bare(EqualityOptOutReceived, period_ends_at=ends)]), 1)

    assert dossier.items[0].at == ends


def test_an_append_adds_to_the_text_without_reading_it() -> None:
    assert plain(FACTS) == plain(FACTS[:7]) + b"".join(
        kept(f"e{n}", fact) for n, fact in enumerate(FACTS) if n >= 7
    )


def test_an_empty_text_is_a_person_never_heard_of() -> None:
    assert read(b"", 0).items == ()


def test_no_content_of_a_fact_is_in_the_text() -> None:
    grant = full(ConsentGranted, note="canary", channel="canary", explicit_statement="canary")

    assert b"canary" not in kept("e1", grant)
    assert b"canary" in kept("e1", full(ConsentGranted, notice="canary"))


@pytest.mark.parametrize(("n", "stamps"), [(1, 2), (3, 2), (2, 1), (2, 3), (0, 0)])
def test_a_row_with_more_or_fewer_stamps_than_facts_is_a_fault(n: int, stamps: int) -> None:
    with pytest.raises(Fault, match="not as many facts as stamps"):
        unseal(SUBJECT, plain(FACTS[:2]), range(n), [START] * stamps)


def test_a_text_cut_short_anywhere_is_a_fault() -> None:
    text = plain([full(ConsentGranted), bare(ConsentGranted)])

    for end in range(len(text)):
        with pytest.raises(Fault):
            read(text[:end], 2)


def test_a_text_with_bytes_after_its_last_fact_is_a_fault() -> None:
    text = plain(FACTS[:2])

    for tail in (b"\x00", b"\x00" * 4, b"\x00\x00\x00\x01", b"\xff" * 9):
        with pytest.raises(Fault):
            read(text + tail, 2)


def test_changed_bytes_are_a_fault_or_another_dossier_and_never_another_error() -> None:
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    text = plain(FACTS)
    faults = 0
    for _ in range(3000):
        changed = bytearray(text)
        for _ in range(dice.choice((1, 1, 2, 8))):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        try:
            read(bytes(changed), len(FACTS))
        except Fault:
            faults += 1
    assert faults > 1000


def test_a_fault_never_repeats_what_it_could_not_read() -> None:
    text = kept("e1", full(ConsentGranted, capacity="ADVOCATE_AUTHORISED"))
    for changed in (b"ADVOCATE_JANE_ROE__", b"ADVOCATE_JANE_ROE_\xff"):
        with pytest.raises(Fault) as fault:
            read(text.replace(b"ADVOCATE_AUTHORISED", changed), 1)
        assert "JANE" not in str(fault.value)
        assert fault.value.__cause__ is None
