"""The containers of evidence packs: bags, ZIP files, and the DER of a time stamp."""

import io
import zipfile
from hashlib import sha256


def bagged(files: dict[str, bytes]) -> dict[str, bytes]:
    """The bag with these files under data/."""
    inside = {f"data/{name}": data for name, data in files.items()}
    tags = {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": b"Source-Organization: tests\n",
        "manifest-sha256.txt": manifest(inside),
    }
    return {**tags, "tagmanifest-sha256.txt": manifest(tags), **inside}


def manifest(files: dict[str, bytes]) -> bytes:
    """The files, each with its hash."""
    lines = [f"{sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())]
    return "".join(lines).encode()


def zipped(files: dict[str, bytes], top: str = "pack-20000000-13/") -> bytes:
    """The files in a ZIP file, in one top folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(top + name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def time_stamp(text: bytes, kind: str = "2.16.840.1.101.3.4.2.1") -> bytes:
    """A TimeStampResp of RFC 3161 over the text, as far as anything but its signature goes."""
    imprint = der(0x30, der(0x30, oid(kind) + b"\x05\x00") + der(0x04, sha256(text).digest()))
    info = der(0x30, der(0x02, b"\x01") + oid("1.2.3") + imprint + der(0x02, b"\x07"))
    content = der(0x30, oid("1.2.840.113549.1.9.16.1.4") + der(0xA0, der(0x04, info)))
    data = der(0x30, der(0x02, b"\x03") + der(0x31, der(0x30, oid(kind))) + content)
    token = der(0x30, oid("1.2.840.113549.1.7.2") + der(0xA0, data))
    return der(0x30, der(0x30, der(0x02, b"\x00")) + token)


def der(tag: int, content: bytes) -> bytes:
    """The element with its length in the shortest form."""
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    length = bytes([size]) if size < 128 else bytes([128 + len(octets)]) + octets
    return bytes([tag]) + length + content


def oid(dotted: str) -> bytes:
    """The object identifier."""
    first, second, *rest = map(int, dotted.split("."))
    encoded = bytes([first * 40 + second])
    for number in rest:
        groups = [number >> shift & 127 for shift in range(28, -1, -7)]
        while groups[0] == 0 and len(groups) > 1:
            groups.pop(0)
        encoded += bytes([each | 128 for each in groups[:-1]] + groups[-1:])
    return der(0x06, encoded)
