"""What the embedded PostgreSQL keeps on disk: its directories, settings, pid file and socket.

Everything lies under one root. The settings are written anew at each start, outside the data
directory and by the service's own account, so that the account PostgreSQL runs as cannot change
who may connect. Running the server is `embedded_postmaster`.

    <root>/cluster             the data directory; its journal of diagnostics is in cluster/log
    <root>/run                 the socket
    <root>/programs            a copy of the wheel, only where the wheel itself is out of reach
    <root>/settings            ours, written anew at each start
    <root>/ledger.local.conf   an operator's own settings, read last; never written by us
    <root>/owner.lock          held by the one process that runs the server
    <root>/postmaster.out      what the server said before its diagnostics were open
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from api.embedded_account import (
    Account,
    EmbeddedError,
    account_name,
    nearest_existing,
)
from api.embedded_binaries import Binaries

PORT = 5432
SUPERUSER = "ledger"

# Before PostgreSQL 16 a map cannot say "all", so the roles that log in are named.
_ROLES = (SUPERUSER, "ledger_app", "ledger_reader", "ledger_auditor", "ledger_eraser")
_SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103

_SETTINGS = """\
# Written by the service at each start. Your own go into ledger.local.conf, one folder up.
port = {port}
listen_addresses = ''
unix_socket_permissions = {socket_mode}
hba_file = {hba}
ident_file = {ident}
max_connections = 100
shared_buffers = '128MB'
wal_level = logical
wal_compression = pglz
fsync = on
full_page_writes = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_destination = 'jsonlog'
log_directory = 'log'
log_filename = 'pg-%a.log'
log_truncate_on_rotation = on
log_rotation_age = '1d'
log_rotation_size = 0
log_checkpoints = on
log_lock_waits = on
log_parameter_max_length = 0
shared_preload_libraries = '{preload}'
include_if_exists = '../ledger.local.conf'
"""


class PidFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of itself in `postmaster.pid`; the file outlives a server that crashed."""

    pid: int
    socket_directory: Path | None
    ready: bool


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    root: Path

    @property
    def data(self) -> Path:
        return self.root / "cluster"

    @property
    def programs(self) -> Path:
        return self.root / "programs"

    @property
    def lock(self) -> Path:
        return self.root / "owner.lock"

    @property
    def output(self) -> Path:
        return self.root / "postmaster.out"

    @property
    def settings(self) -> Path:
        return self.root / "settings"

    def pid_file(self) -> PidFile | None:
        """None where there is none, or it is half written."""
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
            pid = int(lines[0])
        except (OSError, ValueError):
            return None
        socket = Path(lines[4]) if len(lines) > 4 and lines[4] else None
        ready = len(lines) > 7 and lines[7].strip() == "ready"
        return PidFile(pid=pid, socket_directory=socket, ready=ready)

    def is_served_by(self, pid: int) -> bool:
        """Whether that process is alive and a PostgreSQL of this directory, not a reused number."""
        return f"postgres -D {self.data} " in _command_line(pid)


def make_root(cluster: Cluster, account: Account) -> None:
    """The root exists and `account` can reach it; directories that were there keep their modes."""
    if (cluster.root / "PG_VERSION").exists():
        raise EmbeddedError(
            f"{cluster.root} is itself a PostgreSQL data directory: "
            "set LEDGER_DATA_DIR to an empty or a new directory"
        )
    _require_reach(account, nearest_existing(cluster.root), cluster.root)
    for place in reversed((cluster.root, *cluster.root.parents)):
        try:
            place.mkdir()
        except FileExistsError:
            continue
        if account.dropped:
            # Ours, and new: a strict umask would close it to the account that PostgreSQL runs as.
            place.chmod(0o755)
    _require_reach(account, cluster.root, cluster.root)


def _require_reach(account: Account, place: Path, root: Path) -> None:
    if account.dropped and not account.can_enter(place):
        raise EmbeddedError(
            f"PostgreSQL runs as {account.name} here, since it does not run as root, "
            f"and {account.name} cannot enter {place}: set LEDGER_DATA_DIR to a directory that it "
            f"can reach (instead of {root}), such as /var/lib/ledger or one under "
            f"{tempfile.gettempdir()}"
        )


def make_data_directory(cluster: Cluster, account: Account, binaries: Binaries) -> None:
    """A complete data directory of the version of `binaries`.

    It is made under another name and moved when complete: one half made is never taken for a
    database.
    """
    for leftover in cluster.root.glob("cluster.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if (cluster.data / "PG_VERSION").exists():
        _require_version(cluster, binaries)
        return
    if cluster.data.exists() and any(cluster.data.iterdir()):
        raise EmbeddedError(
            f"{cluster.data} is neither empty nor a PostgreSQL data directory: "
            "move it, or set LEDGER_DATA_DIR to another directory"
        )
    fresh = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=cluster.root))
    _initialise(fresh, account, binaries)
    fresh.rename(cluster.data)
    _flush(cluster.root)


