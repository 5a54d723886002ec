"""The rule book: dated law on both clocks, the ages of article 8, and a row for every rule."""

import re
from datetime import datetime

import pytest
from msgspec.structs import replace

from ledger.answer import RULES, encode
from ledger.errors import Fault
from ledger.history import History
from ledger.rules.rulebook import WHOLE_MAX, LawView, RuleBook, read_rule_book, uk_gdpr
from tests.unit.stories import Story, catalogue_with, flags, instant, just_before, purpose

ROW = """
[[{kind}]]
id = "{id}"
article = "Art 1"
link = "https://example.org/1"
in_force_from = {start}
known_from = 2018-05-25
{more}
"""
POLICY = '[[policy]]\nsetting = "s"\ndefault = true\nbecause = "b"\n'


def book(*rows: tuple[str, str, str], more: str = "") -> RuleBook:
    """A rule book of rows (kind, id, in force from); `more` is added to the first."""
    text = 'version = "1"\n' + POLICY
    for n, (kind, name, start) in enumerate(rows):
        title = 'title = "T"\n' if kind == "provision" else ""
        extra = title + (more if n == 0 else "")
        text += ROW.format(kind=kind, id=name, start=start, more=extra)
    return read_rule_book(text.encode())


USUAL = [("provision", "iss_age", "2018-05-25"), ("rule", "r", "2018-05-25")]


def view(story: Story, known: str | None = None) -> LawView:
    """The law as the story's own stream has it; `known` also limits the rule book."""
    common = story.dossier(None).at(instant(known or "2026-11-23T09:00"))
    return LawView(uk_gdpr(), common, instant(known) if known else None)


# Provisions.


def test_law_is_known_from_one_day_and_in_force_from_another() -> None:
    asked, provision = instant("2024-03-01T00:00"), "SAR_REASONABLE_SEARCH"

    assert view(Story(), "2024-03-01T00:00").in_force(provision, asked) is False
    assert view(Story(), "2025-06-20T00:00").in_force(provision, asked) is True
    assert view(Story()).in_force(provision, asked) is True
    assert view(Story()).in_force(provision, instant("2023-12-31T23:59")) is False
    assert view(Story()).in_force(provision, instant("2024-01-01T00:00")) is True


def test_law_becomes_known_at_the_first_instant_of_its_day_in_london() -> None:
    asked, provision = instant("2026-03-01T00:00"), "art6.1.ea"

    assert view(Story(), just_before("2026-01-29T00:00")).in_force(provision, asked) is False
    assert view(Story(), "2026-01-29T00:00").in_force(provision, asked) is True


def test_an_answer_uses_the_whole_rule_book_that_it_names() -> None:
    document = catalogue_with([purpose("HELP", "ea", controller="HARBOUR_CHARITY")])
    found = Story(document=document).ask("HELP", "2026-03-01T00:00", known="2025-01-01T00:00")

    assert found.decision == "PERMIT"
    assert found.rulebook == uk_gdpr().id


def test_a_provision_that_ceased_is_in_force_no_more() -> None:
    rows = [("provision", "art6.1.x", "2020-07-01"), *USUAL]
    law = LawView(book(*rows, more="in_force_until = 2021-07-01"), History([]), None)
    moments = ["2020-06-30T22:59", "2020-06-30T23:00", "2021-06-30T22:59", "2021-06-30T23:00"]

    assert [law.in_force("art6.1.x", instant(at)) for at in moments] == [False, True, True, False]


def test_a_provision_that_nobody_wrote_down_is_not_in_force() -> None:
    assert view(Story()).in_force("art9.2.k", instant("2026-11-23T09:00")) is False


def loaded(provision: str, start: str, **more: object) -> Story:
    story = Story()
    load(story, provision, start, **more)
    return story


def load(story: Story, provision: str, start: str, **more: object) -> None:
    fields = {"provision": provision, "article": "A", "link": "L", "in_force_from": start, **more}
    recorded = str(fields.pop("recorded", "2026-06-01T10:00"))
    story.record("LawLoaded", recorded, subject=None, **fields)  # type: ignore[arg-type]


