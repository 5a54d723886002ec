"""Why an answer is what it is: every rule that was asked, in order, in plain English.

Looking leaves the row of a check, and one of today's answer where that is another. Not here: the
words (`words`), or the answer itself (`ledger.answer`).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, NamedTuple, get_args
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from api.asking import WORDS_MAX, audited, check_purpose
from api.body import AnyRequest
from api.console import civil_words, words
from api.console.looking import Look, look, purposes_by_id
from api.console.moments import boxes, moments
from api.console.person import reference
from api.console.person_tables import dated, in_words, place_of
from api.console.shell import PEOPLE, Crumb, page
from api.console.tables import Cell, Column, Table, named, split, twin
from api.console.viewing import HOME, address, asker_about, signed_in
from ledger.answer import Answer
from ledger.errors import Malformed
from ledger.events import name_of
from ledger.history import Item
from ledger.rules.case import Step
from ledger.terms import DataClass, Flag, Operation
from projections.checks import Answered
from projections.compare import changes
from projections.read_audit import of_answer

Purpose = Annotated[str, QueryParameter(name="purpose")]
Data = Annotated[str, QueryParameter(name="data")]


class Used(NamedTuple):
    """An entry that a rule used; `theirs` has a page of its own among the person's entries."""

    entry: str
    heading: str
    item: Item | None
    theirs: bool


class Asked(NamedTuple):
    """A rule that was asked, and what it found."""

    n: int
    step: Step
    question: str
    finding: str
    link: str
    used: tuple[Used, ...]


class Why(NamedTuple):
    """An answer with its trace, and today's where it is another; `learned` is what made it so."""

    look: Look
    title: str
    answered: Answered
    steps: tuple[Asked, ...]
    today: Answered | None
    learned: tuple[Used, ...]


@get("/people/{subject:uuid}/why", guards=[signed_in("history")])
async def why(
    request: AnyRequest,
    subject: FromPath[UUID],
    purpose: Purpose,
    effective_at: FromQuery[str | None] = None,
    known_at: FromQuery[str | None] = None,
    operation: FromQuery[str] = "USE",
    kind: Data = "ordinary",
    recipient: FromQuery[str | None] = None,
    exception: FromQuery[str | None] = None,
) -> Response[bytes]:
    """The page."""
    more = _more(operation, kind, recipient, exception)
    asker = await asker_about(request, subject)
    found = await look(request, subject, moments(effective_at, known_at))
    shown = _why(found, purpose, more)
    said = words.decision(shown.answered.answer.decision).label
    made = page(
        request,
        "why.html",
        _context(shown, more) | {"reason": asker.reason},
        title=f"Why “{said}” for {shown.title}: {dated(found.moments)}",
        part=PEOPLE,
        crumbs=(Crumb("People", HOME), Crumb(f"Person {reference(subject)}", _back(found))),
    )
    await audited(request, asker, [of_answer(one, "CHECK") for one in _told(shown)])
    return made


@get("/people/{subject:uuid}/why/{table:str}", guards=[signed_in("history")])
async def why_table(
    request: AnyRequest,
    subject: FromPath[UUID],
    table: FromPath[str],
    purpose: Purpose,
    effective_at: FromQuery[str | None] = None,
    known_at: FromQuery[str | None] = None,
    operation: FromQuery[str] = "USE",
    kind: Data = "ordinary",
    recipient: FromQuery[str | None] = None,
    exception: FromQuery[str | None] = None,
) -> Response[bytes]:
    """The steps as data."""
    name, ending = split(table)
    more = _more(operation, kind, recipient, exception)
    asker = await asker_about(request, subject)
    found = await look(request, subject, moments(effective_at, known_at))
    shown = _why(found, purpose, more)
    made = twin(named(name, [steps_table(shown)]), ending)
    await audited(request, asker, [of_answer(one, "CHECK") for one in _told(shown)])
    return made


def _more(
    operation: str, data: str, recipient: str | None, exception: str | None
) -> dict[str, str | None]:
    """What else the question says; raises `Malformed`."""
    for name, text, words_of in (("operation", operation, Operation), ("data", data, DataClass)):
        if text not in get_args(words_of):
            raise Malformed(f"must be one of {', '.join(get_args(words_of))}", field=name)
    for name, given in (("recipient", recipient), ("exception", exception)):
        if given is not None and not 0 < len(given) <= WORDS_MAX:
            raise Malformed(f"must be from 1 to {WORDS_MAX} characters", field=name)
    return {
        "operation": operation,
        "data": data,
        "recipient": recipient,
        "exception": exception,
    }


def _why(found: Look, purpose: str, more: Mapping[str, str | None]) -> Why:
    if not found.grant.covers(check_purpose(purpose)):
        raise Malformed("is no purpose that your sign-in covers", field="purpose")
    answered = found.asked(purpose, **more)
    today = found.today(purpose, **more) if found.past else None
    if today is not None and not changes(answered.answer, today.answer):
        today = None
    items = _items(found)
    purposes = purposes_by_id(found.loaded.catalogue)
    return Why(
        look=found,
        title=purposes[purpose].title if purpose in purposes else purpose,
        answered=answered,
        steps=tuple(_steps(answered.answer, found, items)),
        today=today,
        learned=_learned(found, answered.answer, today.answer, items) if today else (),
    )


