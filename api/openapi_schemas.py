"""JSON Schemas of what callers send and are told, made from the structs that are read and written.

msgspec says what a struct holds. Added is what a struct cannot say: which strings are instants,
days and positions, and what stands where a struct has anything. What is told may grow, so its
schemas are open; what is sent is closed where the service refuses what it does not know. Not here:
operations (`openapi_operations`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec

from api.authzen import Many, Offered
from api.authzen_questions import Evaluation, Evaluations, Part
from api.authzen_search import Results, Search
from api.checks import Bases, BatchAnswers, BatchBody, CheckBody
from api.consumers import (
    Acknowledged,
    Acknowledgement,
    ConsumerBody,
    ConsumerRegistered,
    ConsumerSecret,
    ConsumersShown,
    SecretRotation,
)
from api.entries import EntriesBody, RecordedBody
from api.feed import Pulled
from api.feed_events import ChangeData, CloudEvent, Ending, EntryData
from api.lists import AllExposed, Difference, People
from api.log_proofs import Consistency, Inclusion, Leaves
from api.log_public import AboutLogs
from api.openapi_problems import Problem
from api.overdue import OverdueReport
from api.packs import PackBody, PackShown
from api.reads import ReadsShown
from api.receipts import Receipt
from api.subjects import ResolveBody, Resolved
from api.timeline import Timeline
from ledger.answer import Answer
from ledger.catalogue import CatalogueDocument
from ledger.events import ENTRY_TYPES, STREAM_LEDGER, STREAM_SUBJECT, AnyFact, KeyDestroyed

Schema = dict[str, Any]

PREFIX: Final = "#/components/schemas/"
INSTANT: Final[Schema] = {"type": "string", "format": "date-time"}
MOMENT: Final[Schema] = {"anyOf": [INSTANT, {"type": "string", "format": "date"}]}
"""An instant, or a civil day of Europe/London."""
POSITION: Final[Schema] = {
    "type": "string",
    "pattern": r"^[0-9]{1,4}:[0-9]{1,18}(:[0-9a-f]{8})?$",
}


class EntryEvent(CloudEvent, frozen=True, kw_only=True, omit_defaults=True):
    """An entry was recorded: CloudEvents 1.0.2, with the extension `position`."""

    type: Literal["consent-ledger.entry.recorded.v1"]
    data: EntryData


class ChangeEvent(CloudEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A basis changed by time alone: CloudEvents 1.0.2, with the extension `position`."""

    type: Literal["consent-ledger.basis.changed.v1"]
    data: ChangeData


