"""An answer given again from the entries that a pack shows: what the verifier cannot do alone.

The verifier has established which entries count and that they are the log's; here they become
facts, a dossier and an answer, by the code that answers checks (`ledger.answer`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ledger.answer import Answer, answer, answer_day, encode
from ledger.civil import parse_day, parse_instant
from ledger.errors import Fault, Malformed
from ledger.history import Dossier, Item, item
from ledger.rules.case import Question
from ledger.rules.rulebook import RuleBook, read_rule_book
from ledger.seal import NIL, Opened
from ledger.sealing import whole_fact
from ledger.wire import basis_of

_DAY_LENGTH = len("YYYY-MM-DD")


def recomputed(
    events: list[dict[str, Any]], question: dict[str, Any], rulebook: bytes
) -> bytes | str:
    """The bytes of the answer, or why this installation cannot compute it.

    `events` are those that count, in order of index: `n`, `entry`, `type`, `recorded_at`, `about`
    (subject or ledger), `fields` and `whole`. `question` is that of the pack, with the answer's own
    `known_at`, `position`, `catalogue` and `rulebook`.
    """
    try:
        book = read_rule_book(rulebook)
        if book.id != question["rulebook"]:
            return f"the answer was judged by {question['rulebook']}, and here is {book.id}"
        person = Dossier(question["subject"], _items(events, "subject"))
        common = Dossier(None, _items(events, "ledger"))
        return encode(_answer(question, person, common, book))
    except (Fault, Malformed, msgspec.ValidationError) as error:
        # Some of these errors repeat what they could not read, and that is personal.
        return str(error) if isinstance(error, Fault) else "the question cannot be read"


def _items(events: Iterable[Mapping[str, Any]], about: str) -> list[Item]:
    return [_item(one) for one in events if one["about"] == about]


def _item(one: Mapping[str, Any]) -> Item:
    if "schema" not in one["fields"]:
        raise Fault("fields that answers need are not shown")
    fields = {"basis": one["fields"]}
    opened = Opened(
        event_id=NIL,
        type=one["type"],
        digests=b"",
        fields=fields,
        disclosures={},
        erased=frozenset(),
    )
    fact = whole_fact(opened)
    assert fact is not None, "its fields are given"
    return item(
        n=one["n"],
        entry=one["entry"],
        recorded_at=parse_instant(one["recorded_at"]),
        fact=basis_of(fact),
    )


def _answer(
    asked: Mapping[str, Any], person: Dossier, common: Dossier, rulebook: RuleBook
) -> Answer:
    moment = asked["effective_at"]
    if len(moment) == _DAY_LENGTH:
        question = _question({**asked, "effective_at": asked["known_at"]})
        return answer_day(question, parse_day(moment), person, common, rulebook)
    return answer(_question(asked), person, common, rulebook)


def _question(asked: Mapping[str, Any]) -> Question:
    return msgspec.convert({name: asked[name] for name in Question.__struct_fields__}, Question)
