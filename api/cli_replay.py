"""`ledger replay`: answers from a file of entries and a catalogue, without a database.

The entries are those of scenario files and of `ledger export`: one JSON object a line, or one list.
With `--answer` it is an answer that was given, from the configured database (`cli_replay_answer`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import rich_click as click

from api.body import instant, instant_or_day
from api.cli_replay_answer import replay_answer
from api.cli_scenario import catalogue_in
from api.cli_service import config_option, json_option
from api.cli_words import DIFFERS, file_argument, file_bytes, in_file
from api.output import line, say
from api.shown import in_short
from ledger.answer import Answer, answer, answer_day
from ledger.catalogue import CatalogueDocument
from ledger.errors import Malformed
from ledger.rules.case import Question
from ledger.rules.rulebook import RuleBook, uk_gdpr
from ledger.scenario import BEGINNING, Given, Streams, read_given
from ledger.terms import Decision


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one person and purpose."""

    subject: str
    purpose: str
    answer: Answer


class Moment(NamedTuple):
    """What a question is about: an instant or a London day, on what was recorded by then."""

    about: datetime | date
    known: datetime

    def ask(
        self, streams: Streams, subject: str | None, purpose: str, rulebook: RuleBook
    ) -> Answer:
        """The answer; of a day, the least permissive one."""
        about, person, common = self.about, streams.dossier(subject), streams.dossier(None)
        instant = about if isinstance(about, datetime) else BEGINNING
        question = Question(purpose=purpose, effective_at=instant, known_at=self.known)
        if isinstance(about, datetime):
            return answer(question, person, common, rulebook)
        return answer_day(question, about, person, common, rulebook)


@click.command("replay")
@click.option("--events", type=file_argument, help="Entries: NDJSON, or a list.")
@click.option("--catalogue", type=file_argument)
@click.option("--answer", "read", help="An answer that was given, by the id of its read.")
@click.option("--subject", "subjects", multiple=True, help="Everyone in the file if none.")
@click.option("--purpose", "purposes", multiple=True, help="Every purpose if none.")
@click.option("--effective-at", help="An instant or a day; now if left out.")
@click.option("--known-at", help="An instant; all entries of the file if left out.")
@config_option
@json_option
def replay_command(
    events: Path | None,
    catalogue: Path | None,
    read: str | None,
    subjects: tuple[str, ...],
    purposes: tuple[str, ...],
    effective_at: str | None,
    known_at: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Answer from a file of entries, in the state of knowledge that it had at a moment.

    Exit 0 where every answer is PERMIT, 3 where one is not. With --answer, give an answer again
    from the entries of the ledger: exit 0 where it has the same bytes, 3 where it has not.
    """
    if read is not None:
        if events or catalogue or subjects or purposes or effective_at or known_at:
            raise click.UsageError("--answer says all: give no other question with it.")
        if not replay_answer(config, read, as_json=as_json):
            sys.exit(DIFFERS)
        return
    if events is None or catalogue is None:
        raise click.UsageError("Name --events and --catalogue, or an --answer.")
    document, given = catalogue_in(catalogue), entries_in(events)
    moment = _moment(given, effective_at, known_at)
    permitted = True
    for one in _asked(document, given, moment, _people(given, subjects), purposes):
        permitted &= one.answer.decision is Decision.PERMIT
        line(one) if as_json else say(f"{one.subject} {one.purpose}: {in_short(one.answer)}")
    if not permitted:
        sys.exit(DIFFERS)


def _asked(
    document: CatalogueDocument,
    given: Sequence[Given],
    moment: Moment,
    subjects: Sequence[str],
    purposes: Sequence[str],
) -> Iterator[Asked]:
    streams, rulebook = Streams(document, {}), uk_gdpr()
    for entry in sorted(given, key=lambda each: each.recorded_at):
        streams.record(entry)
    for subject in subjects:
        for purpose in purposes or sorted(document.purpose_by_id):
            found = moment.ask(streams, subject, purpose, rulebook)
            yield Asked(subject=subject, purpose=purpose, answer=found)


def _people(given: Sequence[Given], named: Sequence[str]) -> Sequence[str]:
    """Those named, or all of the file, in the order in which they come."""
    if named:
        return named
    people = list(dict.fromkeys(one.subject for one in given if one.subject is not None))
    if not people:
        raise Malformed("names nobody: name somebody with --subject", field="--events")
    return people


def _moment(given: Sequence[Given], effective_at: str | None, known_at: str | None) -> Moment:
    """Left out, it is all that was recorded, and now or the last recording if that is later."""
    last = max((one.recorded_at for one in given), default=BEGINNING)
    about = instant_or_day(effective_at, field="--effective-at")
    return Moment(
        about=about or max(last, datetime.fromtimestamp(time.time(), UTC)),
        known=instant(known_at, field="--known-at") or last,
    )


def entries_in(path: Path) -> list[Given]:
    """The entries of the file in its order, or `Malformed` naming the file and the place."""
    text = file_bytes(path)
    try:
        return [_given(value, place) for place, value in _values(text)]
    except Malformed as error:
        raise in_file(path, error) from error


def _given(value: object, place: str) -> Given:
    if not isinstance(value, dict):
        raise Malformed("must be a JSON object", field=place)
    return read_given({"id": place.replace(" ", "."), **value}, field=place)


def _values(text: bytes) -> Iterator[tuple[str, object]]:
    """Each entry with its place; a whole scenario file stands for what it gives."""
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from _lines(text)
        return
    if isinstance(whole, dict) and isinstance(whole.get("given"), list):
        whole = whole["given"]
    entries = whole if isinstance(whole, list) else [whole]
    yield from ((f"entry {n}", value) for n, value in enumerate(entries, start=1))


def _lines(text: bytes) -> Iterator[tuple[str, object]]:
    for n, words in enumerate(text.splitlines(), start=1):
        if not words.strip():
            continue
        try:
            yield f"line {n}", msgspec.json.decode(words)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed("is not JSON", field=f"line {n}") from error


COMMANDS = (replay_command,)