SENT: Final[tuple[type, ...]] = (
    CheckBody, BatchBody, ResolveBody, EntriesBody, CatalogueDocument, Evaluation, Evaluations,
    Part, Search, ConsumerBody, SecretRotation, Acknowledgement, PackBody,
)  # fmt: skip
TOLD: Final[tuple[type, ...]] = (
    Answer, BatchAnswers, Bases, Difference, People, AllExposed, ReadsShown, Timeline, RecordedBody,
    Resolved, Many, Results, Offered, Pulled, EntryEvent, ChangeEvent,
    Ending, Problem, ConsumersShown, ConsumerRegistered, ConsumerSecret, Acknowledged,
    OverdueReport, PackShown,
    AboutLogs, Receipt, Inclusion, Consistency, Leaves,
)  # fmt: skip
_NAMES: Final = {
    "Action": "EvaluationAction",
    "ActionProperties": "EvaluationActionProperties",
    "AboutLogs": "Logs",
    "AllExposed": "Exposures",
    "BatchBody": "CheckBatch",
    "Caller": "EvaluationSubject",
    "CheckBody": "Check",
    "Compared": "BasisCompared",
    "ConsumerBody": "NewConsumer",
    "ConsumerShown": "Consumer",
    "ConsumersShown": "Consumers",
    "Consistency": "ConsistencyProof",
    "Decided": "EvaluationDecision",
    "Difference": "BasesCompared",
    "Ending": "FeedEnding",
    "Error": "EvaluationError",
    "Exposed": "Exposure",
    "Gap": "LateGap",
    "Inclusion": "InclusionProof",
    "Line": "PurposeLine",
    "Link": "NoticeLink",
    "Listed": "SubjectOfPurpose",
    "Many": "EvaluationDecisions",
    "Offered": "AuthzenConfiguration",
    "Options": "EvaluationOptions",
    "OverdueReport": "OverdueConsumers",
    "PackBody": "PackOrder",
    "PackShown": "Pack",
    "Page": "ActionSearchPage",
    "Part": "EvaluationPart",
    "Party": "RecipientParty",
    "People": "SubjectsOfPurpose",
    "Permitted": "PermittedAction",
    "Properties": "EvaluationProperties",
    "Pulled": "FeedPage",
    "Purposed": "PermittedActionProperties",
    "ReadShown": "Read",
    "ReadsShown": "Reads",
    "RecordedBody": "Recorded",
    "ResolveBody": "Identifier",
    "Resource": "EvaluationResource",
    "ResourceProperties": "EvaluationResourceProperties",
    "Results": "ActionSearchResults",
    "Search": "ActionSearch",
    "Shown": "ActionSearchPageShown",
    "ShownKey": "LogKey",
    "ShownLeaf": "Leaf",
    "ShownLog": "Log",
    "Step": "RuleStep",
    "Told": "ToldPermitted",
    "ToldGap": "ExposureGap",
    "api.authzen_answers.Context": "EvaluationDecisionContext",
    "api.authzen_questions.Context": "EvaluationContext",
}
"""Public names of structs whose own says too little among all the others."""
_IN_QUESTIONS: Final = {
    "effective_at": MOMENT,
    "time": MOMENT,
    "known_at": INSTANT,
    "from": INSTANT,
    "until": INSTANT,
    "moments": MOMENT,
    "at_position": POSITION,
    "min_position": POSITION,
}
_IN_ANSWERS: Final = {
    **dict.fromkeys(
        ("acknowledged_at", "answered_at", "at", "effective_at", "end", "ends_at", "first_seen_at",
         "known_at", "made_at", "next_attempt_at", "next_change_at", "oldest_recorded_at",
         "recorded_at", "registered_at", "shown_at", "since", "start", "time", "until"),
        INSTANT,
    ),
    **dict.fromkeys(("catalogue", "position", "positions"), POSITION),
}  # fmt: skip
_FILLED_BY_THE_LEDGER: Final = frozenset({"counterpart", "moved"})


def ref(name: str) -> Schema:
    """A reference to the component."""
    return {"$ref": PREFIX + name}


STREAMED: Final = {
    "message": {"oneOf": [ref("EntryEvent"), ref("ChangeEvent")]},
    "checkpoint": ref("Checkpoint"),
    "overflow": ref("FeedEnding"),
    "goodbye": ref("FeedEnding"),
}
"""The data of the stream's events, by their names: a schema in OpenAPI 3.1 has no word for it."""


