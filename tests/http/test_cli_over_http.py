"""Commands that ask a running service: the same answers and exit codes as on a database."""

import socket
import threading
from uuid import UUID, uuid4

import pytest

from api.access import SCOPES, Scope
from tests.http.service import Service
from tests.integration.wired import SCENARIOS
from tests.shell import Ran, Shell


@pytest.fixture
def shell(service: Service) -> Shell:
    """Commands of a client with every scope."""
    return with_scopes(service, *SCOPES)


def with_scopes(service: Service, *scopes: Scope) -> Shell:
    token = service.issuer.token("shell", scopes, seconds=600)
    return Shell(LEDGER_URL=service.url, LEDGER_TOKEN=token)


def grant(shell: Shell, subject: UUID, *more: str) -> Ran:
    return shell.run(
        *("record", "--subject", subject, *more, "ConsentGranted"),
        *("effective_at=2026-01-10", "purpose=PHOTO", f"given_by={subject}"),
        *("capacity=SELF", "evidence=form 1"),
    )


def withdraw(shell: Shell, subject: UUID, *more: str) -> Ran:
    return shell.run(
        *("record", "--subject", subject, *more, "ConsentWithdrawn"),
        *("effective_at=2026-02-10", "purpose=PHOTO", f"given_by={subject}", "capacity=SELF"),
    )


def born(shell: Shell, subject: UUID) -> None:
    words = ("effective_at=2018-05-25", "date_of_birth=1980-05-05")
    assert shell.run("record", "--subject", subject, "DateOfBirthRecorded", *words).code == 0


def check(shell: Shell, subject: UUID, *more: str) -> Ran:
    return shell.run("check", "--subject", subject, "--purpose", "PHOTO", *more)


def one_line(ran: Ran) -> str:
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    return ran.err.removeprefix("error: ").rstrip("\n")


def test_a_consent_recorded_permits_and_a_withdrawal_denies(shell: Shell) -> None:
    subject = uuid4()
    born(shell, subject)
    granted = grant(shell, subject)

    assert (granted.code, granted.out.startswith("recorded ConsentGranted ")) == (0, True)
    assert check(shell, subject).code == 0
    assert withdraw(shell, subject).code == 0
    denied = check(shell, subject, "--json")
    assert (denied.code, denied.json()[0]["flags"]) == (3, ["CONSENT_WITHDRAWN"])


def test_a_url_and_a_token_may_be_options(service: Service, shell: Shell) -> None:
    options = ("--url", f"{service.url}/", "--token", shell.variables["LEDGER_TOKEN"])
    ran = Shell().run("check", "--subject", uuid4(), "--purpose", "PHOTO", *options)

    assert (ran.code, ran.out.splitlines()[0]) == (3, "DENY")


def test_a_long_timeline_is_read_to_its_end(shell: Shell) -> None:
    subject = uuid4()
    for _ in range(3):
        body = ",".join(
            '{"type": "ComplaintReceived", "effective_at": "2026-01-10T10:00:00Z"}'
            for _ in range(150)
        )
        written = ("record", "--subject", subject, "--file", "-")
        assert shell.run(*written, stdin=f"[{body}]".encode()).code == 0
    entries = shell.run("timeline", "--json", "--subject", subject).json()

    assert [one["version"] for one in entries] == list(range(1, 451))
    assert len(shell.run("timeline", "--subject", subject).out.splitlines()) == 450


def test_two_moments_differ_by_what_was_learned_between_them(shell: Shell) -> None:
    subject = uuid4()
    born(shell, subject)
    (granted,) = grant(shell, subject, "--json").json()
    (withdrawn,) = withdraw(shell, subject, "--json").json()
    ran = shell.run(
        *("compare", "--json", "--subject", subject),
        *("--known-at", granted["entries"][0]["recorded_at"]),
    )

    assert ran.code == 3
    (found,) = ran.json()
    assert (found["purpose"], found["after"]["decision"]) == ("PHOTO", "DENY")
    assert found["causes"][0]["entries"] == [withdrawn["entries"][0]["entry"]]
    assert shell.run("compare", "--subject", subject).code == 0


def test_a_catalogue_is_adopted_from_a_moment(shell: Shell) -> None:
    moment = ("--effective-at", "2026-01-01T00:00:00+01:00")
    ran = shell.run("catalogue", "apply", SCENARIOS / "catalogue.json", *moment)

    assert ran.code == 0
    assert ran.out.startswith("recorded CatalogueAdopted ")


