"""The report in a pack: the same as its other files, for people, with what is left out marked.

It is made from what the pack shows and from nothing else. Not here: how it is set (`html`, `pdf`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import cast

from ledger.events import CatalogueAdopted
from ledger.tlog.checkpoint import parse_checkpoint
from projections.packs import words
from projections.packs.answers import Asked
from projections.packs.document import (
    Block,
    Code,
    Document,
    Heading,
    Paragraph,
    Points,
    Table,
    Terms,
)
from projections.packs.entries import Shown
from projections.packs.files import Enclosed, base64_of
from projections.packs.gathering import Gathered
from projections.read_audit import Row

VERIFY = "python3 -I verify.py PACK.zip --policy policy.txt"
SHOWS = (
    "Every entry here is in the log whose state the witnesses of your policy saw.",
    "The checkpoints here are of one history: nothing that an earlier one has was changed later.",
    "Each field that is shown is the one that was committed to when the entry was recorded.",
    "The entries of each stream are numbered from 1, without a gap and in order.",
    "Each entry was recorded between the times of witnesses who saw the log without and with it,"
    " where there are such witnesses.",
    "With the project installed: the answers follow from these entries and the rule book.",
)
DOES_NOT_SHOW = (
    "That nothing was recorded after the last entry. A receipt, or a later pack, shows that.",
    "That what the entries say was true, or that a person did what they say.",
    "What the fields say that are withheld or erased.",
    "That the answers were given to callers as listed: that list is the ledger's own word.",
    "That this page is right. It is for reading: what counts are the files that a verifier reads.",
)
_EXPLAINED = (
    "Two clocks count. One is when a thing took effect in the world, the other when this ledger"
    " learned of it. Each question is answered twice where that matters: on what was known then,"
    " and on what is known now."
)


def report(found: Gathered, enclosed: Enclosed) -> Document:
    """The document."""
    title = "What was recorded, and what was answered"
    blocks: list[Block] = [Heading(1, title), Paragraph(_EXPLAINED), _scope(found, enclosed)]
    blocks += _answers(found)
    blocks += _timeline(found)
    blocks += _own(found)
    blocks += _withheld(found)
    blocks += _given(found)
    blocks += _verifying()
    return Document(title=title, blocks=tuple(blocks))


def _scope(found: Gathered, enclosed: Enclosed) -> Terms:
    order, head = found.order, parse_checkpoint(found.proofs.head.text)
    start = "the beginning" if order.start is None else words.at(order.start)
    end = "this pack" if order.end is None else words.at(order.end)
    titles = _titles(found)
    named = [f"{one}: {titles[one]}" if one in titles else one for one in order.purposes or ()]
    witnesses = len({(one.name, one.key_id) for one in found.proofs.head.signatures}) - 1
    return Terms(
        (
            ("Ledger", found.origin),
            ("About", "no one person" if order.subject is None else f"the person {order.subject}"),
            ("Purposes", "\n".join(named) or "all"),
            ("Answers that were given", f"from {start} to {end}"),
            ("Complete to", f"entry {head.size - 1}, recorded {words.at(found.last.recorded_at)}"),
            ("Checkpoint", f"{head.size} entries, root {base64_of(head.root)}"),
            ("Witnesses under it", str(witnesses)),
            ("Made", words.at(order.made_at)),
            ("By", f"{enclosed.software}, rule book {found.rulebook}"),
        )
    )


def _titles(found: Gathered) -> dict[str, str]:
    """The purposes by the title that a catalogue shown here gave them last."""
    titles: dict[str, str] = {}
    for one in found.entries:
        catalogue = one.fields.get("catalogue")
        if one.row.name == CatalogueAdopted.__name__ and isinstance(catalogue, dict):
            for each in cast(list[dict[str, str]], catalogue["purposes"]):
                titles[each["id"]] = each["title"]
    return titles


def _answers(found: Gathered) -> Iterator[Block]:
    if found.order.subject is None:
        return
    yield Heading(2, "Answers")
    order = found.order
    asked = "on the data " + (order.data if isinstance(order.data, str) else ", ".join(order.data))
    to = f", to {order.recipient}" if order.recipient else ""
    yield Paragraph(
        f"May this person's data be processed? Asked of {order.operation}{to}, {asked}."
    )
    places = {str(one.row.event_id): f"entry {one.index}" for one in found.entries}
    for caption, some in groupby(found.answers, key=words.asked):
        yield Table(
            caption,
            ("Purpose", "Answer", "On which basis", "Limits and remarks", "Why"),
            tuple(_answer(one, _titles(found), places) for one in some),
        )


def _answer(one: Asked, titles: dict[str, str], places: dict[str, str]) -> tuple[str, ...]:
    title = titles.get(one.purpose)
    return (
        f"{one.purpose}: {title}" if title else one.purpose,
        f"{words.DECISIONS[one.answer.decision]} ({one.answer.decision})",
        words.basis(one.answer),
        words.limits(one.answer),
        words.reasons(one.answer, places),
    )


def _timeline(found: Gathered) -> Iterator[Block]:
    if found.order.subject is None:
        return
    yield Heading(2, "What was recorded about the person")
    yield from _entries([one for one in found.entries if one.about == "subject"], "the person")


def _own(found: Gathered) -> Iterator[Block]:
    yield Heading(2, "What was recorded for everybody")
    yield Paragraph("Catalogues, notices, policy and law, as they stood.")
    yield from _entries([one for one in found.entries if one.about == "ledger"], "everybody")


def _entries(some: Sequence[Shown], whom: str) -> Iterator[Block]:
    if not some:
        yield Paragraph("Nothing.")
        return
    yield Table(
        f"Entries about {whom}, in the order of recording",
        ("Entry", "Recorded", "Took effect", "What", "Details"),
        tuple(_entry(one) for one in some),
    )


def _entry(one: Shown) -> tuple[str, ...]:
    effective = one.fields.get("effective_at")
    kind = words.kind(one.row.name)
    return (
        f"entry {one.index}",
        words.at(one.row.recorded_at),
        words.value(effective) if effective is not None else "–",
        f"{kind} (erased)" if one.erased == "L2" else kind,
        "\n".join(_details(one)) or "–",
    )


def _details(one: Shown) -> Iterator[str]:
    for name, value in sorted(one.fields.items()):
        if name not in ("effective_at", "schema"):
            yield f"{name.replace('_', ' ')}: {words.value(value)}"
    for name, reason in sorted(one.withheld.items()):
        yield f"{name.replace('_', ' ')}: [withheld: {reason}]"
    if one.erased:
        yield "[erased]"


def _withheld(found: Gathered) -> Iterator[Block]:
    rows = tuple(
        (f"entry {one.index}", name.replace("_", " "), reason)
        for one in found.entries
        for name, reason in sorted(one.withheld.items())
    )
    yield Heading(2, "What is left out")
    yield Paragraph(
        "Each of these fields was committed to when its entry was recorded. Whoever holds it can"
        " show it later, and it can be checked then."
        if rows
        else "Nothing is withheld by decision."
    )
    if rows:
        yield Table("Fields that are withheld", ("Entry", "Field", "Reason"), rows)


def _given(found: Gathered) -> Iterator[Block]:
    yield Heading(2, "Answers that were given")
    if not found.given:
        yield Paragraph("None in this period.")
        return
    yield Table(
        "Answers that callers were given, as the ledger's read audit has them",
        ("When", "Client", "Stated reason", "Purpose", "Answer", "About"),
        tuple(_told(one) for one in found.given),
    )


def _told(one: Row) -> tuple[str, ...]:
    return (
        words.at(one.answered_at),
        one.client,
        one.reason or "–",
        one.purpose or "–",
        one.decision or "–",
        "–" if one.effective_at is None else words.at(one.effective_at),
    )


def _verifying() -> Iterator[Block]:
    yield Heading(2, "How to verify it")
    yield Paragraph(
        "You need Python 3.9 or later, and no network. Take the verifier and the policy, which says"
        " whose signatures to believe, from elsewhere than this pack: from the witnesses, or from"
        " the data protection officer's page. A copy inside a pack proves nothing about it."
    )
    yield Code(VERIFY)
    yield Heading(2, "What a pass shows")
    yield Points(SHOWS)
    yield Heading(2, "What it does not show")
    yield Points(DOES_NOT_SHOW)
