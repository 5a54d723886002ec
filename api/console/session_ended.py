"""Sessions that were ended, for as long as a copy of their cookie could still be shown.

One empty file each, in a folder that every process of this machine sees and a restart leaves alone:
a sealed cookie cannot be taken back, so it is remembered that it counts no more (ASVS 5.0, 7.4.1).
"""

from __future__ import annotations

import os
from pathlib import Path

from ledger.errors import Unavailable

FOLDER = "console-ended"
_MESSAGE = "cannot be told whether this session was ended: see `console-ended` in the data folder"


class Ended:
    """The ids of sessions that count no more."""

    def __init__(self, folder: Path, *, keep_s: float) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._keep = keep_s

    def has(self, session: bytes) -> bool:
        """Whether it was ended; raises `Unavailable` where that cannot be told."""
        try:
            self._folder.joinpath(session.hex()).stat()
        except FileNotFoundError:
            if self._folder.is_dir():
                return False
            raise Unavailable(_MESSAGE) from None
        except OSError:
            raise Unavailable(_MESSAGE) from None
        return True

    def add(self, session: bytes, now: float) -> None:
        """It counts no more, in every process, once this returns; raises `Unavailable` if not."""
        path = self._folder / session.hex()
        try:
            path.touch(mode=0o600)
            os.utime(path, (now, now))
            _flush(self._folder)
        except OSError:
            raise Unavailable("the end of this session cannot be kept") from None
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Without those whose cookies no longer open whatever happened."""
        with os.scandir(self._folder) as every:
            for one in every:
                if one.stat().st_mtime + self._keep < now:
                    Path(one.path).unlink(missing_ok=True)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
