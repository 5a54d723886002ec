"""The counts that are held, one set for each build of Python and of the libraries that do the work.

A change that is wanted moves them too: then record anew, and the difference is in the commit.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("instructions.json")
LIBRARIES_AT = Path(msgspec.__file__).parents[1]
TOLERANCE = 0.03
LIBRARIES = ("cryptography", "litestar", "msgspec", "psycopg-binary", "uvloop")
"""Whose code is counted with ours."""
_BUILD = f"""
import hashlib, platform, sysconfig
from importlib.metadata import version
flags = " ".join(str(sysconfig.get_config_var(one)) for one in ("CONFIG_ARGS", "PY_CORE_CFLAGS"))
print(
    platform.python_implementation(), platform.python_version(), platform.machine(),
    platform.python_compiler(), hashlib.sha256(flags.encode()).hexdigest()[:8],
    *(f"{{one}} {{version(one)}}" for one in {LIBRARIES!r}), sep=", ",
)
"""

Counts = dict[str, int]
"""Instructions of one of each work, by its name."""


def build(python: str) -> str:
    """What a count depends on beside our own code: the Python, how it was built, and libraries."""
    ran = subprocess.run(
        [python, "-c", _BUILD],
        env={"PYTHONPATH": str(LIBRARIES_AT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ran.stdout.strip()


def counted(dump: str) -> int:
    """All instructions of one of callgrind's dumps."""
    for line in dump.splitlines():
        if line.startswith(("summary:", "totals:")):
            return int(line.split()[1])
    raise ValueError("no dump of callgrind: it says no total")


def compared(found: Counts, baseline: Counts) -> tuple[list[str], bool]:
    """A line for each count, and whether every one is held.

    One that is better by more than the tolerance is not held either: what was gained must be
    recorded, or it could be lost unseen.
    """
    held = found.keys() == baseline.keys()
    lines = []
    for name in sorted(found.keys() | baseline.keys()):
        if name not in found or name not in baseline:
            lines.append(f"{name}: counted only {'now' if name in found else 'then'}")
            continue
        now, then = found[name], baseline[name]
        good = abs(now - then) <= TOLERANCE * then
        held &= good
        lines.append(
            f"{name}: {now:,}, baseline {then:,}, {now / then - 1:+.2%}"
            f" {'held' if good else f'is beyond ±{TOLERANCE:.0%}: mend it, or record it'}"
        )
    return lines, held


def known(of: str, *, file: Path = FILE) -> Counts | None:
    """The baseline of this build."""
    return _all(file).get(of)


def keep(of: str, found: Counts, *, file: Path = FILE) -> None:
    """The counts are the baseline of this build; those of others stay."""
    some = _all(file) | {of: found}
    file.write_bytes(msgspec.json.format(msgspec.json.encode(some, order="sorted")) + b"\n")


def _all(file: Path) -> dict[str, Counts]:
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Counts]) if file.exists() else {}
