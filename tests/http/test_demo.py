"""The demo as a person runs it: started, asked as it says, started again, and stopped whole."""

import asyncio
import json
import os
import queue
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.demo import free_port, load
from api.runtime import Places
from api.settings import Settings
from ledger.errors import Malformed
from tests.integration.waiting import ended, until
from tests.integration.wired import founded
from tests.shell import COMMAND, REPOSITORY, Shell

LAST_LINE = "Stop with Ctrl-C."
PRINTED_SECONDS = 60.0


class Demo:
    """A running demo, and what it printed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines = list(_until_last(process))
        self.url = self._after("Ledger:")
        self.curls = [line for line in self.lines if line.startswith("curl ")]

    def _after(self, word: str) -> str:
        (line,) = [one for one in self.lines if one.startswith(word)]
        return line.removeprefix(word).strip()

    def server(self, data: Path) -> int:
        """The process of its PostgreSQL."""
        found = (data / "postgres" / "cluster" / "postmaster.pid").read_text()
        return int(found.splitlines()[0])


def _until_last(process: "subprocess.Popen[str]") -> Iterator[str]:
    """What it prints up to the last line, each within a bound that only a failure reaches."""
    printed: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            printed.put(line.rstrip("\n"))
        printed.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (line := printed.get(timeout=PRINTED_SECONDS)) != LAST_LINE:
        assert line is not None, f"the demo ended with {process.wait()}"
        yield line


@contextmanager
def running(data: Path, *words: str) -> Iterator[Demo]:
    """The demo on a free port, killed at the end if it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "demo", "--data", str(data), *(words or ("--port", "0"))],
        cwd=REPOSITORY,
        env=Shell().environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            yield Demo(process)
        finally:
            process.kill()


def asked(curl: str) -> Any:
    """What the line comes to: in a shell, or where there is no curl, as curl would send it."""
    if shutil.which("curl"):
        ran = subprocess.run(["sh", "-c", curl], capture_output=True, check=True, timeout=60)
        return json.loads(ran.stdout)
    _, _, url, *options = shlex.split(curl)
    pairs = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(text.split(": ", 1) for option, text in pairs if option == "-H")
    body = [text for option, text in pairs if option == "-d"]
    method = "POST" if body else "GET"
    return httpx.request(method, url, content="".join(body), headers=headers, timeout=60).json()


def stop(demo: Demo, data: Path, how: signal.Signals) -> None:
    """It ends well, and its PostgreSQL and its port with it."""
    server = demo.server(data)
    demo.process.send_signal(how)
    assert demo.process.wait(timeout=60) == 0
    until(lambda: ended(server), "its PostgreSQL has ended")
    with socket.socket() as tried:
        assert tried.connect_ex(("127.0.0.1", _port(demo.url))) != 0


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_the_three_lines_that_the_demo_prints_work_as_printed(place: Path) -> None:
    data = place / "data"
    with running(data) as demo:
        check_permits(asked(demo.curls[0]))
        check_denies(asked(demo.curls[1]))
        timeline = asked(demo.curls[2])
        assert [one["type"] for one in timeline["entries"]] == [
            "DateOfBirthRecorded",
            "NoticeProvided",
            "NoticeProvided",
            "ConsentGranted",
            "ConsentWithdrawn",
        ]
        assert len(demo.curls) == 3
        assert not any(line.startswith("Note:") for line in demo.lines)
        stop(demo, data, signal.SIGINT)


def check_permits(answer: dict[str, Any]) -> None:
    assert (answer["decision"], answer["live"]) == ("PERMIT", ["a"])


def check_denies(answer: dict[str, Any]) -> None:
    assert (answer["decision"], answer["flags"]) == ("DENY", ["CONSENT_WITHDRAWN"])


def test_a_second_start_finds_what_the_first_one_loaded(place: Path) -> None:
    data = place / "data"
    with running(data) as first:
        said = _loaded(first)
        stop(first, data, signal.SIGTERM)
    with running(data) as second:
        assert _loaded(second) == said
        check_permits(asked(second.curls[0]))
        assert _subjects(second) == _subjects(first)
        stop(second, data, signal.SIGINT)


def _loaded(demo: Demo) -> str:
    (line,) = [one for one in demo.lines if one.startswith("Data:")]
    return line


def _subjects(demo: Demo) -> list[str]:
    return re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", "\n".join(demo.curls))


def test_a_ledger_of_somebody_else_is_left_alone(database: str, tmp_path: Path) -> None:
    with founded(database, tmp_path) as ledger:
        shell = Shell.on(database=ledger.database, keys=ledger.keys_database, folder=tmp_path)
        words = ("PolicyDocumentAdopted", "effective_at=2026-07-01")
        assert shell.run("record", "--common", *words).code == 0
        where = Places(
            database=ledger.database, keys=ledger.keys_database, folder=tmp_path, embedded=True
        )
        with pytest.raises(Malformed, match="not the demo's"):
            asyncio.run(load(where, Settings()))
        assert ledger.sql("SELECT count(*) FROM entry") == [(1,)]


def test_a_configured_database_is_not_for_the_demo(tmp_path: Path) -> None:
    shell = Shell.on(database="host=nowhere", keys="host=nowhere", folder=tmp_path)
    ran = shell.run("demo", "--data", tmp_path, "--port", "0")

    assert ran.code != 0
    assert "database_url" in ran.err and "`issuer`" in ran.err


def test_the_next_free_port_is_taken_unless_one_was_asked_for() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert free_port("127.0.0.1", port, exact=False) > port
        with pytest.raises(Malformed, match="--port: "):
            free_port("127.0.0.1", port, exact=True)


def test_the_script_is_plain_shell_and_hands_its_arguments_on(tmp_path: Path) -> None:
    for name, text in (("env", "#!/bin/sh\n"), ("demo", _script().read_text())):
        (tmp_path / "ops").mkdir(exist_ok=True)
        (tmp_path / "ops" / name).write_text(text)
        (tmp_path / "ops" / name).chmod(0o755)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    command = tmp_path / ".venv" / "bin" / "ledger"
    command.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    command.chmod(0o755)
    ran = subprocess.run(
        [tmp_path / "ops" / "demo", "--data", "a folder", "--port", "0"],
        capture_output=True,
        cwd="/",
        check=True,
        text=True,
    )

    assert ran.stdout.splitlines() == ["demo", "--data", "a folder", "--port", "0"]
    assert os.access(_script(), os.X_OK)
    subprocess.run(["sh", "-n", _script()], check=True)


def _script() -> Path:
    return REPOSITORY / "ops" / "demo"
