"""The verifier: good packs hold, and each attacked one is refused with the code it should have."""

import re
from pathlib import Path

import pytest

from projections.packs.verifier import container
from projections.packs.verifier.evidence import Evidence
from projections.packs.verifier.main import FAIL, STEPS, Claim, holds, verified
from projections.packs.verifier.notes import Key
from tests.packs_attacks import CODES, Attack, Case, all_attacks
from tests.packs_log import PERSON
from tests.packs_variants import VARIANTS, Variant

FORMAT = (Path(__file__).parents[2] / "ops" / "docs" / "pack.md").read_text(encoding="utf-8")
SHOWN_BY_A_PACK = {1, 2, *range(4, 17), 19, 20, 21}
"""Threats that a pack, or a receipt beside it, gives away.

The others are found by an audit of the whole log (3), at the start of the service (18), in the
database (22) or by whoever watches (17, 23).
"""


def judged(case: Case) -> list[Claim]:
    key = Key(case.receipt_key, "E_RECEIPT") if case.receipt_key else None
    evidence = Evidence(
        pack=case.pack,
        policy=case.policy,
        receipts=case.receipts,
        receipt_key=key,
        recompute=case.recompute,
    )
    claims = verified(evidence)
    assert not any(PERSON in one.line() for one in claims), "no text names a person"
    return claims


@pytest.mark.parametrize("one", VARIANTS, ids=lambda one: one.name)
def test_a_good_pack_holds(one: Variant) -> None:
    claims = {each.claim: each for each in judged(one.make())}

    assert [each.line() for each in claims.values() if each.result == FAIL] == []
    for claim, words in one.says.items():
        assert words in claims[claim].line()
    assert holds(list(claims.values()))


@pytest.mark.parametrize("one", all_attacks().values(), ids=lambda one: one.name)
def test_an_attacked_pack_is_refused(one: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    case = one.make()
    for name, limit in case.limits.items():
        monkeypatch.setattr(container, name, limit)

    claims = judged(case)

    first = next(each for each in claims if each.result == FAIL)
    assert (first.code, first.claim) == (one.code, one.claim)
    assert not holds(claims)


def test_every_threat_that_a_pack_shows_has_one() -> None:
    assert {one.threat for one in all_attacks().values()} - {None} == SHOWN_BY_A_PACK


def test_every_code_is_given() -> None:
    assert {one.code for one in all_attacks().values()} == CODES


def test_the_format_is_documented_claim_by_claim() -> None:
    rows = re.findall(
        r"^\| (?:`([a-z-]+)`(?: \[(.*?)\])?)? ?\|.*\| (?:`(E_\w+)` )?\|$", FORMAT, re.M
    )
    claims = [(name, tuple(filter(None, takes.split(", ")))) for name, takes, _ in rows if name]
    codes: dict[str, set[str]] = {}
    for name, _, code in rows:
        codes.setdefault(name or list(codes)[-1], set()).update({code} - {""})
    given: dict[str, set[str]] = {name: set() for name in STEPS}
    for one in all_attacks().values():
        given[one.claim].add(one.code)

    assert claims == [(name, takes) for name, (_, takes) in STEPS.items()]
    assert codes == given


def test_claims_are_made_in_the_order_of_the_steps_whatever_fails() -> None:
    claims = judged(Case(pack=b"", policy=b""))

    assert [one.claim for one in claims] == list(STEPS)
    assert [one.line() for one in claims[:4]] == [
        "zip: FAIL E_ZIP no ZIP file, or a broken one",
        "bag: NOT CHECKED it takes the claim zip",
        "pack: NOT CHECKED it takes the claim zip",
        "policy: FAIL E_POLICY no quorum line",
    ]


def test_a_claim_says_nothing_that_a_terminal_obeys_whatever_the_pack_says() -> None:
    line = Claim("pack", FAIL, "E_PACK", "\x1b[2J\n\x9b2J é \ud800").line()

    assert line == r"pack: FAIL E_PACK \x1b[2J\n\x9b2J \xe9 \ud800"
