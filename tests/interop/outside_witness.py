"""Somebody else's witness, unmodified: `aics-witness` from PyPI, in an environment of its own.

with aics_witness(folder, program, log_key) as witness:
    witness.url, witness.key
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.tlog.keys import VerifierKey, format_vkey, parse_vkey
from projections.witnessing import Witness
from tests.groups import path_of, required_groups
from tests.integration.waiting import until

LOCK = Path(__file__).parent / "requirements.lock"
NAME = "witness.test.example/w9"
LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+) ")
GROUP = "other_python"
NEEDED = (3, 12)
"""The Python that the program needs."""
SUITS = sys.version_info[:2] >= NEEDED


def installed(folder: Path) -> Path:
    """The program, installed from the lock file alone; skips the test where that cannot be done."""
    python = Path(sys.executable) if SUITS else path_of(GROUP)
    assert python is not None, "the group's marker has seen to that"
    subprocess.run([python, "-m", "venv", folder], check=True, timeout=120)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    command += ["--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if ran.returncode:
        message = f"aics-witness cannot be installed here: {ran.stderr.strip()[-200:]}"
        pytest.fail(message) if GROUP in required_groups() else pytest.skip(message)
    return folder / "bin" / "aics-witness"


class Outside:
    """The witness while it runs."""

    def __init__(self, folder: Path, program: Path) -> None:
        self._folder = folder
        self._program = program
        self.url = ""
        self.key = parse_vkey(self.run("init", "--name", NAME).strip())

    @property
    def witness(self) -> Witness:
        """As a policy names it."""
        return Witness(key=self.key, url=self.url)

    def run(self, *arguments: str) -> str:
        """What one of its commands prints."""
        command = [str(self._program), *arguments]
        ran = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True, timeout=60
        )
        return ran.stdout

    @property
    def environment(self) -> dict[str, str]:
        """Where its files are."""
        return os.environ | {"AICS_WITNESS_CONFIG": str(self._folder / "witness.json")}

    @contextmanager
    def serving(self) -> Iterator[None]:
        """It listens on loopback."""
        command = [str(self._program), "serve", "--listen", "127.0.0.1:0"]
        said = self._folder / "said"
        with (
            said.open("w") as errors,
            subprocess.Popen(command, env=self.environment, stderr=errors) as process,
        ):
            try:
                self.url = _address(process, said)
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)


@contextmanager
def aics_witness(folder: Path, program: Path, log_key: VerifierKey) -> Iterator[Outside]:
    """A new witness of the log with this key, on loopback."""
    folder.mkdir()
    made = Outside(folder, program)
    made.run("add-log", "--origin", log_key.name, "--vkey", format_vkey(log_key))
    with made.serving():
        yield made


def _address(process: "subprocess.Popen[bytes]", said: Path) -> str:
    def listens() -> bool:
        assert process.poll() is None, said.read_text()
        return LISTENING.search(said.read_text()) is not None

    until(listens, "the witness listens")
    found = LISTENING.search(said.read_text())
    assert found is not None
    return found[1]
