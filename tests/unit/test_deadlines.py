"""The clocks of the law: requests, complaints, retention, and which law governs each."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.civil import add_months, next_day, parse_day, parse_instant, start_of_day
from ledger.deadlines import (
    Asked,
    Deadline,
    RightsRequest,
    bank_holidays,
    complaint_acknowledgement,
    looked_after_record,
    policy_document,
    record_of_child_who_died,
    rights_request,
)
from ledger.errors import Malformed

pure = settings(deadline=None, max_examples=200)

SCENARIOS = Path(__file__).parent.parent / "scenarios" / "deadlines.json"
CASES = json.loads(SCENARIOS.read_text())["tests"]
DUAA = st.dates(date(2026, 2, 5), date(2090, 12, 31))
GDPR = st.dates(date(2018, 5, 25), date(2090, 12, 31))
ACCESS, OBJECTION = RightsRequest.ACCESS, RightsRequest.OBJECTION
RIGHTS = st.sampled_from(RightsRequest)


def asked(on: str, answered: str | None) -> Asked:
    return Asked(asked=parse_day(on), answered=parse_day(answered) if answered else None)


def request_due(received: date, **more: Any) -> Deadline:
    return rights_request(received=received, **{"request": ACCESS, **more})


# The table of deadlines, DL01 to DL12.


def received(given: dict[str, Any]) -> date:
    return (
        parse_instant(given["received_at"])
        if "received_at" in given
        else parse_day(given["received_on"])
    )


def requested(given: dict[str, Any], request: RightsRequest) -> Deadline:
    identity = None
    if "identity_requested_on" in given:
        identity = asked(given["identity_requested_on"], given["identity_received_on"])
    return rights_request(
        received=received(given),
        request=request,
        identity=identity,
        extended=given.get("extended", False),
    )


def computed(case: dict[str, Any]) -> list[Deadline]:
    given = case["input"]
    match case["clock"]:
        case "rights_request":
            kinds = [RightsRequest(given["request"])] if "request" in given else list(RightsRequest)
            return [requested(given, kind) for kind in kinds]
        case "complaint_acknowledgement":
            return [complaint_acknowledgement(received=received(given))]
        case "R_LAC75":
            born = parse_day(given["born_on"])
            return [looked_after_record(born=born, died=None, leap="1 March")]
        case "R_LAC_D15":
            return [record_of_child_who_died(died=parse_day(given["died_on"]))]
        case "policy_document_paragraph_40":
            return [policy_document(ceased=parse_day(given["ceased_on"]))]
    raise AssertionError(case["clock"])


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_deadline_is_the_one_in_the_table(case) -> None:
    for deadline in computed(case):
        for name, expected in case["expect"].items():
            got = getattr(deadline, name)
            assert (got.isoformat() if isinstance(got, date) else got) == expected


def test_the_table_is_complete() -> None:
    assert [case["id"] for case in CASES] == [f"DL{n:02}" for n in range(1, 13)]


# Which law: LAW02, LAW03 and their neighbours.


def test_the_law_of_an_objection_is_that_of_the_day_it_was_received() -> None:
    before = rights_request(received=date(2026, 2, 4), request=OBJECTION)
    after = rights_request(received=date(2026, 2, 5), request=OBJECTION)
    assert (before.due, after.due) == (date(2026, 3, 4), date(2026, 3, 5))
    assert before.basis_of_clock.startswith("old Art 12(3)")
    assert after.basis_of_clock == "UK GDPR Art 12A"


def test_identity_shown_under_the_new_law_does_not_move_an_old_request_to_it() -> None:
    late = request_due(date(2026, 2, 4), identity=asked("2026-02-04", "2026-02-10"))
    assert late.due == date(2026, 3, 10)
    assert late.basis_of_clock.startswith("old Art 12(3)")


@pytest.mark.parametrize(
    ("deadline", "basis"),
    [
        (request_due(date(2018, 5, 24)), "none: received before 25 May 2018"),
        (
            complaint_acknowledgement(received=date(2026, 6, 18)),
            "none: received before 19 June 2026",
        ),
    ],
)
def test_a_clock_that_no_law_started_says_so(deadline, basis) -> None:
    assert not deadline.duty
    assert (deadline.due, deadline.extension_notice_by, deadline.waiting_for) == (None, None, None)
    assert deadline.basis_of_clock.startswith(basis)


@pytest.mark.parametrize(
    ("deadline", "basis"),
    [
        (complaint_acknowledgement(received=date(2026, 6, 19)), "DPA 2018 s.164A(3)"),
        (looked_after_record(born=date(2012, 1, 1), died=None, leap="1 March"), "R_LAC75: "),
        (record_of_child_who_died(died=date(2026, 7, 1)), "R_LAC_D15: "),
        (policy_document(ceased=date(2026, 5, 10)), "DPA 2018 Sch 1 para 40"),
    ],
)
def test_a_deadline_names_the_law_it_comes_from(deadline, basis) -> None:
    assert deadline.duty
    assert deadline.basis_of_clock.startswith(basis)


# Requests: what starts and what stops the clock.


def test_the_clock_waits_for_identity_and_for_the_fee() -> None:
    waiting = request_due(
        date(2026, 11, 2), identity=asked("2026-11-03", None), fee=asked("2026-11-03", None)
    )
    assert (waiting.duty, waiting.due, waiting.waiting_for) == (True, None, "identity")
    unpaid = request_due(date(2026, 11, 2), fee=asked("2026-11-03", None))
    assert (unpaid.duty, unpaid.due, unpaid.waiting_for) == (True, None, "fee")


@pytest.mark.parametrize(
    ("identity", "fee"), [("2026-11-20", "2026-11-10"), ("2026-11-10", "2026-11-20")]
)
def test_the_month_runs_from_the_last_thing_that_was_waited_for(identity, fee) -> None:
    deadline = request_due(
        date(2026, 11, 2),
        identity=asked("2026-11-03", identity),
        fee=asked("2026-11-03", fee),
    )
    assert (deadline.due, deadline.waiting_for) == (date(2026, 12, 21), None)


def test_identity_shown_late_in_a_summer_evening_counts_for_the_london_day() -> None:
    identity = Asked(
        asked=parse_instant("2026-06-03T09:00:00Z"), answered=parse_instant("2026-06-08T23:30:00Z")
    )
    assert request_due(date(2026, 6, 1), identity=identity).due == date(2026, 7, 9)


def test_an_extension_is_three_months_from_the_start_not_two_from_the_end() -> None:
    extended = request_due(date(2026, 7, 31), extended=True)
    assert extended.due == date(2026, 11, 2), "31 October is a Saturday"
    assert extended.extension_notice_by == date(2026, 9, 1), "31 August is a bank holiday"


def test_the_days_from_asking_for_clarification_to_the_answer_do_not_count() -> None:
    plain = request_due(date(2026, 11, 2))
    stopped = request_due(date(2026, 11, 2), clarification=asked("2026-11-09", "2026-11-11"))
    assert plain.due == date(2026, 12, 2)
    assert stopped.due == date(2026, 12, 7), "three days on, 5 December, is a Saturday"
    assert stopped.extension_notice_by == date(2026, 12, 7)


def test_while_clarification_is_awaited_there_is_no_last_day() -> None:
    waiting = request_due(date(2026, 11, 2), clarification=asked("2026-11-09", None))
    assert (waiting.duty, waiting.due, waiting.waiting_for) == (True, None, "clarification")
    assert waiting.extension_notice_by is None


@given(GDPR, st.sampled_from([right for right in RightsRequest if right is not ACCESS]))
@pure
def test_no_other_right_has_a_clock_that_clarification_stops(day, right) -> None:
    plain = rights_request(received=day, request=right)
    for answered in (None, day + timedelta(days=9)):
        clarification = Asked(asked=day + timedelta(days=2), answered=answered)
        assert rights_request(received=day, request=right, clarification=clarification) == plain


def test_old_article_12_had_no_clarification_stop() -> None:
    stopped = request_due(date(2026, 2, 4), clarification=asked("2026-02-06", "2026-02-20"))
    assert stopped == request_due(date(2026, 2, 4))


def test_asking_for_clarification_on_the_last_day_stops_the_clock_and_a_day_later_does_not() -> (
    None
):
    received = date(2026, 11, 2)
    in_time = request_due(received, clarification=asked("2026-12-02", "2026-12-03"))
    too_late = request_due(received, clarification=asked("2026-12-03", "2026-12-10"))
    assert in_time.due == date(2026, 12, 4)
    assert too_late.due == date(2026, 12, 2)
    assert too_late.waiting_for is None


def test_asking_in_the_extended_period_moves_the_answer_and_not_the_notice() -> None:
    received = date(2026, 11, 2)
    waiting = request_due(received, extended=True, clarification=asked("2027-01-04", None))
    assert (waiting.due, waiting.waiting_for) == (None, "clarification")
    assert waiting.extension_notice_by == date(2026, 12, 2)
    answered = request_due(received, extended=True, clarification=asked("2027-01-04", "2027-01-05"))
    assert answered.due == date(2027, 2, 4)
    assert answered.extension_notice_by == date(2026, 12, 2)


def test_clarification_settled_before_the_clock_starts_stops_nothing() -> None:
    identity = asked("2026-11-03", "2026-11-20")
    settled = request_due(
        date(2026, 11, 2), identity=identity, clarification=asked("2026-11-03", "2026-11-09")
    )
    assert settled.due == date(2026, 12, 21)
    straddling = request_due(
        date(2026, 11, 2), identity=identity, clarification=asked("2026-11-03", "2026-11-23")
    )
    assert straddling.due == date(2026, 12, 23), "21 to 23 November do not count"


def test_clarification_asked_for_and_given_on_the_day_of_receipt_changes_nothing() -> None:
    same_day = request_due(date(2026, 11, 2), clarification=asked("2026-11-02", "2026-11-02"))
    assert same_day == request_due(date(2026, 11, 2))


@pytest.mark.parametrize("field", ["identity", "fee", "clarification"])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (asked("2026-11-01", "2026-11-05"), "asked before the request was received"),
        (asked("2026-11-01", None), "asked before the request was received"),
        (asked("2026-11-05", "2026-11-04"), "answered before it was asked for"),
    ],
)
def test_days_that_contradict_each_other_are_malformed(field, wrong, message) -> None:
    with pytest.raises(Malformed, match=f"{field}: {message}") as caught:
        request_due(date(2026, 11, 2), **{field: wrong})
    assert caught.value.field == field
    assert "2026" not in str(caught.value)


def test_a_naive_time_of_receipt_is_malformed() -> None:
    with pytest.raises(Malformed, match="without an offset"):
        request_due(datetime.fromisoformat("2026-11-02T09:00:00"))


# Requests and complaints: properties, against a model that counts one day at a time.


def is_working(day: date) -> bool:
    return day.isoweekday() <= 5 and day not in bank_holidays(day.year)


def counted(*, after: date, days: int, stop: tuple[date, date] | None) -> date:
    """Day by day: each counts unless the clock stands still; then on to a working day."""
    day = after
    while days:
        day += timedelta(days=1)
        if stop is None or not stop[0] <= day <= stop[1]:
            days -= 1
    while not is_working(day):
        day += timedelta(days=1)
    return day


@given(GDPR, RIGHTS, st.booleans())
@pure
def test_a_request_is_due_as_the_naive_model_counts(day, right, extended) -> None:
    month = add_months(day, 3 if extended else 1)
    due = rights_request(received=day, request=right, extended=extended).due
    assert due == counted(after=day, days=(month - day).days, stop=None)


@given(DUAA, st.integers(0, 60), st.integers(0, 60))
@pure
def test_a_stopped_clock_is_due_as_the_naive_model_counts(day, wait, length) -> None:
    first = day + timedelta(days=wait)
    last = first + timedelta(days=length)
    due = request_due(day, clarification=Asked(asked=first, answered=last)).due
    assert due == counted(after=day, days=(add_months(day, 1) - day).days, stop=(first, last))


@given(st.dates(date(2026, 6, 19), date(2090, 12, 31)))
@pure
def test_a_complaint_is_due_as_the_naive_model_counts(day) -> None:
    assert complaint_acknowledgement(received=day).due == counted(after=day, days=30, stop=None)


@given(GDPR, RIGHTS, st.booleans())
@pure
def test_a_request_is_due_on_a_working_day_no_earlier_than_the_plain_month(
    day, right, extended
) -> None:
    deadline = rights_request(received=day, request=right, extended=extended)
    assert deadline.due and deadline.extension_notice_by
    assert is_working(deadline.due)
    assert deadline.due >= add_months(day, 3 if extended else 1)
    assert is_working(deadline.extension_notice_by)
    assert deadline.extension_notice_by <= deadline.due


@given(GDPR, st.integers(0, 400), st.booleans())
@pure
def test_a_request_received_later_is_never_due_earlier(day, later, extended) -> None:
    first = request_due(day, extended=extended).due
    second = request_due(day + timedelta(days=later), extended=extended).due
    assert first and second and first <= second


@given(st.dates(date(2026, 6, 19), date(2090, 12, 31)), st.integers(0, 400))
@pure
def test_a_complaint_received_later_is_never_due_earlier(day, later) -> None:
    first = complaint_acknowledgement(received=day).due
    second = complaint_acknowledgement(received=day + timedelta(days=later)).due
    assert first and second and first <= second


@given(GDPR, st.integers(0, 86_399))
@pure
def test_the_hour_of_receipt_does_not_matter(day, second) -> None:
    instant = start_of_day(day) + timedelta(seconds=second)
    if instant < start_of_day(next_day(day)):
        assert request_due(instant) == request_due(day)
        assert complaint_acknowledgement(received=instant) == complaint_acknowledgement(
            received=day
        )


def test_a_deadline_beyond_the_known_calendar_is_refused_and_not_guessed() -> None:
    with pytest.raises(Malformed, match="bank holidays of 2501 are not known"):
        request_due(date(2500, 12, 5))


def test_a_clarification_answered_at_the_end_of_time_is_malformed_and_no_other_error() -> None:
    with pytest.raises(Malformed):
        request_due(date(2026, 11, 2), clarification=asked("2026-11-03", "9999-12-31"))


# Retention.


def test_a_record_is_kept_to_a_weekend_or_holiday_without_rolling() -> None:
    record = looked_after_record(born=date(1951, 12, 25), died=None, leap="1 March")
    assert record.retain_until == date(2026, 12, 25)
    assert policy_document(ceased=date(2026, 6, 25)).retain_through == date(2026, 12, 25)


def test_a_child_of_29_february_has_the_anniversary_that_policy_says() -> None:
    record = looked_after_record(born=date(2012, 2, 29), died=None, leap="28 Feb")
    assert record.retain_until == date(2087, 2, 28)


def test_death_under_18_starts_the_shorter_rule_and_death_at_18_does_not() -> None:
    born = date(2010, 7, 1)
    child = looked_after_record(born=born, died=date(2028, 6, 30), leap="1 March")
    adult = looked_after_record(born=born, died=date(2028, 7, 1), leap="1 March")
    assert child == record_of_child_who_died(died=date(2028, 6, 30))
    assert (child.retain_until, child.retain_through) == (None, date(2043, 6, 29))
    assert (adult.retain_until, adult.retain_through) == (date(2085, 7, 1), None)


def test_the_day_of_death_is_the_london_day() -> None:
    record = record_of_child_who_died(died=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    assert record.retain_through == date(2041, 6, 30)


def test_fifteen_years_beginning_on_29_february_end_on_the_28th() -> None:
    record = record_of_child_who_died(died=date(2028, 2, 29))
    assert record.retain_through == date(2043, 2, 28)


def test_six_months_from_the_end_of_august_end_with_february() -> None:
    assert policy_document(ceased=date(2026, 8, 31)).retain_through == date(2027, 2, 28)
