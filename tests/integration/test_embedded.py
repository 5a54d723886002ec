"""The life of the embedded PostgreSQL: who owns it, what ends it, and what brings it back.

What it keeps on disk, and as whom it runs, is in `test_embedded_files.py`.
"""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from api import embedded_postmaster
from api.embedded import Embedded, EmbeddedError
from api.embedded_account import account_for
from tests.integration.starter import Starter, launch, starter
from tests.integration.waiting import answers, ended, until

linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")


@pytest.fixture(scope="module")
def made_before(module_place: Path) -> Path:
    """A root with a data directory, made once: that takes longest of all that happens here."""
    with Embedded(module_place):
        return module_place


@pytest.fixture
def root(place: Path, made_before: Path) -> Path:
    """A root of the test's own, not started.

    What is killed here are programs: the machine stays up, and its disk need not be waited for.
    """
    subprocess.run(["cp", "-a", str(made_before / "cluster"), str(place)], check=True)
    (place / "ledger.local.conf").write_text("fsync = off\n")
    return place


def remember(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE remembered AS SELECT 42 AS number")


def remembered(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT number FROM remembered").fetchone()
    assert row is not None
    return int(row[0])


def server_of(embedded: Embedded) -> int:
    assert embedded.pid is not None
    return embedded.pid


@contextlib.contextmanager
def gone_at_the_end(pid: int) -> Iterator[None]:
    """A test that fails half-way leaves no server behind."""
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
        until(lambda: ended(pid), f"the end of server {pid}")


def test_a_start_gives_a_server_that_answers_and_a_stop_leaves_none(root: Path) -> None:
    with Embedded(root) as embedded:
        server = server_of(embedded)
        assert embedded.owner
        assert embedded.restarts == 0
        assert embedded.version.split(".")[0].isdecimal()
        assert answers(embedded.conninfo())
        assert answers(embedded.conninfo("template1"))
    assert ended(server)
    assert not embedded.owner
    assert not answers(embedded.conninfo())


def test_what_was_committed_is_there_after_a_stop_and_a_start(root: Path) -> None:
    embedded = Embedded(root)
    remember(embedded.start())
    embedded.stop()
    assert not (root / "cluster" / "postmaster.pid").exists()
    with embedded:
        assert remembered(embedded.conninfo()) == 42


def test_a_second_start_of_the_owner_changes_nothing(root: Path) -> None:
    with Embedded(root) as embedded:
        server = embedded.pid
        assert embedded.start() == embedded.conninfo()
        assert embedded.pid == server


def test_without_a_start_there_is_no_connection_information(root: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"call start\(\) first"):
        Embedded(root).conninfo()


def test_the_warning_names_the_version_and_what_production_sets(root: Path) -> None:
    embedded = Embedded(root)
    assert embedded.warning == ""
    with embedded:
        assert f"PostgreSQL {embedded.version} " in embedded.warning
        assert "LEDGER_DATABASE_URL" in embedded.warning
        assert "evaluation" in embedded.warning


@linux
def test_no_server_outlives_an_owner_that_was_killed(root: Path) -> None:
    with starter(root) as first, gone_at_the_end(first.server):
        remember(first.conninfo)
        first.kill()
        until(lambda: ended(first.server), "the end of the killed owner's server")
    with Embedded(root) as embedded:
        assert embedded.owner
        assert remembered(embedded.conninfo()) == 42


def test_a_program_that_ends_without_a_stop_has_stopped_its_server(root: Path) -> None:
    with starter(root, "--unstopped", "--without-death-signal") as first:
        first.finish()
        assert ended(first.server)
        assert not (root / "cluster" / "postmaster.pid").exists()


@linux
def test_a_service_started_in_the_background_can_still_end_its_server(root: Path) -> None:
    """A shell makes such a program ignore SIGINT, and that is handed down to its children."""
    account = account_for(root / "cluster")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = account.spawn(["/bin/sleep", "300"], output=subprocess.DEVNULL, variables={})
    finally:
        signal.signal(signal.SIGINT, before)
    with gone_at_the_end(child.pid):
        child.send_signal(signal.SIGINT)
        until(lambda: child.poll() == -signal.SIGINT, "the end of the child")


def test_where_the_kernel_gives_no_sign_the_next_owner_ends_the_orphan(root: Path) -> None:
    with starter(root, "--without-death-signal") as first, gone_at_the_end(first.server):
        remember(first.conninfo)
        first.kill()
        assert answers(first.conninfo)
        with Embedded(root) as embedded:
            assert ended(first.server)
            assert embedded.owner
            assert embedded.pid != first.server
            assert remembered(embedded.conninfo()) == 42


def test_a_server_that_was_killed_is_brought_back_with_all_that_was_committed(root: Path) -> None:
    with Embedded(root) as embedded:
        remember(embedded.conninfo())
        killed = server_of(embedded)
        os.kill(killed, signal.SIGKILL)
        until(lambda: embedded.restarts == 1, "the restart")
        assert embedded.pid != killed
        assert remembered(embedded.conninfo()) == 42


def test_a_server_killed_again_and_again_is_brought_back_each_time(root: Path) -> None:
    with Embedded(root) as embedded:
        for times in (1, 2, 3):
            os.kill(server_of(embedded), signal.SIGKILL)
            until(lambda times=times: embedded.restarts == times, f"restart {times}")  # type: ignore[misc]
        assert answers(embedded.conninfo())


def test_a_stop_while_a_crashed_server_is_brought_back_leaves_none(root: Path) -> None:
    with Embedded(root) as embedded:
        os.kill(server_of(embedded), signal.SIGKILL)
    assert not answers(embedded.conninfo())
    with embedded:
        assert answers(embedded.conninfo())


@linux
def test_the_server_outlives_the_thread_that_asked_for_it(root: Path) -> None:
    embedded = Embedded(root)
    asking = threading.Thread(target=embedded.start)
    asking.start()
    asking.join()
    with embedded:
        server = server_of(embedded)
        task = Path(f"/proc/self/task/{asking.native_id}")
        until(lambda: not task.exists(), "the end of the thread")
        # A server told to end refuses every connection after that.
        assert all(answers(embedded.conninfo()) for _ in range(20))
        assert (embedded.pid, embedded.restarts) == (server, 0)


def test_of_four_that_start_at_once_one_owns_and_three_attach(place: Path) -> None:
    launched = [launch(place) for _ in range(4)]
    try:
        started = [Starter(process) for process in launched]
        owners = [one for one in started if one.owner]
        assert len(owners) == 1
        assert {one.server for one in started} == {owners[0].server}
        for one in started:
            if one is not owners[0]:
                one.finish()
        assert answers(owners[0].conninfo)
        owners[0].finish()
        assert ended(owners[0].server)
    finally:
        for process in launched:
            with process:
                process.kill()


def test_one_that_is_attached_becomes_the_owner_when_the_owner_is_gone(root: Path) -> None:
    attached = Embedded(root)
    with starter(root) as first:
        attached.start()
        assert not attached.owner
        assert attached.restarts == 0
        assert attached.version
        first.finish()
    assert not answers(attached.conninfo())
    with attached:
        assert attached.owner
        assert answers(attached.conninfo())


@linux
def test_a_forked_child_keeps_neither_the_server_nor_the_ownership(root: Path) -> None:
    with starter(root, "--fork") as first, gone_at_the_end(first.child):
        first.kill()
        until(lambda: ended(first.server), "the end of the killed owner's server")
        assert not ended(first.child)
        with Embedded(root) as embedded:
            assert embedded.owner


def test_a_stale_pid_that_is_now_another_programs_does_not_stop_a_start(root: Path) -> None:
    embedded = Embedded(root)
    embedded.start()
    pid_file = root / "cluster" / "postmaster.pid"
    left = pid_file.read_text().split("\n")
    embedded.stop()
    account = account_for(root / "cluster")
    # Of the server's own account: the pid of any other it would take for stale by itself.
    other = account.spawn(["/bin/sleep", "300"], output=subprocess.DEVNULL, variables={})
    try:
        pid_file.write_text("\n".join([str(other.pid), *left[1:]]))
        os.chown(pid_file, account.uid, account.gid)
        with embedded:
            assert answers(embedded.conninfo())
            assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_server_that_cannot_start_is_explained_and_leaves_no_owner(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_postmaster, "_RETRY_FOR", 0.1)
    own = root / "ledger.local.conf"
    own.write_text("max_connections = 'many'\n")
    embedded = Embedded(root)
    with pytest.raises(EmbeddedError, match='invalid value for parameter "max_connections"'):
        embedded.start()
    assert not embedded.owner
    own.unlink()
    with Embedded(root) as other:
        assert other.owner


def test_a_server_that_is_not_ready_in_time_is_stopped(root: Path) -> None:
    embedded = Embedded(root)
    with pytest.raises(EmbeddedError, match="not ready in time"):
        embedded.start(timeout=0)
    assert not embedded.owner
    assert not (root / "cluster" / "postmaster.pid").exists()
    with embedded:
        assert embedded.owner


def test_an_owner_that_never_becomes_ready_is_named_to_those_who_wait(root: Path) -> None:
    with starter(root) as first:
        (root / "cluster" / "postmaster.pid").rename(root / "hidden")
        with pytest.raises(EmbeddedError, match=r"process \d+ owns .* does not answer"):
            Embedded(root).start(timeout=0)
        (root / "hidden").rename(root / "cluster" / "postmaster.pid")
        first.finish()


def test_start_recovers_a_server_that_a_crash_of_both_left_behind(root: Path) -> None:
    with starter(root) as first, gone_at_the_end(first.server):
        remember(first.conninfo)
        os.kill(first.server, signal.SIGKILL)
        first.kill()
    assert (root / "cluster" / "postmaster.pid").exists()
    with Embedded(root) as embedded:
        assert remembered(embedded.conninfo()) == 42
