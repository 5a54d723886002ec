"""`ledger scenario`: policy tests as data, asked of the core without a database."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import rich_click as click

from api.cli_service import json_option
from api.cli_words import DIFFERS, file_argument, file_bytes, in_file
from api.output import line, say
from ledger.catalogue import CatalogueDocument, read_catalogue
from ledger.errors import Malformed
from ledger.rules.rulebook import RuleBook, uk_gdpr
from ledger.scenario import Outcome, read_scenario, run

NO_SCENARIOS = frozenset({"catalogue.json", "deadlines.json", "schema.json"})
"""Files of other kinds that stand beside scenarios; passed over in a directory."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many questions were asked, and how many answers differ from what is expected."""

    asks: int
    differ: int


@click.command("scenario")
@click.option(
    "--catalogue", type=file_argument, required=True, help="The catalogue the scenarios assume."
)
@json_option
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
def scenario_command(catalogue: Path, as_json: bool, paths: tuple[Path, ...]) -> None:
    """Run scenario files, or directories of them, and print which answers differ.

    Exit 0 where none does, 3 where one does.
    """
    document = catalogue_in(catalogue)
    rulebook = uk_gdpr()
    asks = differ = 0
    for path in scenario_files(paths):
        for outcome in _outcomes(path, document, rulebook):
            asks += 1
            differ += not outcome.ok
            _show(outcome, as_json=as_json)
    tally = Tally(asks=asks, differ=differ)
    line(tally) if as_json else say(f"{tally.asks} asks, {tally.differ} differ")
    if differ:
        sys.exit(DIFFERS)


def catalogue_in(path: Path) -> CatalogueDocument:
    """The catalogue of the file, or `Malformed` naming the file and the field."""
    text = file_bytes(path)
    try:
        return read_catalogue(text)
    except Malformed as error:
        raise in_file(path, error) from error


def scenario_files(paths: tuple[Path, ...]) -> list[Path]:
    """The files named, and those of the directories named; none at all is an error."""
    found: list[Path] = []
    for path in paths:
        inside = _inside(path) if path.is_dir() else [path]
        if not inside:
            raise Malformed("holds no scenario: name another directory, or files", field=str(path))
        found += inside
    return found


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if path.name not in NO_SCENARIOS)


def _outcomes(path: Path, document: CatalogueDocument, rulebook: RuleBook) -> Iterator[Outcome]:
    text = file_bytes(path)
    try:
        yield from run(read_scenario(text), document, rulebook)
    except Malformed as error:
        raise in_file(path, error) from error


def _show(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        line(outcome)
        return
    for difference in outcome.differs:
        say(f"{outcome.scenario} ask {outcome.ask}: {difference}")


COMMANDS = (scenario_command,)
