"""Tables, each the same three times: on its page, as JSON, and as CSV.

A page shows a table by the macro `table` and names its twins; the handler of the twins builds the
same table and calls `twin`. Not here: what is in any table.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import msgspec
from litestar import Response
from litestar.exceptions import NotFoundException

TWINS = ("json", "csv")
Value = str | int | bool | tuple[str, ...] | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a spreadsheet knows a formula (OWASP, CSV injection)."""


class Column(msgspec.Struct, frozen=True):
    """A column: its name in the twins, and its heading on the page, None where it is not there."""

    name: str
    heading: str | None
    numeric: bool = False


class Cell(msgspec.Struct, frozen=True):
    """What stands in one place: words for the page, and for the twins the value, where it differs.

    `tag` is the colour of a tag around the words, `href` where they lead, `hidden` words for who
    cannot see the page, `note` what is to be noticed beside them.
    """

    text: str
    value: Value = ""
    href: str | None = None
    tag: str | None = None
    hidden: str = ""
    note: str = ""

    @property
    def said(self) -> Value:
        """What the twins have."""
        return self.text if self.value == "" else self.value


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table by its name in addresses; its caption says what it is a table of, and when."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def twin(table: Table, ending: str) -> Response[bytes]:
    """The table as JSON or CSV; nobody may store it."""
    made = {"json": _json, "csv": _csv}.get(ending)
    if made is None:
        raise NotFoundException
    body, media_type = made(table)
    headers = {"cache-control": "no-store"}
    if ending == "csv":
        headers["content-disposition"] = f'attachment; filename="{table.name}.csv"'
    return Response(body, media_type=media_type, headers=headers)


def split(name: str) -> tuple[str, str]:
    """The name of a table and the ending of its twin; raises where it is no twin's address."""
    table, _, ending = name.rpartition(".")
    if not table or ending not in TWINS:
        raise NotFoundException
    return table, ending


def named(name: str, tables: Iterable[Table]) -> Table:
    """The table of this name; raises where there is none."""
    for one in tables:
        if one.name == name:
            return one
    raise NotFoundException


def _json(table: Table) -> tuple[bytes, str]:
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, (cell.said for cell in row), strict=True)) for row in table.rows]
    body = {"table": table.name, "caption": table.caption, "rows": rows}
    return msgspec.json.encode(body), "application/json"


def _csv(table: Table) -> tuple[bytes, str]:
    """RFC 4180; UTF-8 with a mark, which spreadsheets look for."""
    out = io.StringIO()
    write = csv.writer(out).writerow
    write([column.name for column in table.columns])
    for row in table.rows:
        write([_plain(cell.said) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode(), "text/csv"


def _plain(value: Value) -> str:
    if value is None:
        return ""
    text = " ".join(value) if isinstance(value, tuple) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
