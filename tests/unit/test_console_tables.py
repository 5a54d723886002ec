"""A table's twins say what the table says, and no cell becomes a formula."""

import csv
import io

import msgspec
import pytest
from litestar.exceptions import NotFoundException

from api.console.tables import Cell, Column, Table, named, split, twin

TABLE = Table(
    name="bases",
    caption="Basis",
    columns=(
        Column("purpose", None),
        Column("live", "Basis"),
        Column("many", "Many", numeric=True),
    ),
    rows=(
        (Cell("PHOTO"), Cell("Consent, Article 6(1)(a)", ("a",)), Cell("2", 2)),
        (Cell('="1+1"'), Cell("No basis", ()), Cell("–", None)),
    ),
)


def test_json_has_the_values() -> None:
    body = msgspec.json.decode(twin(TABLE, "json").content)

    assert body == {
        "table": "bases",
        "caption": "Basis",
        "rows": [
            {"purpose": "PHOTO", "live": ["a"], "many": 2},
            {"purpose": '="1+1"', "live": [], "many": None},
        ],
    }


def test_csv_has_the_same_and_no_formula() -> None:
    response = twin(TABLE, "csv")
    text = response.content.decode("utf-8-sig")

    assert list(csv.reader(io.StringIO(text))) == [
        ["purpose", "live", "many"],
        ["PHOTO", "a", "2"],
        ['\'="1+1"', "", ""],
    ]
    assert response.headers["content-disposition"] == 'attachment; filename="bases.csv"'
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_every_start_of_a_formula_is_made_text(start: str) -> None:
    table = msgspec.structs.replace(TABLE, rows=((Cell(f"{start}A1"), Cell("x"), Cell("1")),))
    lines = list(csv.reader(io.StringIO(twin(table, "csv").content.decode("utf-8-sig"))))

    assert lines[1][0] == f"'{start}A1"


@pytest.mark.parametrize("name", ["bases", "bases.xml", ".json", "bases.", ""])
def test_what_is_no_twin_is_not_there(name: str) -> None:
    with pytest.raises(NotFoundException):
        split(name)


def test_a_table_is_found_by_its_name() -> None:
    assert split("bases.csv") == ("bases", "csv")
    assert named("bases", [TABLE]) is TABLE
    with pytest.raises(NotFoundException):
        named("other", [TABLE])
