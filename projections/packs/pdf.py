"""A document as a PDF, where the extra `pdf` is installed: tagged, the same bytes every time.

Only fonts that come with the typesetter are used: a character that they lack is an empty box here,
and as it should be in the page.
"""

from __future__ import annotations

import importlib
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

import msgspec

from projections.packs.document import Document

_MODULE = "typst"
_ACCESSIBLE = "ua-1"


def can_be_made() -> bool:
    """Whether the typesetter is installed."""
    return find_spec(_MODULE) is not None


def pdf(document: Document) -> bytes:
    """The PDF; it claims PDF/UA-1 where every character can be shown."""
    typst: Any = importlib.import_module(_MODULE)
    template = files(__package__).joinpath("report.typ").read_bytes()

    def made(standards: list[str]) -> bytes:
        found: bytes = typst.compile(
            template,
            format="pdf",
            ignore_system_fonts=True,
            pdf_standards=standards,
            sys_inputs={"document": msgspec.json.encode(document).decode()},
        )
        return found

    try:
        return made([_ACCESSIBLE])
    except typst.TypstError:
        return made([])