def write_settings(cluster: Cluster, account: Account, binaries: Binaries) -> None:
    """Only the account of this process may connect, and only through the socket."""
    cluster.settings.mkdir(exist_ok=True)
    cluster.settings.chmod(0o755)
    hba, ident = cluster.settings / "pg_hba.conf", cluster.settings / "pg_ident.conf"
    me = account_name(os.geteuid())
    roles = ("all",) if binaries.major >= 16 else _ROLES
    preload = "pg_stat_statements" if binaries.has_library("pg_stat_statements") else ""
    _write(hba, f"local all,replication all peer map={SUPERUSER}\n")
    _write(ident, "".join(f'{SUPERUSER} "{me}" {role}\n' for role in roles))
    _write(
        cluster.settings / "postgresql.conf",
        _SETTINGS.format(
            port=PORT,
            socket_mode="0777" if account.dropped else "0700",
            hba=_quoted(hba),
            ident=_quoted(ident),
            preload=preload,
        ),
    )


def make_socket_directory(cluster: Cluster, account: Account) -> Path:
    """A directory of the account's, short enough for a socket's path: `run` where that fits.

    Without a dropped account it is private. With one it is open, as is the socket: who may connect
    is decided by the peer's account and the map, not by the directory.
    """
    for place in _socket_places(cluster):
        if _fits(place) and (not account.dropped or account.can_enter(place.parent)):
            _take_directory(place, account)
            return place
    raise EmbeddedError(
        f"no directory is short enough for a socket ({_SOCKET_PATH_LIMIT} bytes): "
        "set XDG_RUNTIME_DIR or LEDGER_DATA_DIR to a shorter path"
    )


def _socket_places(cluster: Cluster) -> Iterator[Path]:
    yield cluster.root / "run"
    short = "ledger-" + hashlib.sha256(os.fsencode(cluster.root)).hexdigest()[:12]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    for parent in (runtime, tempfile.gettempdir(), "/tmp"):  # noqa: S108 - taken only if ours
        if parent and Path(parent).is_dir():
            yield Path(parent) / short


def _fits(directory: Path) -> bool:
    """The length, and a comma or quote: the server and its clients read lists of directories."""
    socket = os.fsencode(directory / f".s.PGSQL.{PORT}")
    return len(socket) <= _SOCKET_PATH_LIMIT and not set(str(directory)) & set(",\"'\\")


def _take_directory(place: Path, account: Account) -> None:
    """Made complete under another name: one of that name that is not the account's is not used."""
    if not os.path.lexists(place):
        fresh = Path(tempfile.mkdtemp(prefix=f"{place.name}.new-", dir=place.parent))
        if account.dropped:
            os.chown(fresh, account.uid, account.gid)
            fresh.chmod(0o755)
        fresh.rename(place)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid:
        raise EmbeddedError(
            f"{place} is not a directory of {account.name}'s: move it, "
            "or set LEDGER_DATA_DIR or XDG_RUNTIME_DIR to another directory"
        )


def _initialise(fresh: Path, account: Account, binaries: Binaries) -> None:
    if account.dropped:
        os.chown(fresh, account.uid, account.gid)
    # The built-in locale sorts alike on every operating system, so that a data directory moves.
    builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    locale = builtin if binaries.major >= 17 else ("--locale=C.UTF-8",)
    made = account.run(
        [
            *(binaries.bindir / "initdb", "-D", fresh, "-U", SUPERUSER, "-E", "UTF8", *locale),
            *("--auth-local=peer", "--auth-host=reject", "--data-checksums", "--no-instructions"),
        ]
    )
    if made.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise EmbeddedError(
            f"initdb could not make {fresh.parent}: {made.stderr.strip()[-1500:]}\n"
            "Mend the cause, or set LEDGER_DATA_DIR to another directory"
        )


def _require_version(cluster: Cluster, binaries: Binaries) -> None:
    found = (cluster.data / "PG_VERSION").read_text().strip()
    if found != str(binaries.major):
        raise EmbeddedError(
            f"{cluster.data} is of PostgreSQL {found}, and the programs in {binaries.bindir} are "
            f"of {binaries.version}: it was not touched. Set LEDGER_PG_BINDIR to the bin directory "
            f"of a PostgreSQL {found} and run `ledger export`, then set LEDGER_DATA_DIR to a new "
            "directory and run `ledger import`"
        )


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and readable by the account that PostgreSQL runs as."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.replace(path)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("\\", "\\\\").replace("'", "''") + "'"


def _flush(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _command_line(pid: int) -> str:
    """Empty for a process that has ended, even one that its parent has not yet waited for.

    The working directory would say the same, but root in a container may not read another's.
    """
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            return ""
    listed = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]
    answer = subprocess.run(listed, capture_output=True, text=True, check=False)  # noqa: S603
    return answer.stdout
