"""A document for people as plain blocks, the same for every way of showing it.

Everything is text: whoever shows a block escapes it. A cell may have several lines.
"""

from __future__ import annotations

import msgspec


class Heading(msgspec.Struct, frozen=True, tag="heading"):
    """A heading; level 1 is the title, of which there is one."""

    level: int
    text: str


class Paragraph(msgspec.Struct, frozen=True, tag="paragraph"):
    """Running text."""

    text: str


class Points(msgspec.Struct, frozen=True, tag="points"):
    """A list."""

    texts: tuple[str, ...]


class Code(msgspec.Struct, frozen=True, tag="code"):
    """What is typed into a machine."""

    text: str


class Terms(msgspec.Struct, frozen=True, tag="terms"):
    """Names with their values."""

    pairs: tuple[tuple[str, str], ...]


class Table(msgspec.Struct, frozen=True, tag="table"):
    """A table; the first cell of a row is what the row is about."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Points | Code | Terms | Table


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks in order, the title among them."""

    title: str
    blocks: tuple[Block, ...]
