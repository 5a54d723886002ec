"""Attacked packs: the ZIP file and the bag."""

import io
import struct
import warnings
import zipfile
import zlib

from tests.packs_attacks import Case, Files, attack, files, honest
from tests.packs_bag import bagged, manifest, zipped

TOP = "pack-20000000-13/"
README = b"data/README.txt"


def central(data: bytes, name: bytes, offset: int, value: bytes) -> bytes:
    """The archive with these bytes in the central header of the file."""
    at = data.index(b"PK\x01\x02")
    while data[at + 46 : at + 46 + len(TOP) + len(name)] != TOP.encode() + name:
        at = data.index(b"PK\x01\x02", at + 4)
    return data[: at + offset] + value + data[at + offset + len(value) :]


def with_entry(info: zipfile.ZipInfo, content: bytes = b"x\n") -> bytes:
    """An honest archive with one more entry."""
    buffer = io.BytesIO(honest().pack)
    with zipfile.ZipFile(buffer, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr(info, content, info.compress_type)
    return buffer.getvalue()


@attack("E_ZIP", "zip", on="zip", threat=21)
def truncated(data: bytes) -> bytes:
    return data[:-30]


@attack("E_ZIP", "zip", on="zip")
def not_a_zip_file(data: bytes) -> bytes:
    return b"%PDF-1.7\n"


@attack("E_ZIP", "zip", on="zip")
def empty(data: bytes) -> bytes:
    return zipped({})


@attack("E_ZIP", "zip", on="zip", threat=21)
def leads_out_of_its_folder(data: bytes) -> bytes:
    return data.replace(README, b"data/../DME.txt")


@attack("E_ZIP", "zip", on="zip")
def names_the_folder_itself(data: bytes) -> bytes:
    return data.replace(README, b"data/./EADM.txt")


@attack("E_ZIP", "zip", on="zip", threat=21)
def absolute(data: bytes) -> bytes:
    return data.replace(b"pack-20000000-13/data/R", b"/ack-20000000-13/data/R")


@attack("E_ZIP", "zip", on="zip")
def backslash(data: bytes) -> bytes:
    return data.replace(README, b"data\\README.txt")


@attack("E_ZIP", "zip", on="zip")
def drive_letter(data: bytes) -> bytes:
    return data.replace(TOP.encode(), b"C:" + TOP.encode()[2:])


@attack("E_ZIP", "zip", on="zip")
def name_with_a_nul(data: bytes) -> bytes:
    return data.replace(b"data/report.html", b"data/report\0html")


@attack("E_ZIP", "zip", on="zip")
def name_that_the_archive_replaces(data: bytes) -> bytes:
    """Info-ZIP's field for a name in Unicode, which some readers follow and some do not."""
    info = zipfile.ZipInfo(TOP + "data/keys/other.txt")
    body = struct.pack("<BL", 1, zlib.crc32(info.filename.encode())) + b"elsewhere"
    info.extra = struct.pack("<HH", 0x7075, len(body)) + body
    return with_entry(info)


@attack("E_ZIP", "zip", on="zip", threat=21)
def two_files_of_one_name(data: bytes) -> bytes:
    return data.replace(b"proofs/0.tlog-proof", b"proofs/2.tlog-proof")


@attack("E_ZIP", "zip", on="zip")
def names_alike_but_for_case(data: bytes) -> bytes:
    return with_entry(zipfile.ZipInfo(TOP + "data/readme.TXT"))


@attack("E_ZIP", "zip", on="zip")
def file_that_is_a_folder(data: bytes) -> bytes:
    return with_entry(zipfile.ZipInfo(TOP + "data/README.txt/more.txt"))


@attack("E_ZIP", "zip", on="zip")
def folder_of_its_own(data: bytes) -> bytes:
    return with_entry(zipfile.ZipInfo(TOP + "data/empty/"), b"")


@attack("E_ZIP", "zip", on="zip")
def outside_of_the_top_folder(data: bytes) -> bytes:
    return with_entry(zipfile.ZipInfo("another/README.txt"))


@attack("E_ZIP", "zip", on="zip")
def in_no_folder(data: bytes) -> bytes:
    return with_entry(zipfile.ZipInfo("README.txt"))


@attack("E_ZIP", "zip", on="zip", threat=21)
def symbolic_link(data: bytes) -> bytes:
    info = zipfile.ZipInfo(TOP + "data/keys/other.txt")
    info.external_attr = 0o120777 << 16
    return with_entry(info, b"/etc/passwd")


@attack("E_ZIP", "zip", on="zip")
def encrypted(data: bytes) -> bytes:
    return central(data, README, 8, b"\x01\x00")


@attack("E_ZIP", "zip", on="zip")
def encrypted_in_another_way(data: bytes) -> bytes:
    return central(data, README, 8, b"\x00\x20")


@attack("E_ZIP", "zip", on="zip")
def compressed_otherwise(data: bytes) -> bytes:
    info = zipfile.ZipInfo(TOP + "data/keys/other.txt")
    info.compress_type = zipfile.ZIP_LZMA
    return with_entry(info)


@attack("E_ZIP", "zip", on="zip", threat=21)
def unpacks_to_a_thousand_times_its_size(data: bytes) -> bytes:
    return zipped({**bagged(files()), "data/zeros.txt": bytes(4_000_000)})


@attack("E_ZIP", "zip", on="case", limits={"BYTES_MAX": 40_000})
def unpacks_to_too_much_together(case: Case) -> None:
    assert len(case.pack) < 40_000 < sum(map(len, files().values()))


@attack("E_ZIP", "zip", on="case", limits={"BYTES_MAX": 500_000})
def too_large_a_file(case: Case) -> None:
    """It unpacks to less: before the list of files is something that nothing lists."""
    at, end = case.pack.index(b"PK\x01\x02"), case.pack.index(b"PK\x05\x06")
    start = struct.pack("<L", at + 600_000)
    tail = case.pack[at : end + 16] + start + case.pack[end + 20 :]
    case.pack = case.pack[:at] + bytes(600_000) + tail


@attack("E_ZIP", "zip", on="case", limits={"FILES_MAX": 10})
def too_many_files(case: Case) -> None:
    assert case.pack.count(b"PK\x01\x02") > 10


@attack("E_ZIP", "zip", on="zip")
def too_many_files_to_list(data: bytes) -> bytes:
    return b"PK\x01\x02" * 100_001


@attack("E_ZIP", "zip", on="zip", threat=21)
def files_that_overlap(data: bytes) -> bytes:
    """The compressed text of one ends early; what follows up to the stated end is the next one."""
    info = zipfile.ZipFile(io.BytesIO(data)).getinfo(TOP + "data/pack.json")
    return central(data, b"data/pack.json", 20, struct.pack("<L", info.compress_size + 200))


@attack("E_ZIP", "zip", on="zip")
def file_that_overlaps_the_list(data: bytes) -> bytes:
    last = zipfile.ZipFile(io.BytesIO(data)).infolist()[-1]
    name = last.filename.removeprefix(TOP).encode()
    return central(data, name, 20, struct.pack("<L", last.compress_size + 200))


@attack("E_ZIP", "zip", on="zip")
def something_precedes(data: bytes) -> bytes:
    return b"#!/bin/sh\n" + data


@attack("E_ZIP", "zip", on="zip")
def something_follows(data: bytes) -> bytes:
    return data + b"more"


@attack("E_ZIP", "zip", on="zip")
def comment(data: bytes) -> bytes:
    return data[:-2] + b"\x04\x00more"


@attack("E_ZIP", "zip", on="zip")
def damaged_on_its_way(data: bytes) -> bytes:
    at = data.index(README) + len(README)
    return data[: at + 5] + bytes([data[at + 5] ^ 1]) + data[at + 6 :]


# The bag.


@attack("E_BAG", "bag", on="bag", threat=21)
def report_changed_after_packing(bag: Files) -> None:
    bag["data/report.html"] += b"<p>Nothing to see.\n"


@attack("E_BAG", "bag", on="bag")
def no_bag(bag: Files) -> None:
    bag["bagit.txt"] = b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"
    relist(bag)


@attack("E_BAG", "bag", on="bag")
def something_to_fetch(bag: Files) -> None:
    bag["fetch.txt"] = b"https://elsewhere.example/x 1 data/x\n"
    relist(bag)


@attack("E_BAG", "bag", on="bag")
def file_that_is_not_listed(bag: Files) -> None:
    bag["data/report.pdf"] = b"%PDF-1.7\n"


@attack("E_BAG", "bag", on="bag")
def listed_file_that_is_not_there(bag: Files) -> None:
    del bag["data/report.html"]


@attack("E_BAG", "bag", on="bag")
def file_listed_twice(bag: Files) -> None:
    bag["manifest-sha256.txt"] += bag["manifest-sha256.txt"].splitlines(keepends=True)[0]
    relist(bag)


@attack("E_BAG", "bag", on="bag")
def tag_file_that_is_not_listed(bag: Files) -> None:
    bag["about.txt"] = b"more\n"


@attack("E_BAG", "bag", on="bag")
def tag_file_changed(bag: Files) -> None:
    bag["bag-info.txt"] = b"Source-Organization: somebody else\n"


@attack("E_BAG", "bag", on="bag")
def manifest_in_another_form(bag: Files) -> None:
    bag["manifest-sha256.txt"] = bag["manifest-sha256.txt"].upper()
    relist(bag)


@attack("E_BAG", "bag", on="bag")
def manifest_that_does_not_end(bag: Files) -> None:
    bag["manifest-sha256.txt"] += b"0" * 64
    relist(bag)


@attack("E_BAG", "bag", on="bag")
def no_manifest(bag: Files) -> None:
    del bag["manifest-sha256.txt"]
    relist(bag)


def relist(bag: Files) -> None:
    """Make the tag manifest right again."""
    del bag["tagmanifest-sha256.txt"]
    tags = {name: data for name, data in bag.items() if not name.startswith("data/")}
    bag["tagmanifest-sha256.txt"] = manifest(tags)