def test_law_loaded_later_is_in_force_over_its_interval_once_recorded() -> None:
    story = loaded("made.up", "2026-01-01T00:00:00Z", in_force_until="2026-02-01T00:00:00Z")
    moments = ["2025-12-31T23:59", "2026-01-01T00:00", "2026-01-31T23:59", "2026-02-01T00:00"]

    assert [view(story).in_force("made.up", instant(at)) for at in moments] == [
        False,
        True,
        True,
        False,
    ]
    assert view(story, "2026-05-31T10:00").in_force("made.up", instant(moments[1])) is False
    assert view(story).in_force("made.down", instant(moments[1])) is False


def test_a_line_may_live_before_the_rule_book_has_it_where_the_law_was_loaded() -> None:
    document = catalogue_with([purpose("HELP", "ea", controller="HARBOUR_CHARITY")])
    story = Story(document=document)
    load(story, "art6.1.ea", "2026-01-01T00:00:00Z", recorded="2025-12-01T10:00")

    assert story.ask("HELP", "2026-01-01T00:00").decision == "PERMIT"
    assert flags(story.ask("HELP", just_before("2026-01-01T00:00"))) == ["LAW_NOT_IN_FORCE"]


def test_a_paragraph_that_the_rule_book_lacks_needs_a_document_and_serves_no_offence_data() -> None:
    law = view(Story())

    assert [law.needs_policy_document(n) for n in (18, 29, 99)] == [True, False, True]
    assert [law.serves_offence_data(n) for n in (10, 8, 99)] == [True, False, False]


# The age of article 8.


def ages(story: Story) -> list[tuple[int, str, str | None]]:
    return [
        (rule.age, day(rule.start), day(rule.end) if rule.end else None)
        for rule in view(story).child_service_ages()
    ]


def day(moment: datetime) -> str:
    return moment.date().isoformat()


def test_the_age_is_13_until_regulations_say_otherwise() -> None:
    assert ages(Story()) == [(13, "2018-05-24", None)]
    story = loaded("iss_age", "2027-01-01T00:00:00Z", value=15)
    assert ages(story) == [(13, "2018-05-24", "2027-01-01"), (15, "2027-01-01", None)]


def test_ages_follow_one_another_by_their_beginning_and_law_without_an_age_sets_none() -> None:
    story = loaded("iss_age", "2028-01-01T00:00:00Z", value=16)
    load(story, "iss_age", "2027-01-01T00:00:00Z", value=15)
    load(story, "iss_age", "2026-01-01T00:00:00Z")
    load(story, "made.up", "2026-01-01T00:00:00Z", value=14)

    assert ages(story) == [
        (13, "2018-05-24", "2027-01-01"),
        (15, "2027-01-01", "2028-01-01"),
        (16, "2028-01-01", None),
    ]


def test_when_regulations_cease_the_usual_age_returns() -> None:
    until = {"in_force_until": "2027-06-01T00:00:00Z", "value": 15}
    story = loaded("iss_age", "2027-01-01T00:00:00Z", **until)

    assert ages(story) == [
        (13, "2018-05-24", "2027-01-01"),
        (15, "2027-01-01", "2027-06-01"),
        (13, "2027-06-01", None),
    ]


def test_the_end_of_one_regulation_leaves_the_age_that_another_has_set() -> None:
    """13 is the lowest age of all: it comes back only when nothing else is in force."""
    story = loaded(
        "iss_age", "2027-01-01T00:00:00Z", value=16, in_force_until="2028-01-01T00:00:00Z"
    )
    load(story, "iss_age", "2027-06-01T00:00:00Z", value=15)

    assert [age for age, _, _ in ages(story)] == [13, 16, 15, 15]


ABSURD = (-1, 0, 12, 17, 1201, 2**31, 2**63, 10**300)


