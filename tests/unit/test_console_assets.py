"""What the console vendors is what its manifest says, and nothing of GOV.UK's own branding."""

import hashlib
import re
from pathlib import Path

import pytest

from api.console import assets
from tests.unit.house_files import files

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "api" / "console" / "vendor"
BRANDED = re.compile(r"\.(woff2?|ttf|eot|otf)$|crest|crown", re.IGNORECASE)


def test_every_vendored_file_is_as_the_manifest_says() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    manifest = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    there = {
        one.name: hashlib.sha256(one.read_bytes()).hexdigest()
        for one in VENDOR.iterdir()
        if one.name not in ("SHA256SUMS", "ORIGIN")
    }

    assert there == manifest
    assert there.keys() == {"LICENSE", "govuk-frontend.css", "govuk-frontend.js"}


def test_the_version_is_the_one_that_the_script_makes_and_the_macros_are_written_for() -> None:
    (version,) = re.findall(r"^frontend=(\S+)$", (ROOT / "ops/console-assets").read_text(), re.M)

    assert (VENDOR / "ORIGIN").read_text().split()[:2] == ["govuk-frontend", version]
    assert f'"{version}"' in (VENDOR / "govuk-frontend.js").read_text()


def test_no_file_is_a_font_a_crest_or_a_crown() -> None:
    assert [str(one) for one in files(ROOT) if BRANDED.search(one.name)] == []
    assert BRANDED.search("govuk-crest.svg") and BRANDED.search("light-94a07e06a1-v2.woff2")


def test_no_style_names_the_branding_or_loads_anything() -> None:
    for sheet in (VENDOR / "govuk-frontend.css", VENDOR.parent / "static" / "console.css"):
        text = sheet.read_text().lower()
        assert "gds transport" not in text and "@font-face" not in text, sheet
        assert "crest" not in text and "crown" not in text, sheet
        assert "url(" not in text and "@import" not in text, sheet


def test_an_address_has_the_digest_of_what_is_there() -> None:
    address = assets.address_of("console.css")
    digest = hashlib.sha256((VENDOR.parent / "static" / "console.css").read_bytes()).hexdigest()

    assert address == f"/console/assets/console-{digest[:12]}.css"


@pytest.mark.parametrize("name", ["govuk-frontend.js", "start.js"])
def test_a_script_asks_for_nothing_but_scripts_of_ours(name: str) -> None:
    text = assets._read(name).decode()
    imported = re.findall(r"""from\s*["']([^"']+)["']""", text)

    assert imported == ([assets.address_of("govuk-frontend.js")] if name == "start.js" else [])
    assert "sourceMappingURL" not in text
