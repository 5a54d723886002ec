"""The `ledger` command as a shell runs it, in this process: its exit code and what it printed.

    shell = Shell(LEDGER_DATABASE_URL=...)
    ran = shell.run("check", "--subject", subject, "--purpose", "PHOTO")

`started` is the command as a process of its own, for a test that kills it.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from unittest import mock

import msgspec

from api.cli import main

REPOSITORY = Path(__file__).parents[1]
COMMAND = "import sys; from api.cli import main; sys.argv[0] = 'ledger'; main()"


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command."""

    code: int
    out: str
    err: str

    def json(self) -> list[Any]:
        """Each line of standard output, read."""
        return [json.loads(line) for line in self.out.splitlines()]


class Shell:
    """Runs commands with these variables; no other setting of the ledger's is seen."""

    def __init__(self, **variables: str) -> None:
        self.variables = variables

    @classmethod
    def on(cls, *, database: str, keys: str, folder: Path) -> Self:
        """Commands on these two databases, with the keys of this folder."""
        secrets = {"LEDGER_DATABASE_URL": database, "LEDGER_KEYS_URL": keys}
        for name, text in secrets.items():
            (folder / name).write_text(text, encoding="utf-8")
        files = {f"{name}_FILE": str(folder / name) for name in secrets}
        return cls(LEDGER_DATA_DIR=str(folder), **files)

    def environ(self) -> dict[str, str]:
        """What a command sees."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("LEDGER_")}
        return kept | self.variables

    def run(self, *words: object, stdin: bytes = b"") -> Ran:
        """What the command came to."""
        out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
        with (
            mock.patch.dict(os.environ, self.environ(), clear=True),
            mock.patch.object(sys, "argv", ["ledger", *map(str, words)]),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = _code()
        return Ran(code=code, out=_text(out), err=_text(err))

    @contextlib.contextmanager
    def started(self, *words: object) -> Iterator[subprocess.Popen[bytes]]:
        """The command as a process, killed at the end if it is still there."""
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *map(str, words)],
            cwd=REPOSITORY,
            env=self.environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()


def _code() -> int:
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    raise AssertionError("the command always ends with a code")


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()
