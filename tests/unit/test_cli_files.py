"""Commands that need no database: scenarios, replay, catalogues; and how they fail."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.shell import Ran, Shell

SCENARIOS = Path(__file__).parents[1] / "scenarios"
CATALOGUE = SCENARIOS / "catalogue.json"
BOLTON = Path(__file__).parents[2] / "ops" / "catalogues"


def run(*words: object) -> Ran:
    return Shell().run(*words)


def scenario(*words: object) -> Ran:
    return run("scenario", "--catalogue", CATALOGUE, *words)


def replay(events: Path, *words: object) -> Ran:
    return run("replay", "--catalogue", CATALOGUE, "--events", events, *words)


def given(name: str) -> list[dict[str, Any]]:
    return json.loads((SCENARIOS / f"{name}.json").read_bytes())["given"]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def one_line(ran: Ran) -> str:
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    return ran.err.removeprefix("error: ").rstrip("\n")


# Scenarios.


def test_the_scenarios_of_the_law_do_not_differ() -> None:
    ran = scenario(*sorted(SCENARIOS.glob("S*.json")))

    assert (ran.code, ran.out, ran.err) == (0, "107 asks, 0 differ\n", "")


def test_a_directory_stands_for_its_scenarios_and_not_for_the_files_beside_them() -> None:
    assert scenario(SCENARIOS).out == "107 asks, 0 differ\n"


def test_as_json_each_ask_is_a_line_and_the_tally_is_the_last() -> None:
    *asks, tally = scenario("--json", SCENARIOS / "S01.json", SCENARIOS / "S03.json").json()

    assert tally == {"asks": 6, "differ": 0}
    assert [(one["scenario"], one["ask"]) for one in asks] == [
        *[("S01", n) for n in (1, 2, 3)],
        *[("S03", n) for n in (1, 2, 3)],
    ]
    assert {tuple(one) for one in asks} == {("scenario", "ask", "ok", "answer", "differs")}
    assert all(one["ok"] and one["differs"] == [] for one in asks)
    assert [one["answer"]["decision"] for one in asks[:3]] == ["DENY", "PERMIT", "PERMIT"]


def wrong(tmp_path: Path) -> Path:
    value = json.loads((SCENARIOS / "S01.json").read_bytes())
    value["asks"][1]["expect"]["decision"] = "DENY"
    return written(tmp_path / "S01.json", json.dumps(value))


def test_an_answer_that_differs_is_said_and_the_command_exits_with_3(tmp_path: Path) -> None:
    ran = scenario(wrong(tmp_path), SCENARIOS / "S02.json")

    assert ran.code == 3
    assert ran.out.splitlines() == [
        "S01 ask 2: decision: expected DENY, got PERMIT",
        "4 asks, 1 differ",
    ]


def test_as_json_a_difference_is_a_field_of_its_ask(tmp_path: Path) -> None:
    ran = scenario("--json", wrong(tmp_path))

    assert ran.code == 3
    assert [one["ok"] for one in ran.json()[:-1]] == [True, False, True]
    assert ran.json()[1]["differs"] == ["decision: expected DENY, got PERMIT"]
    assert ran.json()[-1] == {"asks": 3, "differ": 1}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("X.json", "{", "X.json: scenario: is not JSON"),
        ("X.json", "{}", "X.json: scenario: Object missing required field"),
        ("catalogue.json", "{}", "catalogue.json: scenario: Object missing required field"),
        (
            "X.json",
            json.dumps({"id": "X", "title": "X", "given": [{"id": "e", "type": "No"}], "asks": []}),
            "X.json: scenario.given[0].",
        ),
    ],
)
def test_a_malformed_file_is_an_error_that_names_it(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    ran = scenario(written(tmp_path / name, text))

    assert ran.code == 1
    assert f"{tmp_path}/{said}" in one_line(ran)


def test_a_file_of_another_kind_in_a_directory_is_not_passed_over(tmp_path: Path) -> None:
    written(tmp_path / "catalogue.json", "{}")
    written(tmp_path / "notes.json", "{}")
    ran = scenario(tmp_path)

    assert ran.code == 1
    assert "notes.json: scenario: " in one_line(ran)


def test_a_directory_without_scenarios_is_an_error_and_no_pass(tmp_path: Path) -> None:
    ran = scenario(tmp_path)

    assert ran.code == 1
    assert "holds no scenario" in one_line(ran)


# Bad usage.


@pytest.mark.parametrize(
    "words",
    [
        ["scenario"],
        ["scenario", "--catalogue", str(CATALOGUE)],
        ["no-such-command"],
        ["replay", "--no-such-option"],
        ["demo", "--port", "seventy"],
        ["record", "--subject", "x"],
        ["record", "DeathRecorded"],
        ["record", "--common", "--subject", "x", "DeathRecorded"],
        ["record", "--common", "DeathRecorded", "effective_at"],
    ],
)
def test_bad_usage_is_one_line_and_exits_with_2(words: list[str]) -> None:
    ran = run(*words)

    assert ran.code == 2
    assert "--help`" in one_line(ran)


def test_every_command_explains_itself() -> None:
    names = ("serve demo record check timeline replay compare scenario import export token migrate "
             "rebuild doctor config catalogue")  # fmt: skip
    for name in names.split():
        ran = run(name, "--help")
        assert (ran.code, ran.err) == (0, "")
        assert "--help" in ran.out


# Replay.

DEATH = '{"subject": "A1", "type": "DeathRecorded", "effective_at": "2026-11-01T10:00:00Z"}'


def test_replay_answers_from_a_list_of_entries(tmp_path: Path) -> None:
    events = written(tmp_path / "events.json", json.dumps(given("S03")))
    moments = ("--effective-at", "2026-09-10T10:00:00Z")
    believed = replay(events, "--purpose", "PHOTO", *moments, "--known-at", "2026-03-10T10:00:00Z")

    assert (believed.code, believed.out) == (0, "A1 PHOTO: PERMIT a\n")
    learned = replay(events, "--purpose", "PHOTO", *moments)
    assert (learned.code, learned.out) == (3, "A1 PHOTO: DENY [CONSENT_WITHDRAWN]\n")


def test_replay_reads_lines_as_it_reads_a_list_and_a_scenario_file(tmp_path: Path) -> None:
    moments = ("--effective-at", "2026-11-23T09:00:00Z", "--json")
    lines = "\n\n".join(json.dumps(one) for one in given("S16"))
    from_lines = replay(written(tmp_path / "events.ndjson", lines), *moments)

    assert from_lines.code == 3
    assert from_lines.out == replay(SCENARIOS / "S16.json", *moments).out
    purposes = {one["id"] for one in json.loads(CATALOGUE.read_bytes())["purposes"]}
    assert {one["purpose"] for one in from_lines.json()} == purposes
    assert {one["subject"] for one in from_lines.json()} == {"C2"}


def test_replay_asks_about_whom_and_what_it_is_told() -> None:
    ran = replay(
        SCENARIOS / "S49.json",
        *("--subject", "T2", "--subject", "T1", "--purpose", "PHOTO"),
        *("--effective-at", "2026-11-23T09:00:00Z"),
    )

    assert ran.out.splitlines() == ["T2 PHOTO: PERMIT a", "T1 PHOTO: DENY"]


def test_replay_of_a_day_gives_its_least_permissive_answer() -> None:
    ran = replay(SCENARIOS / "S01.json", "--purpose", "PHOTO", "--effective-at", "2026-03-02")

    assert ran.code == 3
    assert "INTRADAY_CHANGE" in ran.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{DEATH}\n\n[]", "line 3: must be a JSON object"),
        (f"{DEATH}\n{{", "line 2: is not JSON"),
        ("[]", "--events: names nobody"),
        ('[{"id": "e1", "type": "DeathRecorded"}]', "entry 1"),
        ('[{"id": "e1", "subject": {"scheme": "x", "value": "Jane"}}]', "entry 1.subject"),
    ],
)
def test_entries_that_cannot_be_read_are_named_by_their_place(
    tmp_path: Path, text: str, said: str
) -> None:
    ran = replay(written(tmp_path / "events", text))

    assert ran.code == 1
    assert said in one_line(ran)
    assert "Jane" not in ran.err


def test_a_moment_without_an_offset_is_refused_by_its_option() -> None:
    ran = replay(SCENARIOS / "S01.json", "--known-at", "2026-01-10T10:00:00")

    assert ran.code == 1
    assert one_line(ran).startswith("--known-at: ")


# Catalogues.


def test_a_catalogue_with_an_error_exits_with_3_and_may_still_be_adoptable() -> None:
    ran = run("catalogue", "validate", BOLTON / "bolton-3.0.json")

    assert ran.code == 3
    codes = [line.split()[1] for line in ran.out.splitlines()[:-1]]
    assert set(codes) >= {f"G{n:02}" for n in range(1, 33)}
    assert ran.out.splitlines()[-1].endswith("it may be adopted")


def test_a_catalogue_without_errors_exits_with_0() -> None:
    ran = run("catalogue", "validate", "--json", BOLTON / "bolton-4.0.json")

    *findings, verdict = ran.json()
    assert ran.code == 0
    assert {one["code"] for one in findings} == {"G25", "G27"}
    assert verdict == {"findings": 2, "errors": 0, "adoptable": True}


def test_a_catalogue_that_asserts_what_the_law_bars_may_not_be_adopted(tmp_path: Path) -> None:
    value = json.loads((BOLTON / "bolton-4.0.json").read_bytes())
    value["purposes"][0]["lines"] = [
        {"article6": "ea", "annex1": ["RLI-6"], "effective_from": "2026-07-01"}
    ]
    file = written(tmp_path / "barred.json", json.dumps(value))
    *findings, verdict = run("catalogue", "validate", "--json", file).json()

    assert verdict["adoptable"] is False
    assert findings[0]["code"] == "PUBLIC_AUTHORITY_BAR"
    assert findings[0]["refuses_adoption"] is True


def test_the_moment_of_judgement_is_an_instant() -> None:
    file = BOLTON / "bolton-4.0.json"
    ran = run("catalogue", "validate", "--effective-at", "soon", file)

    assert ran.code == 1
    assert one_line(ran).startswith("--effective-at: ")


def test_a_catalogue_that_cannot_be_read_names_its_field(tmp_path: Path) -> None:
    value = json.loads((BOLTON / "bolton-4.0.json").read_bytes())
    value["purposes"][2]["controller"] = "NOBODY"
    file = written(tmp_path / "broken.json", json.dumps(value))
    ran = run("catalogue", "validate", file)

    assert ran.code == 1
    assert one_line(ran).startswith(f"{file}: catalogue.purposes[2].controller: ")


def test_two_catalogues_differ_by_purpose() -> None:
    ran = run("catalogue", "diff", BOLTON / "bolton-3.0.json", BOLTON / "bolton-4.0.json")

    lines = ran.out.splitlines()
    assert ran.code == 3
    assert {"ADDED P02a", "ADDED P18b", "REMOVED P02", "REMOVED P18"} <= set(lines)
    assert any(
        line.startswith("CHANGED P10: ") and "material: recipients" in line for line in lines
    )


def test_a_catalogue_does_not_differ_from_itself() -> None:
    same = BOLTON / "bolton-4.0.json"
    ran = run("catalogue", "diff", same, same)

    assert (ran.code, ran.out) == (0, "0 purposes differ, 0 materially\n")
    assert run("catalogue", "diff", "--json", same, same).out == ""


def test_as_json_a_change_says_whether_it_is_material() -> None:
    old, new = BOLTON / "bolton-3.0.json", BOLTON / "bolton-4.0.json"
    changes = {one["purpose"]: one for one in run("catalogue", "diff", "--json", old, new).json()}

    assert changes["P10"]["material_fields"] == ["recipients"]
    assert changes["P18"] == {
        "purpose": "P18",
        "kind": "REMOVED",
        "fields": [],
        "material_fields": [],
        "material": True,
    }


def test_a_replay_without_moments_is_about_now_on_all_that_was_recorded(tmp_path: Path) -> None:
    grant = given("S01")
    events = written(tmp_path / "events.json", json.dumps(grant))
    (found,) = replay(events, "--purpose", "PHOTO", "--json").json()

    last = max(datetime.fromisoformat(one["recorded_at"]) for one in grant)
    assert datetime.fromisoformat(found["answer"]["known_at"]) == last
    assert datetime.fromisoformat(found["answer"]["effective_at"]) >= datetime(
        2026, 1, 1, tzinfo=UTC
    )
