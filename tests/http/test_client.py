"""The client for Python programs, against the service: each call, blocking and asyncio alike."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api.access import SCOPES
from api.client import (
    Forbidden,
    Invalid,
    LogForked,
    Malformed,
    Moment,
    NotFound,
    Question,
    Refused,
    TooLarge,
    VersionConflict,
)
from api.client_calls import BATCH_MAX
from tests.http.clients import FACES, Face, Send, Wire
from tests.http.service import CATALOGUE, Service, scratch, served, subject
from tests.integration.wired import born, consent, entry, withdrawal

GIVEN = "2026-03-02T10:00:00Z"


@pytest.fixture(params=FACES)
def client(request: pytest.FixtureRequest, service: Service) -> Iterator[Face]:
    face = Face(request.param, service.url, token(service))
    yield face
    face.close()


def token(service: Service, *scopes: Any) -> str:
    return service.issuer.token("program", scopes or SCOPES, seconds=3600)


def test_a_consent_permits_and_a_withdrawal_denies(client: Face) -> None:
    person = subject()
    done = client.record(person, born(), consent(person, GIVEN))

    assert client.check(person, "PHOTO").permitted
    assert (done.version, done.replayed) == (2, False)
    assert [one.type for one in done.entries] == ["DateOfBirthRecorded", "ConsentGranted"]
    assert done.position == done.entries[-1].position

    client.record(person, withdrawal(person, GIVEN), if_version=2)
    denied = client.check(person, "PHOTO", explain="full")
    assert (denied.decision, denied.permitted) == ("DENY", False)
    assert "CONSENT_WITHDRAWN" in denied.flags
    assert any(not step.matched for step in denied.because)


def test_an_answer_is_neither_true_nor_false(client: Face) -> None:
    denied = client.check(subject(), "PHOTO")

    with pytest.raises(TypeError, match="permitted"):
        bool(denied)


def test_a_limited_permission_is_not_permitted(client: Face) -> None:
    person = subject()
    client.record(person, entry("RestrictionApplied", GIVEN, purpose="SAFEGUARD", ground="a"))
    limited = client.check(person, "SAFEGUARD")

    assert (limited.decision, limited.permitted) == ("PERMIT_LIMITED", False)


def test_a_question_says_when_and_on_what_was_known(client: Face) -> None:
    person = subject()
    given = client.record(person, born(), consent(person, GIVEN))
    client.record(person, withdrawal(person, "2026-04-02"))
    moment = datetime(2026, 4, 3, 10, 0, tzinfo=UTC)

    assert not client.check(person, "PHOTO", effective_at=moment).permitted
    assert client.check(person, "PHOTO", effective_at=date(2026, 3, 20)).permitted
    once = client.check(
        person, "PHOTO", effective_at=moment, known_at=given.entries[-1].recorded_at
    )
    assert (once.permitted, once.position) == (True, given.position)
    assert client.check(person, "PHOTO", effective_at=moment, at_position=given.position).permitted


def test_a_person_s_bases_and_what_changed_them(client: Face) -> None:
    person = subject()
    given = client.record(person, born(), consent(person, GIVEN))
    known = given.entries[-1].recorded_at
    gone = client.record(person, withdrawal(person, "2026-04-02"))

    every = client.bases(person)
    assert (every["PHOTO"].decision, every["CARE_RECORD"].permitted) == ("DENY", True)
    assert client.bases(person, effective_at=GIVEN, known_at=known)["PHOTO"].permitted

    later = datetime(2026, 5, 2, tzinfo=UTC)
    found = client.diff(person, Moment(later, known), Moment(later, gone.entries[-1].recorded_at))
    (changed,) = [one for one in found if one.changed]
    assert (changed.purpose, changed.before.permitted) == ("PHOTO", True)
    assert [one.kind for one in changed.causes] == ["learned"]
    assert changed.causes[0].entries == (str(gone.entries[0].entry),)


def test_an_identifier_becomes_a_subject(client: Face) -> None:
    assert client.resolve("case_number", "C-17") == client.resolve("case_number", "C-17")
    with pytest.raises(Malformed) as raised:
        client.resolve("nhs_number", "9434765918")

    assert "9434765918" not in repr(raised.value)
    assert raised.value.where
    assert raised.value.request_id


def test_a_timeline_goes_on_to_its_end(client: Face) -> None:
    person = subject()
    complaint = entry("ComplaintReceived", "2026-01-10T10:00:00Z")
    for _ in range(2):
        client.record(person, *[complaint] * 150)

    found = client.timeline(person)
    assert [one.version for one in found] == list(range(1, 301))
    assert found[0].fact is not None
    assert found[0].fact["type"] == "ComplaintReceived"
    assert len({one.position for one in found}) == 300


def test_lists_of_people(client: Face) -> None:
    people = [subject() for _ in range(3)]
    for person in people:
        client.record(person, born(), consent(person, GIVEN))

    permitted = {one.subject for one in client.population("PHOTO", decision="PERMIT")}
    assert permitted >= {*people}
    assert {one.subject for one in client.population("PHOTO", decision="DENY")}.isdisjoint(people)


def test_exposures_name_who_was_told(client: Face) -> None:
    person = subject()
    given = client.record(person, born(), consent(person, GIVEN))
    assert client.check(person, "PHOTO").permitted
    gone = client.record(person, withdrawal(person, "2026-03-10"))

    period = [one.entries[-1].recorded_at for one in (given, gone)]
    (exposed,) = [
        one for one in client.exposures(*period, purpose="PHOTO").people if one.subject == person
    ]
    assert [(gap.believed, gap.hindsight) for gap in exposed.gaps] == [("PERMIT", "DENY")]
    assert [told.client for told in exposed.gaps[0].told] == ["program"]


def test_a_reason_is_left_in_the_read_audit(client: Face) -> None:
    person = subject()
    client.stating(reason="Prüfung 12", on_behalf_of="team 3").check(person, "PHOTO")
    client.check(person, "PHOTO")

    found = client.reads(subject=person)
    assert [(one.reason, one.on_behalf_of) for one in found if one.kind == "CHECK"] == [
        ("Prüfung 12", "team 3"),
        (None, None),
    ]
    assert {one.client for one in found} == {"program"}
    for words in ("", "two\nlines", "x" * 201):
        with pytest.raises(Invalid):
            client.stating(reason=words)


def test_a_catalogue_is_read_and_adopted(client: Face) -> None:
    held = client.catalogue()
    done = client.adopt(held.document, if_version=held.version)
    again = client.adopt(CATALOGUE, effective_at="2026-01-01T00:00:00Z", key=uuid4().hex)

    assert held.document["purposes"]
    assert again.version == done.version + 1 == client.catalogue().version
    with pytest.raises(VersionConflict):
        client.adopt(held.document, if_version=held.version)
    notice = entry("NoticePublished", "2026-01-01", notice=f"notice-{uuid4().hex}")
    assert client.record_common(notice).version == again.version + 1


def test_the_feed_goes_on_where_it_was_left(client: Face, service: Service) -> None:
    (head,) = client.feed("head", follow=False)
    person = subject()
    done = client.record(person, born(), consent(person, GIVEN))

    (page,) = client.feed(head.next, follow=False)
    assert [one.data.entry for one in page.events] == [str(one.entry) for one in done.entries]
    assert {one.subject for one in page.events} == {person}
    assert page.complete

    def recorded_meanwhile(request: httpx2.Request, send: Send) -> httpx2.Response:
        service.caller.record(person, withdrawal(person, GIVEN))
        return send()

    client.wire.acts.extend((lambda request, send: send(), recorded_meanwhile))
    first, second = client.first("feed", 2, after=head.next)
    assert first.events == page.events
    assert [one.data.type for one in second.events] == ["ConsentWithdrawn"]
    assert client.wire.sent("prefer")[-2:] == ["wait=20"] * 2
    with pytest.raises(LogForked):
        client.feed("0:1:00000000-0", follow=False)


def test_any_other_call_has_the_same_errors(client: Face) -> None:
    assert json.loads(client.call("GET", "/openapi.json"))["openapi"].startswith("3.1")
    with pytest.raises(NotFound):
        client.call("GET", "/v1/nowhere")


def test_what_is_written_is_seen_by_the_next_question(client: Face) -> None:
    person = subject()
    done = client.record(person, born(), consent(person, GIVEN))
    client.wire.requests.clear()
    client.check(person, "PHOTO")
    once = Question(person, "PHOTO", at_position=done.position)
    client.check_many([once, Question(person, "PHOTO"), Question(person, "CARE_RECORD")])
    client.bases(person)
    client.timeline(person)
    client.population("PHOTO")
    client.check(subject(), "PHOTO")
    client.bases(person, min_position="0:1")
    client.check(person, "PHOTO", min_position="0:1")
    client.check(person, "PHOTO", min_position=done.position.rpartition(":")[0])

    *later, kept = client.wire.requests[-3:]
    assert later[0].url.params["min_position"] == done.position
    assert json.loads(later[1].content)["min_position"] == done.position
    assert json.loads(kept.content)["min_position"] == done.position.rpartition(":")[0]
    single, batch, bases, timeline, population, stranger = client.wire.requests[:6]
    assert json.loads(single.content)["min_position"] == done.position
    asked = [one.get("min_position") for one in json.loads(batch.content)["checks"]]
    assert asked == [None, done.position, None]
    for one in (bases, timeline, population):
        assert one.url.params["min_position"] == done.position
    assert client.wire.sent("prefer") == ["wait=5"] * 5 + [None] + ["wait=5"] * 3
    assert "min_position" not in json.loads(stranger.content)


def test_what_the_feed_told_is_seen_by_the_next_question(client: Face, service: Service) -> None:
    (head,) = client.feed("head", follow=False)
    person = subject()
    service.caller.record(person, born(), consent(person, GIVEN))
    (page,) = client.feed(head.next, follow=False)
    client.check(person, "PHOTO")

    asked = json.loads(client.wire.requests[-1].content)["min_position"]
    assert asked == page.events[-1].position


def test_a_long_batch_is_answered_in_order_on_one_state(client: Face, service: Service) -> None:
    person, others = subject(), [subject() for _ in range(BATCH_MAX)]
    given = client.record(person, born(), consent(person, GIVEN))
    early = given.entries[-1].recorded_at - timedelta(microseconds=1)
    questions = [
        Question(person, "PHOTO"),
        *[Question(one, "PHOTO") for one in others],
        Question(person, "PHOTO"),
        Question(person, "PHOTO", known_at=early),
        Question(person, "CARE_RECORD"),
    ]

    def withdrawn_meanwhile(request: httpx2.Request, send: Send) -> httpx2.Response:
        service.caller.record(person, withdrawal(person, GIVEN))
        return send()

    client.wire.acts.extend((lambda request, send: send(), withdrawn_meanwhile))
    found = client.check_many(questions)

    assert len(found) == len(questions)
    assert [found[0].decision, found[BATCH_MAX + 1].decision] == ["PERMIT", "PERMIT"]
    assert not found[BATCH_MAX + 2].permitted
    assert found[BATCH_MAX + 3].permitted
    now = [one for n, one in enumerate(found) if n != BATCH_MAX + 2]
    assert {(one.position, one.catalogue) for one in now} == {(given.position, now[0].catalogue)}
    assert found[BATCH_MAX + 1].effective_at <= found[0].effective_at + timedelta(seconds=1)
    assert not client.check(person, "PHOTO").permitted


def test_a_batch_beyond_what_one_body_may_hold_is_cut(service: Service) -> None:
    client = Face("blocking", service.url, token(service))
    asked = [Question(subject(), "PHOTO", data=[f"C{n:03}" * 20] * 8) for n in range(400)]
    found = client.check_many(asked)
    assert len(found) == 400
    assert len(client.wire.requests) > 2
    with pytest.raises(TooLarge):
        client.check_many([Question(subject(), "PHOTO", data=["C" * 400_000])])
    client.close()


def test_no_questions_are_no_request(client: Face) -> None:
    assert client.check_many([]) == []
    assert client.wire.requests == []


def test_errors_say_what_and_where(client: Face, service: Service) -> None:
    person = subject()
    with pytest.raises(Refused) as refused:
        client.record(person, consent(person, GIVEN, purpose="NO_SUCH"), key="of mine")
    assert (refused.value.reason, refused.value.key) == ("UNKNOWN_PURPOSE", "of mine")
    assert refused.value.where[0].pointer == "/entries/0/purpose"
    assert "/entries/0/purpose: " in str(refused.value)

    with pytest.raises(Malformed) as malformed:
        client.check(person, "PHOTO", known_at="2999-01-01T00:00:00Z")
    assert malformed.value.names("known_at")
    with pytest.raises(LogForked):
        client.check(person, "PHOTO", min_position="0:1:00000000")
    client.close()

    bound = Face("blocking", service.url, token(service, "check"))
    with pytest.raises(Forbidden, match="scope record"):
        bound.record(person, born())
    bound.close()


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda one: one.check("nobody", "PHOTO"), "subject"),
        (lambda one: one.check(uuid4(), "PHOTO", known_at=datetime(2026, 1, 1)), "known_at"),  # noqa: DTZ001
        (lambda one: one.check(uuid4(), "PHOTO", min_position="x"), "min_position"),
        (lambda one: one.record(uuid4(), entry("DeathRecorded", "2026-01-01"), key=""), "key"),
        (lambda one: one.record(uuid4(), {"type": object()}), "body"),
        (lambda one: one.call("GET", "v1/feed"), "path"),
    ],
)
def test_what_cannot_be_sent_is_not(service: Service, call: Any, field: str) -> None:
    client = Face("blocking", service.url, token(service))
    client.record(person := subject(), born())
    client.ledger.check(person, "PHOTO")
    client.wire.requests.clear()

    with pytest.raises(Invalid, match=f"^{field}: "):
        call(client)
    assert client.wire.requests == []
    client.close()


def test_a_question_has_no_other_words() -> None:
    with pytest.raises(TypeError, match="operaton"):
        Question(uuid4(), "PHOTO", operaton="SHARE")  # type: ignore[call-arg]


@pytest.mark.parametrize("url", ["ftp://x", "localhost:8080", "http://me:hidden@x", "http://x?a=b"])
def test_an_address_holds_no_secret(url: str) -> None:
    with pytest.raises(Invalid) as raised:
        Face("blocking", url, "x")
    assert "hidden" not in str(raised.value)


def test_before_the_first_catalogue_there_is_none(postgres: str) -> None:
    with scratch(postgres) as where, served(where, catalogue=None) as service:
        client = Face("blocking", service.url, token(service), wire=Wire())
        with pytest.raises(NotFound):
            client.catalogue()
        client.close()