@pytest.mark.parametrize("value", ABSURD)
def test_an_age_that_could_not_be_law_is_taken_as_18_and_answers_go_on(value: int) -> None:
    story = Story(born="2013-06-01")
    load(story, "iss_age", "2026-07-01T00:00:00Z", value=value)
    assert ages(story)[1:] == [(18, "2026-07-01", None)]
    story.grant("2026-08-01T10:00", purpose="PORTAL")
    own = story.ask("PORTAL")
    assert (own.decision, flags(own)) == ("DENY", ["NO_AUTHORITY"])

    story.parent()
    story.by_mother("2026-08-02T10:00", purpose="PORTAL")
    theirs = story.ask("PORTAL", known="2032-01-01T00:00")
    assert theirs.decision in ("PERMIT", "DENY")
    assert theirs.next_change_at is not None


@pytest.mark.parametrize("value", [-1, WHOLE_MAX + 1, 10**300, "24", True])
def test_a_setting_that_was_recorded_with_an_absurd_value_has_its_default(value: object) -> None:
    for setting in ("consent_review_months", "vital_interest_max_hours", "leap_birthday"):
        told = Story(born="2012-02-29")
        told.grant()
        told.record("BasisDeclared", "2026-01-02T00:00", purpose="NEWP", article6="d")
        before = [told.ask(name, known="2027-01-01T00:00") for name in ("PHOTO", "NEWP")]
        told.record("PolicySet", "2026-01-01T00:00", subject=None, setting=setting, value=value)
        after = [told.ask(name, known="2027-01-01T00:00") for name in ("PHOTO", "NEWP")]

        assert [encode(one) for one in after] == [encode(one) for one in before]


def test_a_higher_age_voids_no_consent_and_asks_for_a_review() -> None:
    story = Story(born="2013-06-01")
    grant = story.grant("2026-12-01T10:00", purpose="PORTAL")
    load(story, "iss_age", "2027-01-01T00:00:00Z", value=15)
    asked = {"known": "2028-12-01T10:00"}
    before = story.ask("PORTAL", just_before("2027-01-01T00:00"), **asked)
    after = story.ask("PORTAL", "2027-01-01T00:00", **asked)
    grown = story.ask("PORTAL", "2028-05-31T23:00", **asked)

    assert (before.decision, flags(before)) == ("PERMIT", [])
    assert (after.decision, flags(after)) == ("PERMIT", ["AGE_RULE_CHANGED"])
    assert [step.entries for step in after.because if step.flag] == [(grant,)]
    assert flags(grown) == []


def test_a_child_not_yet_of_the_new_age_gives_no_new_consent_and_a_parent_may() -> None:
    story = Story(born="2013-06-01")
    story.parent()
    load(story, "iss_age", "2027-01-01T00:00:00Z", value=15)
    story.grant("2027-02-01T10:00", purpose="PORTAL")
    asked = {"known": "2028-12-01T10:00"}
    assert flags(story.ask("PORTAL", "2027-03-01T10:00", **asked)) == ["NO_AUTHORITY"]

    story.by_mother("2027-02-02T10:00", purpose="PORTAL")
    # The child was 13 while 13 was the age: a parent's consent has nothing left to stand for.
    lapse = ["REP_CONSENT_LAPSED_ISS_AGE"]
    assert flags(story.ask("PORTAL", "2027-03-01T10:00", **asked)) == lapse


def test_a_child_who_never_reached_the_age_while_it_was_in_force_keeps_the_parents_consent() -> (
    None
):
    story = Story(born="2013-06-01")
    story.parent()
    load(story, "iss_age", "2026-05-01T00:00:00Z", value=15)
    story.by_mother("2026-04-01T10:00", purpose="PORTAL")
    asked = {"known": "2028-12-01T10:00"}

    assert flags(story.ask("PORTAL", "2026-06-02T10:00", **asked)) == []
    at = "2028-05-31T23:00"
    due = ["CONSENT_REVIEW_DUE"]
    assert flags(story.ask("PORTAL", just_before(at), **asked)) == due
    assert flags(story.ask("PORTAL", at, **asked)) == [*due, "REP_CONSENT_LAPSED_ISS_AGE"]


