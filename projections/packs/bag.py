"""A BagIt 1.0 bag (RFC 8493) in a ZIP file: the same files make the same bytes, everywhere.

Nothing is compressed, since that differs from one version of zlib to another.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import date

import msgspec

_TIME = (1980, 1, 1, 0, 0, 0)
_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


class BagInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What `bag-info.txt` says; each is one line of text."""

    day: date
    name: str
    description: str
    software: str


def zipped_bag(files: Mapping[str, bytes], info: BagInfo) -> bytes:
    """The bag with these files under data/, in a top folder of the name."""
    payload = {f"data/{name}": data for name, data in files.items()}
    tags = {
        "bag-info.txt": _info(payload, info),
        "bagit.txt": _DECLARATION,
        "manifest-sha256.txt": _manifest(payload),
    }
    tags["tagmanifest-sha256.txt"] = _manifest(tags)
    return _zipped({f"{info.name}/{name}": data for name, data in (tags | payload).items()})


def _info(payload: Mapping[str, bytes], info: BagInfo) -> bytes:
    octets = sum(map(len, payload.values()))
    lines = (
        f"Bag-Software-Agent: {info.software}",
        f"Bagging-Date: {info.day.isoformat()}",
        f"External-Description: {info.description}",
        f"External-Identifier: {info.name}",
        f"Payload-Oxum: {octets}.{len(payload)}",
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _manifest(files: Mapping[str, bytes]) -> bytes:
    lines = [
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    ]
    return "".join(lines).encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(files.items()):
            one = zipfile.ZipInfo(name, _TIME)
            # Readable by all, as a plain file of a system that has kinds of files.
            one.create_system, one.external_attr = 3, 0o100644 << 16
            archive.writestr(one, data)
    return buffer.getvalue()