def test_entries_about_no_one_person_are_recorded(shell: Shell) -> None:
    words = ("PolicyDocumentAdopted", "effective_at=2026-07-01")

    assert shell.run("record", "--common", *words).code == 0


def test_a_refused_entry_exits_with_3_and_says_which_and_why(shell: Shell) -> None:
    subject = uuid4()
    words = ("effective_at=2026-01-10", "purpose=NO_SUCH", "given_by=x", "capacity=SELF")
    ran = shell.run("record", "--subject", subject, "ConsentGranted", *words)

    assert ran.code == 3
    assert one_line(ran).startswith("/entries/0/purpose: ")
    assert one_line(ran).endswith("(UNKNOWN_PURPOSE)")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--effective-at", "20260101"), "effective_at: "),
        (("--known-at", "2999-01-01T00:00:00Z"), "known_at: "),
        (("--at-position", "0:999999999"), "at_position is beyond the end of the log"),
    ],
)
def test_a_problem_is_one_line_that_names_the_field(
    shell: Shell, words: tuple[str, ...], said: str
) -> None:
    ran = check(shell, uuid4(), *words)

    assert ran.code == 1
    assert one_line(ran).startswith(said)


def test_a_token_without_the_scope_is_refused(service: Service) -> None:
    ran = grant(with_scopes(service, "check"), uuid4())

    assert ran.code == 1
    assert "scope record" in one_line(ran)


def test_a_token_that_is_none_is_refused(service: Service) -> None:
    ran = check(Shell(LEDGER_URL=service.url, LEDGER_TOKEN="none"), uuid4())

    assert ran.code == 1
    assert "token" in one_line(ran)


def test_a_service_needs_a_token(service: Service) -> None:
    ran = check(Shell(LEDGER_URL=service.url), uuid4())

    assert ran.code == 1
    assert one_line(ran).startswith("--token: ")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x", "localhost:8080"])
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    ran = check(Shell(LEDGER_URL=url, LEDGER_TOKEN="x"), uuid4())

    assert ran.code == 1
    assert one_line(ran) == "--url: must begin with http:// or https://"


def test_a_url_with_a_password_is_refused_and_not_repeated() -> None:
    ran = check(Shell(LEDGER_URL="http://me:hidden@127.0.0.1:1", LEDGER_TOKEN="x"), uuid4())

    assert ran.code == 1
    assert one_line(ran).startswith("--url: ")
    assert "hidden" not in ran.err


def test_a_service_that_is_not_there_is_one_line() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    shell = Shell(LEDGER_URL=f"http://127.0.0.1:{port}", LEDGER_TOKEN="x")

    for ran in (check(shell, uuid4()), grant(shell, uuid4())):
        assert ran.code == 1
        assert one_line(ran).startswith("--url: nothing answers at http://127.0.0.1:")


def test_a_write_that_got_no_answer_says_under_which_key_to_retry() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        shell = Shell(LEDGER_URL=f"http://127.0.0.1:{silent.getsockname()[1]}", LEDGER_TOKEN="x")
        ran = _answered_with_nothing(silent, shell)

    assert ran.code == 1
    assert "run the same again with the same --key; it was --key " in one_line(ran)


def _answered_with_nothing(silent: socket.socket, shell: Shell) -> Ran:
    """What a write comes to where the connection is taken and then closed."""

    def close() -> None:
        connection, _ = silent.accept()
        connection.recv(65_536)
        connection.close()

    closing = threading.Thread(target=close)
    closing.start()
    ran = grant(shell, uuid4())
    closing.join()
    return ran


def test_a_redirect_is_not_followed_since_it_would_carry_the_token_elsewhere(
    service: Service,
) -> None:
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.listen()
        answer = (
            f"HTTP/1.1 307 Go\r\nLocation: {service.url}/v1/checks\r\nContent-Length: 0\r\n\r\n"
        )

        def redirect() -> None:
            connection, _ = elsewhere.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer.encode())

        redirecting = threading.Thread(target=redirect)
        redirecting.start()
        token = service.issuer.token("shell", SCOPES, seconds=600)
        url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        ran = check(Shell(LEDGER_URL=url, LEDGER_TOKEN=token), uuid4())
        redirecting.join()

    assert (ran.code, ran.out) == (1, "")
    assert "307" in one_line(ran)
