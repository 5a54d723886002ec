"""`ledger signer`: a signer that is a service of its own, for whom it names."""

import asyncio
import grp
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.signing import Signers, socket_of
from ledger.tlog.keys import parse_vkey
from tests.shell import Shell
from tests.unit.test_following import growth, tree
from tests.unit.trees import ORIGIN

LEDGER, LOG = ORIGIN.rsplit("/", 1)


@contextmanager
def signing(folder: Path, *words: object) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process, and what it says once it listens."""
    shell = Shell(LEDGER_ORIGIN=LEDGER)
    socket = socket_of(folder, 0)
    more = ("--log", LOG, *words)
    with shell.started("signer", "--folder", folder / "own", "--socket", socket, *more) as process:
        assert process.stdout is not None
        # Its standard input is nobody's who started it: that it ends says nothing.
        assert process.stdin is not None
        process.stdin.close()
        yield process, process.stdout.readline().decode()


def test_it_signs_for_the_log_that_the_settings_name_until_it_is_told_to_stop(
    tmp_path: Path,
) -> None:
    with signing(tmp_path) as (process, said):
        name, key = said.split(" as ")
        signers = Signers(tmp_path)
        assert name == f"Signing for {ORIGIN}"
        assert asyncio.run(signers.key(0)) == parse_vkey(key.strip())
        note = asyncio.run(signers.sign(0, growth(0, 7)))
        assert note.signatures[0].name == ORIGIN
        assert socket_of(tmp_path, 0).stat().st_mode & 0o777 == 0o600
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert not socket_of(tmp_path, 0).exists()
    with signing(tmp_path):
        assert asyncio.run(Signers(tmp_path).seen(0)) == tree(7)


def test_the_members_of_a_group_may_ask_it(tmp_path: Path) -> None:
    group = grp.getgrgid(os.getgid())
    with signing(tmp_path, "--group", group.gr_name):
        found = socket_of(tmp_path, 0).stat()
        assert (found.st_mode & 0o777, found.st_gid) == (0o660, group.gr_gid)


def test_a_folder_of_another_log_and_a_group_that_is_none_are_refused(tmp_path: Path) -> None:
    with signing(tmp_path):
        pass
    words = ("--folder", tmp_path / "own", "--socket", tmp_path / "s")
    other = Shell(LEDGER_ORIGIN="other.example/ledger").run("signer", *words)
    nobody = Shell(LEDGER_ORIGIN=LEDGER).run("signer", *words, "--group", "no such group")

    assert (other.code, f"signs for {ORIGIN}, not for other" in other.err) == (1, True)
    assert (nobody.code, "--group: is no group" in nobody.err) == (1, True)