def prose(docstring: str) -> str:
    """The docstring as readers of JSON have it: a paragraph a line, and null for None."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(" ".join(one.split()) for one in paragraphs).replace("None", "null")


def components() -> dict[str, Schema]:
    """Every schema that an operation may refer to, by its public name, in the order of names."""
    raw = msgspec.json.schema_components(
        (*SENT, *TOLD, AnyFact), ref_template=PREFIX + "{name}", schema_hook=_anything
    )[1]
    named = {_public(name): _changed(one, _published) for name, one in raw.items()}
    sent = {_public(name) for name in raw if name in _reached(raw, SENT)}
    for name, one in named.items():
        named[name] = _of_question(one) if name in sent else _of_answer(one)
    return dict(sorted(_with_the_open(named).items()))


def _with_the_open(named: dict[str, Schema]) -> dict[str, Schema]:
    """The same, where a struct has anything: entries, events, and what was asked."""
    entries = {f"New{one.__name__}": _as_sent(named[one.__name__]) for one in ENTRY_TYPES}
    del entries[f"New{KeyDestroyed.__name__}"], named["Fact"]
    body = named.pop("EntriesBody")
    named["TimelineEntry"]["properties"]["fact"] = {"anyOf": [ref("Entry"), {"type": "null"}]}
    named["MovedFact"]["properties"]["fact"] = ref("Entry")
    named["Read"]["properties"]["question"] = {"type": "object"}
    events = {"oneOf": [ref("EntryEvent"), ref("ChangeEvent")]}
    named["FeedPage"]["properties"]["events"]["items"] = events
    parts = named["Evaluations"]["properties"]["evaluations"]
    parts["anyOf"][0]["items"] = ref("EvaluationPart")
    return {
        **named,
        **entries,
        "SignedNote": {
            "type": "string",
            "description": "A note as c2sp.org/signed-note has it: a text, and who signed it.",
        },
        "LogProof": {
            "type": "string",
            "description": "c2sp.org/tlog-proof: an inclusion proof, and its checkpoint.",
        },
        "Entry": _one_of(one.__name__ for one in ENTRY_TYPES),
        "EvaluationAnswer": {
            "description": "A decision for each evaluation, or one where none was listed.",
            "anyOf": [ref("EvaluationDecisions"), ref("EvaluationDecision")],
        },
        "NewEntry": _one_of(_new(but=STREAM_LEDGER)),
        "NewCommonEntry": _one_of(_new(but=STREAM_SUBJECT)),
        "NewEntries": _holding(body, "NewEntry"),
        "NewCommonEntries": _holding(body, "NewCommonEntry"),
    }


def _new(*, but: str) -> list[str]:
    """The names of the types that may be sent to a stream that is not this one."""
    sendable = (one for one in ENTRY_TYPES if one is not KeyDestroyed and one.stream != but)
    return [f"New{one.__name__}" for one in sendable]


def _one_of(names: Iterable[str]) -> Schema:
    """Any of the types of entry, told apart by `type`."""
    found = {name.removeprefix("New"): name for name in names}
    return {
        "description": "An entry, of the type that it names.",
        "oneOf": [ref(name) for name in found.values()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind: PREFIX + name for kind, name in found.items()},
        },
    }


def _holding(body: Schema, name: str) -> Schema:
    entries = {**body["properties"]["entries"], "items": ref(name)}
    return {**body, "properties": {"entries": entries}}


def _anything(_: type) -> Schema:
    return {"description": "Any JSON value."}


def _public(name: str) -> str:
    return _NAMES.get(name, name)


def _reached(raw: dict[str, Schema], roots: Iterable[type]) -> set[str]:
    """The names of these structs and of all that they hold."""
    found: set[str] = set()
    left = [one.__name__ for one in roots]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _names_in(raw[name])
    return found


def _names_in(schema: Schema) -> list[str]:
    """The names of the structs that the schema refers to."""
    found: list[str] = []

    def look(one: Schema) -> Schema:
        found.extend(_referred(one))
        return one

    _changed(schema, look)
    return found


def _referred(schema: Schema) -> list[str]:
    return [schema["$ref"].removeprefix(PREFIX)] if "$ref" in schema else []


def _changed(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """The schema with every schema in it changed, the innermost first."""
    within = dict(schema)
    for name, value in schema.items():
        if name == "properties":
            within[name] = {field: _changed(one, change) for field, one in value.items()}
        elif name in ("items", "additionalProperties") and isinstance(value, dict):
            within[name] = _changed(value, change)
        elif name in ("anyOf", "oneOf"):
            within[name] = [_changed(one, change) for one in value]
    return change(within)


def _published(schema: Schema) -> Schema:
    """With public names and without what says nothing."""
    schema.pop("title", None)
    for name in _referred(schema):
        schema["$ref"] = PREFIX + _public(name)
    if "description" in schema:
        schema["description"] = prose(schema["description"])
    if all(isinstance(one, str) for one in schema.get("enum", [0])):
        schema["type"] = "string"
    return schema


def _of_question(schema: Schema) -> Schema:
    return _changed(schema, lambda one: _refined(one, _IN_QUESTIONS))


def _of_answer(schema: Schema) -> Schema:
    def opened(one: Schema) -> Schema:
        if one.get("additionalProperties") is False:
            del one["additionalProperties"]
        return _refined(one, _IN_ANSWERS)

    return _changed(schema, opened)


def _refined(schema: Schema, words: dict[str, Schema]) -> Schema:
    """With what its strings are, by the names of the fields that hold them."""
    for name, one in schema.get("properties", {}).items():
        if name in words:
            schema["properties"][name] = _changed(one, _said_by(words[name]))
    return schema


def _said_by(word: Schema) -> Callable[[Schema], Schema]:
    return lambda one: word if one == {"type": "string"} else one


def _as_sent(fact: Schema) -> Schema:
    """An entry as callers send it: days where the ledger then has instants."""
    held = {
        name: _changed(one, lambda each: MOMENT if each == INSTANT else each)
        for name, one in fact["properties"].items()
        if name not in _FILLED_BY_THE_LEDGER
    }
    return {**fact, "properties": held, "additionalProperties": False}
