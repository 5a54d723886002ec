"""The ZIP file and the BagIt bag in it (RFC 8493), bounded and refused before anything is unpacked.

Nothing is written to disk: the files are read into memory.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
import zlib

from projections.packs.verifier.reading import Failed, need

FILES_MAX, BYTES_MAX, RATIO_MAX = 100_000, 2 * 1024**3, 100
CENTRAL_HEADER, LOCAL_HEADER_BYTES = b"PK\x01\x02", 30
END_OF_CENTRAL, END_BYTES = b"PK\x05\x06", 22
ENCRYPTED = 0x2041
OTHER_NAME = b"up"  # The ID of the field for a name in Unicode.
NAME_IN_ZIP = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+")
MANIFEST_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
BAG = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def unzipped(data: bytes) -> dict[str, bytes]:
    """The files of the archive by their names inside its one top folder."""
    need(len(data) <= BYTES_MAX, "E_ZIP", "too large")
    # Each file has a header: they are counted before the library makes a list of them.
    need(data.count(CENTRAL_HEADER) <= FILES_MAX, "E_ZIP", "too many files")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        check_entries(archive)
        check_places(archive, data)
        read = {one.filename: archive.read(one) for one in archive.infolist()}
    except BROKEN:
        raise Failed("E_ZIP", "no ZIP file, or a broken one") from None
    return {name.split("/", 1)[1]: content for name, content in read.items()}


def check_entries(archive: zipfile.ZipFile) -> None:
    """Go on only where every entry is a plain file of a plain name, and all are of bounded size."""
    infos = archive.infolist()
    for one in infos:
        where = one.orig_filename[:80]
        # The name as it stands there: the library may have made another of it.
        plain = NAME_IN_ZIP.fullmatch(one.orig_filename)
        need(plain, "E_ZIP", f"{where}: not a name that a pack has")
        need(OTHER_NAME not in one.extra, "E_ZIP", f"{where}: another name for some readers")
        need(not {".", ".."} & set(one.filename.split("/")), "E_ZIP", f"{where}: leads elsewhere")
        # The kind of file, where the archive was made on a system that has kinds.
        regular = one.external_attr >> 16 & 0o170000 in (0, 0o100000)
        need(regular and not one.flag_bits & ENCRYPTED, "E_ZIP", f"{where}: a link, or encrypted")
        packed = one.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        need(packed, "E_ZIP", f"{where}: neither stored nor deflated")
        bomb = one.file_size > RATIO_MAX * max(one.compress_size, 1024)
        need(not bomb, "E_ZIP", f"{where}: unpacks to too much")
    need(sum(one.file_size for one in infos) <= BYTES_MAX, "E_ZIP", "unpacks to too much")
    check_names([one.filename.casefold() for one in infos])


def check_names(names: list[str]) -> None:
    """Go on only where no two files would be one on some system, and all are in one folder."""
    files = set(names)
    need(len(files) == len(names), "E_ZIP", "a name twice")
    parts = [name.split("/") for name in names]
    folders = {"/".join(one[:depth]) for one in parts for depth in range(1, len(one))}
    need(not files & folders, "E_ZIP", "a file is a folder as well")
    need(len({one[0] for one in parts}) == 1, "E_ZIP", "not one top folder")


def check_places(archive: zipfile.ZipFile, data: bytes) -> None:
    """Go on only where the files lie one after another, with nothing before or behind them."""
    end = 0
    for one in sorted(archive.infolist(), key=lambda info: info.header_offset):
        at = one.header_offset
        need(at >= end and (at == 0) is (end == 0), "E_ZIP", "files overlap, or something precedes")
        name, extra = struct.unpack("<26xHH", data[at : at + LOCAL_HEADER_BYTES])
        end = at + LOCAL_HEADER_BYTES + name + extra + one.compress_size
    last = data[-END_BYTES:].startswith(END_OF_CENTRAL)
    need(end <= archive.start_dir and last, "E_ZIP", "something overlaps, or follows")


def payload(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files under data/, by their names there."""
    return {name[5:]: data for name, data in files.items() if name.startswith("data/")}


def check_bag(files: dict[str, bytes]) -> str:
    """Go on only where the manifests list every file with its hash; says how many."""
    need(files.get("bagit.txt") == BAG, "E_BAG", "bagit.txt")
    need("fetch.txt" not in files, "E_BAG", "fetch.txt: something is to be fetched")
    inside = {name for name in files if name.startswith("data/")}
    tags = files.keys() - inside - {"tagmanifest-sha256.txt"}
    listed = manifest(files, "manifest-sha256.txt")
    need(listed == inside, "E_BAG", "manifest-sha256.txt: it lists other files")
    listed = manifest(files, "tagmanifest-sha256.txt")
    need(listed == tags, "E_BAG", "tagmanifest-sha256.txt: it lists other files")
    return f"{len(inside)} files, each as the manifest says"


def manifest(files: dict[str, bytes], name: str) -> set[str]:
    """The files that the manifest lists, each with the hash that it gives."""
    listed: set[str] = set()
    lines = files.get(name, b"").decode("latin-1").split("\n")
    need(lines.pop() == "", "E_BAG", f"{name}: its last line does not end")
    for line in lines:
        match = MANIFEST_LINE.fullmatch(line)
        if match is None:
            raise Failed("E_BAG", f"{name}: no line of a manifest")
        digest, path = match.groups()
        need(path in files and path not in listed, "E_BAG", f"{name}: no file, or one twice")
        need(hashlib.sha256(files[path]).hexdigest() == digest, "E_BAG", f"{path}: another hash")
        listed.add(path)
    return listed
