"""`ledger import` and `ledger export`: historic facts in, every fact out, a JSON object a line."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import rich_click as click

from api.bar import Bar, bar
from api.cli_service import config_option, configured, json_option
from api.cli_words import DIFFERS, file_argument, on_ledger
from api.exporting import Exported, Exporting
from api.import_ids import Ids
from api.import_lines import Raw, digest_of, raw_lines
from api.importing import Importing, Summary, Unrecorded
from api.output import errors, line, say
from api.runtime import Runtime
from ledger.errors import Malformed

SOURCE_LENGTH_MAX = 100
STANDARD = "-"


@click.command("import")
@click.argument("file", type=file_argument)
@click.option("--source", help="What names these lines when they come again; the content if none.")
@config_option
@json_option
def import_command(file: Path, source: str | None, config: Path | None, as_json: bool) -> None:
    """Record historic facts from a file of JSON lines, - for standard input.

    Run it again after an interruption: what is recorded stays recorded once. Each line that is
    refused or cannot be read is reported, and the rest recorded. Exit 0 where all lines are
    recorded, 3 where some are not, 1 where it had to stop.
    """
    name = _source(file, source)

    def report(one: Unrecorded) -> None:
        line(one) if as_json else errors.print(_spelt(one), markup=False)

    with _reading(file) as lines, Ids() as ids:

        async def act(ledger: Runtime) -> Summary:
            return await Importing(ledger, ids, source=name, report=report).run(lines)

        done = on_ledger(configured(config), act)
    line(done) if as_json else say(_summed_up(done))
    if done.refused:
        sys.exit(DIFFERS)


def _source(file: Path, given: str | None) -> str:
    if given is not None:
        if not given.isprintable() or not 1 <= len(given) <= SOURCE_LENGTH_MAX:
            message = f"must be 1 to {SOURCE_LENGTH_MAX} printable characters"
            raise Malformed(message, field="--source")
        return given
    if str(file) == STANDARD:
        raise Malformed("name one: standard input can be read only once", field="--source")
    try:
        return digest_of(file)
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror}", field=str(file)) from error


@contextmanager
def _reading(file: Path) -> Iterator[Iterator[Raw]]:
    """The lines, with a bar of how much of the file has been read."""
    if str(file) == STANDARD:
        yield raw_lines(sys.stdin.buffer)
        return
    with file.open("rb") as opened, bar("importing") as progress:
        yield _watched(opened, file.stat().st_size, progress)


def _watched(opened: IO[bytes], size: int, progress: Bar) -> Iterator[Raw]:
    for raw in raw_lines(opened):
        yield raw
        progress.of(opened.tell(), size)


def _spelt(one: Unrecorded) -> str:
    where = f" {one.field}:" if one.field else ""
    return f"line {one.line}:{where} {one.message}{f' ({one.reason})' if one.reason else ''}"


def _summed_up(done: Summary) -> str:
    return (
        f"{done.lines} lines: {done.recorded} recorded, {done.before} recorded before, "
        f"{done.refused} not recorded"
    )


@click.command("export")
@click.argument("file", type=file_argument)
@config_option
@json_option
def export_command(file: Path, config: Path | None, as_json: bool) -> None:
    """Write every entry that can be read as a JSON line, - for standard output.

    `ledger import` reads the file into another ledger, and `ledger replay` answers from it. The
    file holds personal data in clear: it is readable by you alone.
    """

    async def act(ledger: Runtime) -> Exported:
        export = Exporting(ledger)
        size = await export.size()
        with bar("exporting") as progress:

            def wrote() -> None:
                progress.of(export.tally.entries, size)

            if str(file) == STANDARD:
                await _write(sys.stdout.buffer, export.lines(), wrote)
            else:
                await _write_file(file, export.lines(), wrote)
        return export.tally

    done = on_ledger(configured(config), act)
    if str(file) == STANDARD:
        return
    line(done) if as_json else say(_written(done))


async def _write_file(file: Path, lines: AsyncIterator[bytes], wrote: Callable[[], None]) -> None:
    """The whole file or none: written beside, and then put in its place."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            await _write(opened, lines, wrote)
            opened.flush()
            os.fsync(descriptor)
        draft.replace(file)
    except OSError as error:
        raise Malformed(f"cannot be written: {error.strerror}", field=str(file)) from error
    finally:
        draft.unlink(missing_ok=True)


async def _write(opened: IO[bytes], lines: AsyncIterator[bytes], wrote: Callable[[], None]) -> None:
    async for text in lines:
        opened.write(text)
        wrote()
    opened.flush()


def _written(done: Exported) -> str:
    return (
        f"{done.entries} entries: {done.lines} written, {done.counterparts} that others bring "
        f"with them, {done.erased} erased"
    )


COMMANDS = (import_command, export_command)
