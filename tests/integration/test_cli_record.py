"""`ledger record`, `check`, `timeline`, `compare` and `catalogue apply` on a database."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.integration.wired import SCENARIOS, Founded, founded
from tests.shell import Ran, Shell

CATALOGUE = SCENARIOS / "catalogue.json"
SINCE = "2018-05-25T00:00:00Z"


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.fixture
def shell(ledger: Founded, tmp_path: Path) -> Shell:
    """Commands on a ledger whose catalogue is that of the scenarios."""
    made = Shell.on(database=ledger.database, keys=ledger.keys_database, folder=tmp_path)
    assert made.run("catalogue", "apply", CATALOGUE, "--effective-at", SINCE).code == 0
    return made


def grant(shell: Shell, subject: UUID, *more: str, effective_at: str = "2026-01-10") -> Ran:
    return shell.run(
        *("record", "--subject", subject, *more),
        *("ConsentGranted", f"effective_at={effective_at}", "purpose=PHOTO"),
        *(f"given_by={subject}", "capacity=SELF", "evidence=form 1"),
    )


def born(shell: Shell, subject: UUID) -> None:
    words = ("effective_at=2018-05-25", "date_of_birth=1980-05-05")
    assert shell.run("record", "--subject", subject, "DateOfBirthRecorded", *words).code == 0


def withdraw(shell: Shell, subject: UUID) -> Ran:
    words = ("effective_at=2026-02-10", "purpose=PHOTO", f"given_by={subject}", "capacity=SELF")
    return shell.run("record", "--subject", subject, "ConsentWithdrawn", *words)


def check(shell: Shell, subject: UUID, *more: str) -> Ran:
    return shell.run("check", "--subject", subject, "--purpose", "PHOTO", *more)


def one_line(ran: Ran) -> str:
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    return ran.err.removeprefix("error: ").rstrip("\n")


def test_a_consent_recorded_permits_and_a_withdrawal_denies(shell: Shell) -> None:
    subject = uuid4()
    born(shell, subject)
    assert check(shell, subject).code == 3

    granted = grant(shell, subject)
    assert granted.code == 0
    assert granted.out.startswith("recorded ConsentGranted ")
    permitted = check(shell, subject)
    assert (permitted.code, permitted.out.splitlines()[0]) == (0, "PERMIT")

    assert withdraw(shell, subject).code == 0
    denied = check(shell, subject, "--json")
    assert denied.code == 3
    (answer,) = denied.json()
    assert (answer["decision"], answer["flags"]) == ("DENY", ["CONSENT_WITHDRAWN"])


def test_a_check_may_be_about_the_past_as_it_was_known_then(shell: Shell) -> None:
    subject = uuid4()
    born(shell, subject)
    (granted,) = grant(shell, subject, "--json").json()
    withdraw(shell, subject)
    about = ("--effective-at", "2026-03-01T10:00:00Z")

    assert check(shell, subject, *about).code == 3
    assert check(shell, subject, *about, "--at-position", granted["position"]).code == 0
    known = ("--known-at", granted["entries"][0]["recorded_at"])
    assert check(shell, subject, *about, *known).code == 0


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--operation", "SELL", "--operation: "),
        ("--explain", "everything", "--explain: "),
        ("--effective-at", "20260101", "effective_at: "),
        ("--known-at", "2026-01-01", "known_at: "),
        ("--at-position", "1", "at_position: "),
        ("--known-at", "2999-01-01T00:00:00Z", "known_at: "),
    ],
)
def test_a_question_that_cannot_be_read_names_its_field(
    shell: Shell, option: str, value: str, said: str
) -> None:
    ran = check(shell, uuid4(), option, value)

    assert ran.code == 1
    assert one_line(ran).startswith(said)


def test_a_subject_is_a_uuid(shell: Shell) -> None:
    ran = shell.run("check", "--subject", "Jane Doe", "--purpose", "PHOTO")

    assert ran.code == 1
    assert one_line(ran) == "--subject: must be a UUID, as the resolver gave it"


def test_a_refused_entry_exits_with_3_and_says_which_and_why(shell: Shell) -> None:
    ran = shell.run(
        *("record", "--subject", uuid4(), "ConsentGranted", "effective_at=2026-01-10"),
        *("purpose=NO_SUCH", "given_by=x", "capacity=SELF"),
    )

    assert (ran.code, ran.out) == (3, "")
    assert one_line(ran).startswith("entries[0].purpose: ")
    assert "(UNKNOWN_PURPOSE)" in ran.err


def test_an_entry_that_cannot_be_read_exits_with_1_and_never_repeats_a_value(
    shell: Shell,
) -> None:
    words = ("effective_at=2026-01-10", "purpose=PHOTO", "given_by=x", "capacity=Jane Doe")
    ran = shell.run("record", "--subject", uuid4(), "ConsentGranted", *words)

    assert ran.code == 1
    assert one_line(ran).startswith("entries[0].capacity: ")
    assert "Jane" not in ran.err


def test_the_same_key_records_once(shell: Shell) -> None:
    subject = uuid4()
    first = grant(shell, subject, "--key", "form-1", "--json")
    second = grant(shell, subject, "--key", "form-1", "--json")

    assert first.out == second.out
    assert len(shell.run("timeline", "--subject", subject, "--json").json()) == 1
    other = grant(shell, subject, "--key", "form-1", effective_at="2026-01-11")
    assert other.code == 1
    assert "another request" in one_line(other)


@pytest.mark.parametrize("form", ["one", "list", "body"])
def test_a_file_may_hold_an_entry_a_list_or_the_body_of_a_request(
    shell: Shell, tmp_path: Path, form: str
) -> None:
    entry = {"type": "DeathRecorded", "effective_at": "2026-11-02T10:00:00Z"}
    value = {"one": entry, "list": [entry], "body": {"entries": [entry]}}[form]
    file = tmp_path / "entry.json"
    file.write_text(json.dumps(value))
    subject = uuid4()

    assert shell.run("record", "--subject", subject, "--file", file).code == 0
    from_stdin = ("record", "--subject", subject, "--file", "-")
    assert shell.run(*from_stdin, stdin=file.read_bytes()).code == 0
    assert len(shell.run("timeline", "--subject", subject, "--json").json()) == 2


def test_entries_about_no_one_person_go_to_the_ledgers_own_stream(shell: Shell) -> None:
    words = ("effective_at=2026-07-01", "document=APD", "note=signed")
    assert shell.run("record", "--common", "PolicyDocumentAdopted", *words).code == 0

    lines = shell.run("timeline").out.splitlines()
    assert [line.split("  ")[2] for line in lines] == ["CatalogueAdopted", "PolicyDocumentAdopted"]
    assert lines[1].endswith("note=signed document=APD")
    assert max(map(len, lines)) < 400


def test_the_timeline_is_in_the_order_of_recording_with_its_content(shell: Shell) -> None:
    subject = uuid4()
    withdraw(shell, subject)
    grant(shell, subject)
    entries = shell.run("timeline", "--subject", subject, "--json").json()

    assert [one["type"] for one in entries] == ["ConsentWithdrawn", "ConsentGranted"]
    assert [one["version"] for one in entries] == [1, 2]
    assert entries[1]["fact"]["evidence"] == "form 1"
    assert "evidence=form 1" in shell.run("timeline", "--subject", subject).out.splitlines()[1]


def test_two_moments_differ_by_what_was_learned_between_them(shell: Shell) -> None:
    subject = uuid4()
    born(shell, subject)
    (granted,) = grant(shell, subject, "--json").json()
    (withdrawn,) = shell.run(
        *("record", "--json", "--subject", subject, "ConsentWithdrawn", "effective_at=2026-02-10"),
        *("purpose=PHOTO", f"given_by={subject}", "capacity=SELF"),
    ).json()
    known = ("--known-at", granted["entries"][0]["recorded_at"])
    ran = shell.run("compare", "--json", "--subject", subject, *known)

    assert ran.code == 3
    (found,) = ran.json()
    assert found["purpose"] == "PHOTO"
    assert (found["before"]["decision"], found["after"]["decision"]) == ("PERMIT", "DENY")
    (cause,) = found["causes"]
    assert (cause["kind"], cause["entries"]) == ("learned", [withdrawn["entries"][0]["entry"]])
    lines = shell.run("compare", "--subject", subject, *known).out.splitlines()
    assert lines[0].startswith("PHOTO: PERMIT a -> DENY")
    assert lines[-1].endswith("purposes, 1 differ")


def test_two_moments_differ_by_what_happened_between_them(shell: Shell) -> None:
    subject = uuid4()
    born(shell, subject)
    grant(shell, subject)
    before = ("--effective-at", "2026-01-01T00:00:00Z")
    ran = shell.run("compare", "--json", "--subject", subject, *before)

    assert ran.code == 3
    assert {one["purpose"] for one in ran.json()} == {"PHOTO"}
    assert ran.json()[0]["causes"][0]["kind"] == "happened"
    same = shell.run("compare", "--subject", subject)
    assert (same.code, same.out.splitlines()[-1].endswith(" 0 differ")) == (0, True)


def test_a_catalogue_is_adopted_as_often_as_it_is_asked_for_and_once_under_one_key(
    shell: Shell,
) -> None:
    for _ in range(2):
        ran = shell.run("catalogue", "apply", CATALOGUE, "--key", "once")
        assert (ran.code, ran.out.startswith("recorded CatalogueAdopted ")) == (0, True)
    assert shell.run("catalogue", "apply", CATALOGUE).code == 0

    assert len(shell.run("timeline", "--json").json()) == 3


def test_a_catalogue_that_the_law_bars_is_refused(shell: Shell, tmp_path: Path) -> None:
    document = json.loads(CATALOGUE.read_bytes())
    document["purposes"][0]["lines"] = [
        {"article6": "ea", "annex1": ["RLI-6"], "effective_from": "2026-07-01"}
    ]
    file = tmp_path / "barred.json"
    file.write_text(json.dumps(document))
    ran = shell.run("catalogue", "apply", file)

    assert ran.code == 3
    assert "(PUBLIC_AUTHORITY_BAR)" in one_line(ran)


def test_a_database_that_was_not_migrated_is_told_apart(database: str, tmp_path: Path) -> None:
    shell = Shell.on(database=database, keys=database, folder=tmp_path)
    ran = check(shell, uuid4())

    assert ran.code == 1
    assert "ledger migrate" in one_line(ran)


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    nowhere = f"host={tmp_path} dbname=none"
    shell = Shell.on(database=nowhere, keys=nowhere, folder=tmp_path)
    ran = check(shell, uuid4())

    assert ran.code == 1
    assert one_line(ran).startswith("the database cannot be used: ")