def _items(found: Look) -> dict[str, Item]:
    """Every entry that an answer may name, by its id."""
    loaded, known_at = found.loaded, found.now.pin.known_at
    every = (*loaded.catalogue.items, *loaded.dossier.at(known_at).items, *loaded.dossier.items)
    return {one.entry: one for one in every}


def _steps(answer: Answer, found: Look, items: Mapping[str, Item]) -> list[Asked]:
    last = max((n for n, step in enumerate(answer.because) if step.rule != words.LATE), default=-1)
    return [
        Asked(
            n=n + 1,
            step=step,
            question=words.question(step),
            finding=words.finding(step, last=n == last),
            link=found.rulebook.rule(step.rule).link,
            used=tuple(_used(one, found, items) for one in dict.fromkeys(step.entries)),
        )
        for n, step in enumerate(answer.because)
    ]


def _used(entry: str, found: Look, items: Mapping[str, Item]) -> Used:
    """Of the person's entries those that the viewer may see; of others no more than their id."""
    one = items.get(entry)
    common = any(one is each for each in found.loaded.catalogue.items)
    if one is None or not (common or found.grant.shows(one.fact)):
        return Used(entry, "", None, theirs=False)
    own = any(one is each for each in found.loaded.dossier.items)
    return Used(entry, words.words().entry[name_of(one.fact)], one, theirs=own)


def _learned(
    found: Look, then: Answer, today: Answer, items: Mapping[str, Item]
) -> tuple[Used, ...]:
    """What had not been recorded then, and one of the two answers rests on."""
    rest = [
        entry
        for answer in (today, then)
        for step in answer.because
        if step.matched
        for entry in step.entries
    ]
    used = [_used(entry, found, items) for entry in dict.fromkeys(rest)]
    return tuple(one for one in used if one.item and one.item.known_from > found.known_at)


def _told(shown: Why) -> list[Answered]:
    return [shown.answered] if shown.today is None else [shown.answered, shown.today]


def _back(found: Look) -> str:
    return address(place_of(found), **found.moments.query())


def steps_table(shown: Why) -> Table:
    """Every rule that was asked, in order."""
    columns = (
        Column("n", "Step", numeric=True),
        Column("rule", None),
        Column("question", "Question"),
        Column("found", None),
        Column("finding", "What we found"),
        Column("flag", None),
        Column("article", "Law"),
        Column("link", None),
        Column("entries", None),
    )
    rows = [
        (
            Cell(str(one.n), one.n),
            Cell(one.step.rule),
            Cell(one.question),
            Cell("", one.step.matched),
            Cell(one.finding),
            Cell("", None if one.step.flag is None else str(one.step.flag)),
            Cell(one.step.article, href=one.link),
            Cell("", one.link),
            Cell("", one.step.entries),
        )
        for one in shown.steps
    ]
    caption = f"How we worked it out: {shown.title}, {dated(shown.look.moments)}"
    return Table(name="steps", caption=caption, columns=columns, rows=rows)


def _context(shown: Why, more: Mapping[str, str | None]) -> dict[str, object]:
    found, answer = shown.look, shown.answered.answer
    purpose = shown.answered.query.purpose
    usual = {"operation": "USE", "data": "ordinary"}
    query: dict[str, str | None] = {"purpose": purpose, **found.moments.query()}
    query |= {name: text for name, text in more.items() if text != usual.get(name)}
    return {
        "look": found,
        "reference": reference(found.subject),
        "place": place_of(found),
        "person_page": _back(found),
        "query": query,
        "chosen": purpose,
        "boxes": {name: boxes(name, one, {}) for name, one in found.moments._asdict().items()},
        "title_of_purpose": shown.title,
        "answer": answer,
        "rests_on": in_words(answer),
        "steps": shown.steps,
        "nothing": sum(not one.step.matched for one in shown.steps),
        "today": None if shown.today is None else shown.today.answer,
        "today_rests_on": "" if shown.today is None else in_words(shown.today.answer),
        "learned": shown.learned,
        "flags": [one for one in answer.flags if one is not Flag.LATE_GAP],
        "more": more,
        "due": [(words.words().due[one.what], one) for one in answer.due],
        "exactly": address(
            f"{place_of(found)}/why",
            **{
                **query,
                "effective_at": civil_words.machine(answer.effective_at),
                "known_at": civil_words.machine(answer.known_at),
            },
        ),
        "table_of_steps": steps_table(shown),
        "command": _command(shown),
    }


def _command(shown: Why) -> str:
    """The same question at a terminal."""
    query, answer = shown.answered.query, shown.answered.answer
    asked = f"ledger check --subject {query.subject} --purpose {shlex.quote(query.purpose)}"
    if query.operation != "USE":
        asked += f" --operation {query.operation}"
    if isinstance(query.data, str) and query.data != "ordinary":
        asked += f" --data {query.data}"
    for option, text in (("recipient", query.recipient), ("exception", query.exception)):
        if text is not None:
            asked += f" --{option} {shlex.quote(text)}"
    at = civil_words.machine(answer.effective_at)
    return f"{asked} --effective-at {at} --at-position {answer.position} --explain full"
