"""A document as one HTML page: nothing is loaded from elsewhere, and nothing in it runs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from projections.packs.document import Code, Document, Heading, Paragraph, Points, Table, Terms

_STYLE = """
body { color: #1a1a1a; background: #fff; font: 1rem/1.5 system-ui, sans-serif;
  margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; }
table { border-collapse: collapse; margin: 1rem 0 2rem; width: 100%; }
caption { font-weight: 600; padding: .5rem 0; text-align: left; }
th, td { border: 1px solid #767676; padding: .4rem .6rem; text-align: left; vertical-align: top;
  white-space: pre-line; overflow-wrap: anywhere; }
thead th { background: #eee; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem 1rem; overflow-wrap: anywhere; }
pre { background: #eee; overflow-x: auto; padding: .6rem; white-space: pre-wrap; }
.wide { overflow-x: auto; }
@media print { body { margin: 0; max-width: none; } thead { display: table-header-group; } }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"


def page(document: Document) -> bytes:
    """The page, in UTF-8."""
    body = "\n".join(_BLOCKS[type(one)](one) for one in document.blocks)
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(document.title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    ).encode()


def _heading(one: Heading) -> str:
    return f"<h{one.level}>{escape(one.text)}</h{one.level}>"


def _paragraph(one: Paragraph) -> str:
    return f"<p>{escape(one.text)}</p>"


def _points(one: Points) -> str:
    return "<ul>\n" + "\n".join(f"<li>{escape(text)}</li>" for text in one.texts) + "\n</ul>"


def _code(one: Code) -> str:
    return f"<pre><code>{escape(one.text)}</code></pre>"


def _terms(one: Terms) -> str:
    pairs = [f"<dt>{escape(name)}</dt>\n<dd>{escape(value)}</dd>" for name, value in one.pairs]
    return "<dl>\n" + "\n".join(pairs) + "\n</dl>"


def _table(one: Table) -> str:
    """In a region that can be reached and scrolled by keyboard, where it is too wide."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in one.head)
    rows = "\n".join(_row(cells) for cells in one.rows)
    caption = escape(one.caption)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{caption}">\n'
        f"<table>\n<caption>{caption}</caption>\n<thead>\n<tr>{head}</tr>\n</thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )


def _row(cells: tuple[str, ...]) -> str:
    first = f'<th scope="row">{escape(cells[0])}</th>'
    return f"<tr>{first}{''.join(f'<td>{escape(cell)}</td>' for cell in cells[1:])}</tr>"


_BLOCKS: Mapping[type, Callable[[Any], str]] = {
    Heading: _heading,
    Paragraph: _paragraph,
    Points: _points,
    Code: _code,
    Terms: _terms,
    Table: _table,
}