def test_a_child_who_turns_13_as_the_age_rises_never_reached_it() -> None:
    story = Story(born="2014-01-01")
    story.parent()
    story.by_mother(purpose="PORTAL")
    load(story, "iss_age", "2027-01-01T00:00:00Z", value=15)

    assert flags(story.ask("PORTAL", "2027-02-01T10:00", known="2027-02-01T10:00")) == []


def test_an_age_counts_from_its_first_instant() -> None:
    for at, expected in (("2018-05-24T23:00", []), ("2018-05-24T22:59", ["NO_AUTHORITY"])):
        story = Story(born="2004-06-01")
        story.grant(at, purpose="PORTAL")
        known = {"known": "2018-06-02T10:00"}
        assert flags(story.ask("PORTAL", "2018-05-25T10:00", **known)) == expected


def test_a_review_of_the_age_concerns_the_persons_own_consent_to_such_a_service_alone() -> None:
    story = Story(born="2013-06-01")
    story.record("CompetenceAssessed", "2026-11-01T10:00", purpose="*", competent=True)
    story.grant("2026-12-01T10:00")
    load(story, "iss_age", "2027-01-01T00:00:00Z", value=15)

    assert flags(story.ask(at="2027-02-01T10:00", known="2027-02-01T10:00")) == []


# Rows.


def test_every_rule_that_an_answer_evaluates_has_a_row_with_its_law_and_a_link() -> None:
    evaluated = [rule for rule, _ in RULES] + ["record.late"]

    assert len(set(evaluated)) == len(evaluated)
    for rule in evaluated:
        row = uk_gdpr().rule(rule)
        assert row.id == rule
        assert re.match(r"(UK GDPR|DPA 2018|Children Act|MCA|FLRA)", row.article), rule
        assert row.link.startswith("https://www.legislation.gov.uk/")
    assert set(uk_gdpr().rules) == set(evaluated)


@pytest.mark.parametrize("rule", ["person.destroyed", "line.declared", "rights.store"])
def test_a_rule_without_a_row_stops_the_answer_and_permits_nothing(rule: str) -> None:
    rules = {name: row for name, row in uk_gdpr().rules.items() if name != rule}
    story = Story(law=replace(uk_gdpr(), rules=rules))

    with pytest.raises(Fault, match=f"no row for the rule {re.escape(rule)}"):
        story.ask("SAFEGUARD")


def test_two_rows_of_one_id_are_a_fault() -> None:
    for kind in ("provision", "rule"):
        with pytest.raises(Fault, match=r"^the rule book has two rows with one id$"):
            book(*USUAL, (kind, "iss_age" if kind == "provision" else "r", "2018-05-25"))


def test_a_rule_book_holds_its_rows_by_id_and_its_settings_by_name() -> None:
    read = book(*USUAL)

    assert list(read.provisions) == ["iss_age"]
    assert list(read.rules) == ["r"]
    assert {name: (row.default, row.because) for name, row in read.policies.items()} == {
        "s": (True, "b")
    }
    assert read.defaults == {"s": True}


def test_a_rule_book_is_named_by_its_version_and_its_content() -> None:
    one, other = book(*USUAL), book(*USUAL, ("rule", "s", "2018-05-25"))

    assert one.id != other.id
    assert re.fullmatch(r"uk-gdpr 1 [0-9a-f]{12} holidays [0-9.]+", one.id)
    assert one.id == book(*USUAL).id


def test_the_moments_at_which_law_changes_are_those_that_answers_compare_with() -> None:
    rows = [("provision", "art6.1.x", "2020-01-01"), ("provision", "other", "2021-01-01"), *USUAL]
    law = book(*rows, more="in_force_until = 2022-01-01")

    assert [moment.isoformat()[:10] for moment in law.changes] == [
        "2018-05-24",
        "2020-01-01",
        "2022-01-01",
    ]
    story = loaded("made.up", "2026-01-01T00:00:00Z", in_force_until="2026-02-01T00:00:00Z")
    extra = {instant("2026-01-01T00:00"), instant("2026-02-01T00:00")}
    assert set(view(story).changes()) == {*uk_gdpr().changes, *extra}
    assert None not in view(loaded("made.up", "2026-01-01T00:00:00Z")).changes()
