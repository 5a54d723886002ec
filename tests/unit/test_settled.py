"""What is settled for everybody: policy, catalogue, lines and the instants of change, kept once."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from ledger.answer import answer, policy_at
from ledger.events import CatalogueAdopted, Fact, PolicySet
from ledger.history import Dossier, History, item
from ledger.rules.case import Question
from ledger.rules.rulebook import uk_gdpr
from ledger.rules.settled import Settled, next_of
from ledger.terms import Flag
from ledger.wire import read_fact
from tests.richer_histories import RECIPIENTS
from tests.unit.stories import CATALOGUE, catalogue_with, instant, purpose

START = instant("2026-01-01T00:00")
FAR = instant("2029-01-01T00:00")


def history(*facts: Fact) -> History:
    return dossier(None, *facts).at(FAR)


def dossier(subject: str | None, *facts: Fact) -> Dossier:
    return Dossier(
        subject,
        [
            item(n=n, entry=f"e{n}", recorded_at=START + timedelta(seconds=n), fact=fact)
            for n, fact in enumerate(facts, 1)
        ],
    )


def months(value: bool | int | str, at: str) -> PolicySet:
    return PolicySet(effective_at=instant(at), setting="consent_review_months", value=value)


def adopted(at: str, **more: Any) -> CatalogueAdopted:
    return CatalogueAdopted(effective_at=instant(at), catalogue=catalogue_with(**more))


def test_a_setting_holds_from_its_moment_until_another_and_its_default_before() -> None:
    common = history(months(6, "2026-03-01T00:00"), months(3, "2026-02-01T00:00"))
    moments = ["2026-01-31T23:59", "2026-02-01T00:00", "2026-03-01T00:00", "2026-02-28T23:59"]

    found = [
        policy_at(common, instant(at), uk_gdpr())["consent_review_months"] for at in moments * 2
    ]

    assert found == [24, 3, 6, 3] * 2


@pytest.mark.parametrize("value", [-1, "often", 1201])
def test_what_a_setting_cannot_be_leaves_its_default_and_not_what_was_set_before(
    value: int | str,
) -> None:
    common = history(months(3, "2026-02-01T00:00"), months(value, "2026-03-01T00:00"))

    assert policy_at(common, FAR, uk_gdpr())["consent_review_months"] == 24


def test_a_setting_that_no_rule_book_knows_changes_nothing() -> None:
    unheard = PolicySet(effective_at=START, setting="unheard_of", value=1)

    assert policy_at(history(unheard), FAR, uk_gdpr()) == uk_gdpr().defaults


def test_it_is_worked_out_once_for_a_history_and_a_rule_book() -> None:
    common = history(adopted("2026-01-01T00:00"))
    settled = common.once(Settled, uk_gdpr())

    assert common.once(Settled, uk_gdpr()) is settled
    assert common.without(frozenset({(9, "e9")})).once(Settled, uk_gdpr()) is settled
    assert common.without(frozenset({(1, "e1")})).once(Settled, uk_gdpr()) is not settled
    assert settled.policy(START) is settled.policy(FAR)
    assert settled.changes("PHOTO") is settled.changes("PHOTO")


def test_lines_are_those_of_the_version_in_force() -> None:
    first, second = purpose("MORE", "c"), purpose("MORE", "e", "a")
    common = history(
        adopted("2026-01-01T00:00", purposes=[first]),
        adopted("2026-06-01T00:00", purposes=[second]),
    )
    settled = common.once(Settled, uk_gdpr())

    def lines(at: str) -> list[str]:
        version = settled.adopted(instant(at))
        assert version is not None
        assert isinstance(version.fact, CatalogueAdopted)
        asked = version.fact.catalogue.purpose_by_id["MORE"]
        return [one.line.article6 for one in settled.lines(version, asked)]

    assert settled.adopted(instant("2025-12-31T23:59")) is None
    assert [lines(at) for at in ("2026-05-31T23:59", "2026-06-01T00:00") * 2] == [
        ["c"],
        ["e", "a"],
    ] * 2


def test_changes_are_those_of_the_law_and_of_the_purposes_own_lines_in_order() -> None:
    lines = [
        {"article6": "c", "effective_from": "2026-04-01", "effective_until": "2026-08-01"},
        {"article6": "e", "effective_from": "2018-05-25"},
    ]
    common = history(adopted("2026-01-01T00:00", purposes=[purpose("MORE", lines=lines)]))
    settled = common.once(Settled, uk_gdpr())
    law = settled.changes("UNHEARD_OF")

    assert law == sorted(uk_gdpr().changes)
    own = {instant("2026-03-31T23:00"), instant("2026-07-31T23:00"), instant("2018-05-24T23:00")}
    assert settled.changes("MORE") == sorted({*law, *own})
    assert all(one < two for one, two in pairwise(settled.changes("MORE")))


def test_recipients_change_when_sharing_with_one_begins_or_ends() -> None:
    common = history(adopted("2026-01-01T00:00", recipients=RECIPIENTS))

    assert common.once(Settled, uk_gdpr()).recipient_changes == [
        instant("2026-03-01T00:00"),
        instant("2026-03-02T00:00"),
    ]


def test_the_next_of_several_instants_is_the_first_one_after() -> None:
    moments = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 3, 5)]
    second = timedelta(seconds=1)

    assert next_of(moments, moments[0] - second) == moments[0]
    assert next_of(moments, moments[0]) == next_of(moments, moments[1] - second) == moments[1]
    assert next_of(moments, moments[2]) is next_of([], moments[0]) is None


def test_an_objection_across_purposes_is_no_obstacle_where_no_catalogue_is_in_force_yet() -> None:
    scope = PolicySet(effective_at=START, setting="nhs_objection_scope", value="all uses")
    later = CatalogueAdopted(effective_at=instant("2026-06-01T00:00"), catalogue=CATALOGUE)
    objection = {"effective_at": "2026-02-01T00:00:00Z", "purpose": "CPIS", "kind": "ART21_1"}
    objected = read_fact({"type": "ObjectionReceived", "given_by": "A1", **objection})
    asked = Question(purpose="PHOTO", effective_at=instant("2026-03-01T00:00"), known_at=FAR)

    found = answer(asked, dossier("A1", objected), dossier(None, scope, later), uk_gdpr())

    assert found.flags == (Flag.UNKNOWN_PURPOSE,)
