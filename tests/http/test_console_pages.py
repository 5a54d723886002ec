"""What pages about a person show, to whom, and what looking leaves."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from uuid import uuid4

import pytest

from api.access import Grant
from tests.http.consoles import THEN, Console, looked_at, shown
from tests.http.service import recorded
from tests.integration.wired import consent, entry


@pytest.fixture(scope="module")
def console(postgres: str) -> Iterator[Console]:
    with looked_at(postgres) as made:
        yield made


def test_both_truths_of_what_was_heard_late(console: Console) -> None:
    then = shown(console.reader.get(f"{console.place}?{THEN}"))
    now = shown(console.reader.get(f"{console.place}?effective_at=2024-03-14"))

    assert "On 1 April 2024 the council believed that on 14 March 2024" in then.said()
    assert "Later corrections change this answer." in then.said()
    assert "it is another for Publicity photographs" in then.said()
    assert re.search(r"Publicity photographs Consent, Article 6\(1\)\(a\).*?Yes", then.said())
    assert re.search(r"Known today: No", then.said())
    assert "On everything recorded so far, on 14 March 2024" in now.said()
    assert "Later corrections" not in now.said()
    assert re.search(r"Publicity photographs Consent withdrawn 12 March 2024 No", now.said())
    assert "Recorded late: 29 days after it took effect" in now.said()
    assert "Not known yet at the moment shown" in then.said()
    assert "Not known yet" not in now.said()


def test_why_says_what_was_learned_since(console: Console) -> None:
    page = shown(console.reader.get(f"{console.place}/why?purpose=PHOTO&{THEN}"))

    assert page.headings == ["Why “Yes” for Publicity photographs?"]
    assert "Consent withdrawn : took effect 12 March 2024, recorded 10 April 2024" in page.said()
    now = shown(console.reader.get(f"{console.place}/why?purpose=PHOTO&effective_at=2024-03-14"))
    assert now.headings == ["Why “No” for Publicity photographs?"]
    assert "Had the consent been withdrawn?" in now.said()
    assert "This is the answer on everything recorded so far." in now.said()


def test_a_link_to_exactly_this_answer_leads_to_the_same_answer(console: Console) -> None:
    page = console.reader.get(f"{console.place}/why?purpose=PHOTO&{THEN}").text
    (place,) = re.findall(r'href="([^"]+)">A link to exactly this answer', page)
    again = console.reader.get(place.replace("&amp;", "&")).text

    positions = [re.findall(r"\b0:\d+:[0-9a-f]{8}\b", one)[:2] for one in (page, again)]
    assert positions[0] == positions[1] != []
    assert "Why “Yes” for Publicity photographs?" in again


def test_the_twins_of_a_table_say_what_the_page_says(console: Console) -> None:
    rows = console.reader.get(f"{console.place}/bases.json?{THEN}").json()["rows"]
    photo = next(one for one in rows if one["purpose"] == "PHOTO")
    assert (photo["decision"], photo["decision_today"], photo["live"]) == ("PERMIT", "DENY", ["a"])

    text = console.reader.get(f"{console.place}/bases.csv?{THEN}").content.decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text)))
    assert [one["decision"] for one in table] == [one["decision"] for one in rows]


@pytest.mark.parametrize("table", ["bases", "timeline", "clocks"])
@pytest.mark.parametrize("ending", ["json", "csv"])
def test_every_table_has_its_twins(console: Console, table: str, ending: str) -> None:
    page = console.reader.get(f"{console.place}?{THEN}&purpose=PHOTO").text
    (place,) = set(re.findall(rf'href="([^"]+/{table}\.{ending}[^"]*)"', page))
    response = console.reader.get(place.replace("&amp;", "&"))

    assert response.status_code == 200
    assert len(response.content) > 200
    if (table, ending) == ("clocks", "json"):
        assert response.json()["caption"] == "Two clocks: Publicity photographs"


def test_the_steps_have_their_twins(console: Console) -> None:
    page = console.reader.get(f"{console.place}/why?purpose=PHOTO").text
    for ending in ("json", "csv"):
        (place,) = re.findall(rf'href="([^"]+/steps\.{ending}[^"]*)"', page)
        assert console.reader.get(place.replace("&amp;", "&")).status_code == 200
    steps = console.reader.get(f"{console.place}/why/steps.json?purpose=PHOTO").json()["rows"]
    assert [one["n"] for one in steps] == list(range(1, len(steps) + 1))
    assert any(one["flag"] == "CONSENT_WITHDRAWN" and one["entries"] for one in steps)


def test_the_previous_and_the_next_change_lead_there(console: Console) -> None:
    page = console.reader.get(f"{console.place}?effective_at=2024-03-05").text
    links = dict(re.findall(r'href="([^"]+)" rel="(prev|next)"', page))
    places = {rel: place.replace("&amp;", "&") for place, rel in links.items()}

    assert "effective_at=2024-03-02" in places["prev"]
    assert "effective_at=2024-03-12" in places["next"]
    assert "Consent withdrawn" in console.reader.get(places["next"]).text


def test_looking_leaves_a_row_for_every_answer_with_the_reason(console: Console) -> None:
    reader = console.read_by("rows", reason="Complaint DP-2026-014")
    assert reader.get(f"{console.place}?{THEN}").status_code == 200
    rows = console.rows("rows")
    kinds = Counter(kind for kind, *_ in rows)
    # Every purpose, the one that is another today, and the page.
    assert kinds == {"BASES": 21 + 1, "TIMELINE": 1}
    assert {(reason, subject) for *_, reason, subject in rows} == {
        ("Complaint DP-2026-014", console.person)
    }

    assert reader.get(f"{console.place}/why?purpose=PHOTO&{THEN}").status_code == 200
    assert Counter(kind for kind, *_ in console.rows("rows")) == kinds + Counter(CHECK=2)


def test_a_grant_shows_its_own_purposes_alone(console: Console) -> None:
    grant = Grant(purposes=frozenset({"RESEARCH"}), entry_types=frozenset())
    reader = console.read_by("narrow", grant=grant)
    page = shown(reader.get(console.place)).said()

    assert "Research" in page and "photographs" not in page.lower()
    assert "Objection received" in page and "Consent withdrawn" not in page
    why = reader.get(f"{console.place}/why?purpose=PHOTO")
    assert "photographs" not in shown(why, 400).said().lower()
    rows = reader.get(f"{console.place}/timeline.json").json()["rows"]
    assert [one["type"] for one in rows] == ["ObjectionReceived"]


@pytest.mark.parametrize("scopes", [(), ("check",), ("record", "audit")])
def test_a_page_needs_its_scope(console: Console, scopes: tuple[str, ...]) -> None:
    name = f"without-{'-'.join(scopes)}"
    reader = console.read_by(name, scopes=scopes)
    for place in (console.place, f"{console.place}/why?purpose=PHOTO", "/console"):
        assert shown(reader.get(place), 403).headings == ["You may not see this page"]
    assert console.rows(name) == []


def test_an_entry_is_shown_whole_and_found_to_be_as_recorded(console: Console) -> None:
    page = console.reader.get(console.place).text
    (place,) = re.findall(r'href="([^"]+/entries/[^"]+)">[^<]*<span[^>]*>: Consent withdrawn', page)
    one = shown(console.reader.get(place)).said()

    assert "Consent withdrawn – Publicity photographs" in one
    assert "Note letter opened on 10 April" in one and "letter opened" not in page
    assert "by test" in one and "Leaf hash" in one
    assert len(console.rows("ana")) > 0


def test_an_altered_entry_is_not_shown(console: Console) -> None:
    person = uuid4()
    (made,) = recorded(console.service.caller.record(person, consent(person, "2024-01-01")))[
        "entries"
    ]
    place = f"/console/people/{person}/entries/{made['entry']}"
    assert console.reader.get(place).status_code == 200
    console.service.sql(
        "UPDATE entry SET leaf_hash = sha256('other') WHERE event_id = %s RETURNING n",
        made["entry"],
    )

    page = shown(console.reader.get(place), 500)
    assert page.headings == ["Sorry, there is a problem with the service"]
    assert str(person) not in page.said()


def test_an_entry_of_somebody_else_or_for_another_purpose_is_not_there(console: Console) -> None:
    page = console.reader.get(console.place).text
    entries = set(re.findall(r"/entries/([0-9a-f-]{36})", page))
    grant = Grant(purposes=frozenset({"RESEARCH"}), entry_types=frozenset())
    narrow = console.read_by("narrower", grant=grant)
    answers = {narrow.get(f"{console.place}/entries/{one}").status_code for one in entries}
    assert answers == {200, 404}
    elsewhere = f"/console/people/{uuid4()}/entries/{min(entries)}"
    assert console.reader.get(elsewhere).status_code == 404


def test_what_a_rule_used_is_named_as_far_as_the_grant_goes(console: Console) -> None:
    person = uuid4()
    born = entry("DateOfBirthRecorded", "2018-05-25", date_of_birth="2010-03-03")
    looked_after = entry("StatusStarted", "2024-01-01") | {"kind": "LAC"}
    recorded(console.service.caller.record(person, born, looked_after))
    grant = Grant(purposes=frozenset({"LAC_CARE"}), entry_types=frozenset())
    narrow = console.read_by("narrowest", grant=grant)
    page = shown(narrow.get(f"/console/people/{person}/why?purpose=LAC_CARE")).said()

    assert "Status began" not in page and "Date of birth" not in page
    assert "Catalogue adopted" in page


def test_of_somebody_never_heard_of_the_catalogue_answers(console: Console) -> None:
    page = shown(console.reader.get(f"/console/people/{uuid4()}")).said()

    assert "Nothing is recorded that you may see." in page
    assert "the basis for 21 purposes is as below" in page


def test_a_long_timeline_comes_in_parts(console: Console) -> None:
    person = uuid4()
    for year in range(2000, 2023):
        recorded(console.service.caller.record(person, consent(person, f"{year}-02-01")))
    place = f"/console/people/{person}"
    first, second = (console.reader.get(place, params={"part": n}).text for n in (1, 2))
    entries = [re.findall(r'id="(entry-[^"]+)"', one) for one in (first, second)]

    assert [len(one) for one in entries] == [20, 3]
    assert not set(entries[0]) & set(entries[1])
    assert "Earlier entries" in first and "Later entries" in second
    assert len(console.reader.get(f"{place}/timeline.json").json()["rows"]) == 23
