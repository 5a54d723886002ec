"""What is vendored for `/docs` is what was published, its licence kept beside it."""

import hashlib
from pathlib import Path

VENDOR = Path(__file__).parents[2] / "api" / "docs" / "vendor"
SUMS = "SHA256SUMS"


def test_every_vendored_file_is_as_the_manifest_says() -> None:
    lines = (VENDOR / SUMS).read_text().splitlines()
    manifest = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    there = {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest()
        for one in VENDOR.iterdir()
        if one.name not in (SUMS, "ORIGIN")
    }

    assert there == manifest
    assert {"LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui.css"} <= there.keys()


def test_the_version_in_addresses_is_that_of_the_files() -> None:
    origin = (VENDOR / "ORIGIN").read_text()
    page = (VENDOR.parent / "page.html").read_text()
    version = origin.split()[1]

    assert page.count(f"-{version}.") == 2
