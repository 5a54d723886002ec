"""Every operation as the OpenAPI document has it, beside what its handler says of itself.

Handlers read their bodies and write their answers themselves: here is what these are, which
problems may come of a call, and which headers. An `id` is for ever: clients are generated from it.
A route that is part of the document and has no row here cannot be served.
"""

from __future__ import annotations

from typing import Final

import msgspec

from api.asking import ON_BEHALF_OF, READ_ID, REASON
from api.authzen import ACTION_SEARCH, EVALUATION, EVALUATIONS
from api.log_public import BYTES, TEXT
from api.openapi_problems import PINNED, WRITE

_READ_ID: Final = READ_ID.title()
_ASKING: Final = (REASON, ON_BEHALF_OF)
_WAITING: Final = (*_ASKING, "Prefer")
_CONDITIONAL: Final = ("If-Match", "If-None-Match")
_WRITING: Final = ("Idempotency-Key", *_CONDITIONAL, "Prefer")
_WRITTEN: Final = ("ETag", "Idempotency-Replayed", "Preference-Applied")
_ANSWERED: Final = (_READ_ID, "Preference-Applied")

TAGS: Final = {
    "Checks": "May this person's data be processed for this purpose, on which basis, and why.",
    "Recording": "What happened, recorded once and for ever.",
    "People": "From an identifier to a subject, and what was recorded about one.",
    "Lists": "Who stands how, what changed, and where hindsight differs.",
    "Catalogue": "Purposes, lines, notices and recipients, as one document.",
    "Audit": "Who asked what about whom.",
    "Log": "Checkpoints, tiles, receipts and proofs: that nothing was changed.",
    "Feed": "What happens, in the order in which it was recorded.",
    "AuthZEN": "OpenID AuthZEN Authorization API 1.0.",
}


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An operation: its schemas are components, `takes` and `gives` are headers.

    `problems` are those that not every call of its kind has; `days` says that a civil day may stand
    in the query, `conditional` that 304 is an answer, `strict_media_type` that any other is 415
    (AuthZEN asks for 400); `leads_to` are parameters of operations that the answer leads to:
    operation, parameter, runtime expression.
    """

    id: str
    tag: str
    summary: str
    sends: str | None = None
    tells: str | None = None
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    days: bool = False
    conditional: bool = False
    media_type: str = "application/json"
    strict_media_type: bool = True
    leads_to: tuple[tuple[str, str, str], ...] = ()


_OF_SUBJECT: Final = (
    ("listEntries", "subject", "$response.body#/subject"),
    ("listBases", "subject", "$response.body#/subject"),
    ("recordEntries", "subject", "$response.body#/subject"),
)

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", "/v1/checks"): Operation(
        id="check",
        tag="Checks",
        summary="Ask one question",
        sends="Check",
        tells="Answer",
        takes=_WAITING,
        gives=_ANSWERED,
        problems=PINNED,
    ),
    ("POST", "/v1/checks/batch"): Operation(
        id="checkBatch",
        tag="Checks",
        summary="Ask many questions",
        sends="CheckBatch",
        tells="BatchAnswers",
        takes=_WAITING,
        gives=_ANSWERED,
        problems=PINNED,
    ),
    ("GET", "/v1/subjects/{subject}/bases"): Operation(
        id="listBases",
        tag="Checks",
        summary="Ask about every purpose",
        tells="Bases",
        takes=_WAITING,
        gives=_ANSWERED,
        problems=PINNED,
        days=True,
    ),
    ("GET", "/v1/subjects/{subject}/bases/diff"): Operation(
        id="compareBases",
        tag="Lists",
        summary="Compare two moments",
        tells="BasesCompared",
        takes=_WAITING,
        gives=_ANSWERED,
        problems=PINNED,
    ),
    ("GET", "/v1/subjects/{subject}/entries"): Operation(
        id="listEntries",
        tag="People",
        summary="Read a timeline",
        tells="Timeline",
        takes=(*_WAITING, *_CONDITIONAL),
        gives=(*_ANSWERED, "ETag", "Link"),
        problems=(*PINNED, "version-conflict"),
        conditional=True,
    ),
    ("POST", "/v1/subjects/{subject}/entries"): Operation(
        id="recordEntries",
        tag="Recording",
        summary="Record entries about a person",
        sends="NewEntries",
        tells="Recorded",
        takes=_WRITING,
        gives=_WRITTEN,
        problems=WRITE,
        leads_to=(
            ("listEntries", "subject", "$request.path.subject"),
            ("listEntries", "min_position", "$response.body#/position"),
        ),
    ),
    ("POST", "/v1/entries"): Operation(
        id="recordCommonEntries",
        tag="Recording",
        summary="Record entries about no one person",
        sends="NewCommonEntries",
        tells="Recorded",
        takes=_WRITING,
        gives=_WRITTEN,
        problems=WRITE,
    ),
    ("POST", "/v1/subjects/resolve"): Operation(
        id="resolveSubject",
        tag="People",
        summary="Resolve an identifier",
        sends="Identifier",
        tells="Resolved",
        leads_to=_OF_SUBJECT,
    ),
    ("GET", "/v1/purposes/{purpose}/subjects"): Operation(
        id="listSubjectsOfPurpose",
        tag="Lists",
        summary="List who stands how for a purpose",
        tells="SubjectsOfPurpose",
        takes=_WAITING,
        gives=(*_ANSWERED, "Link"),
        problems=PINNED,
    ),
    ("GET", "/v1/exposures"): Operation(
        id="listExposures",
        tag="Lists",
        summary="List where hindsight denies",
        tells="Exposures",
        takes=_WAITING,
        gives=_ANSWERED,
        problems=PINNED,
    ),
    ("GET", "/v1/reads"): Operation(
        id="listReads",
        tag="Audit",
        summary="List who asked what",
        tells="Reads",
        takes=_ASKING,
        gives=(_READ_ID, "Link"),
        problems=PINNED,
    ),
    ("POST", "/v1/packs"): Operation(
        id="makePack",
        tag="Audit",
        summary="Make an evidence pack",
        sends="PackOrder",
        tells="Pack",
        takes=_ASKING,
        gives=(_READ_ID, "Location"),
        problems=("behind",),
        leads_to=(
            ("getPack", "pack", "$response.body#/pack"),
            ("downloadPack", "pack", "$response.body#/pack"),
        ),
    ),
    ("GET", "/v1/packs/{pack}"): Operation(
        id="getPack",
        tag="Audit",
        summary="Read about a pack",
        tells="Pack",
        takes=_ASKING,
        gives=(_READ_ID,),
    ),
    ("GET", "/v1/packs/{pack}/content"): Operation(
        id="downloadPack",
        tag="Audit",
        summary="Download a pack",
        takes=_ASKING,
        gives=(_READ_ID,),
        media_type="application/zip",
    ),
    ("GET", "/v1/feed"): Operation(
        id="pullFeed",
        tag="Feed",
        summary="Pull a page of the feed",
        tells="FeedPage",
        takes=("Prefer",),
        gives=("Link", "Preference-Applied"),
        problems=PINNED,
        leads_to=(("pullFeed", "after", "$response.body#/next"),),
    ),
    ("GET", "/v1/feed/stream"): Operation(
        id="streamFeed",
        tag="Feed",
        summary="Follow the feed",
        takes=("Last-Event-ID",),
        problems=PINNED,
        media_type="text/event-stream",
    ),
    ("GET", "/v1/feed/consumers"): Operation(
        id="listConsumers",
        tag="Feed",
        summary="List consumers of the feed",
        tells="Consumers",
    ),
    ("PUT", "/v1/feed/consumers/{consumer}"): Operation(
        id="registerConsumer",
        tag="Feed",
        summary="Register a consumer of the feed",
        sends="NewConsumer",
        tells="ConsumerRegistered",
        problems=PINNED,
    ),
    ("GET", "/v1/feed/consumers/{consumer}"): Operation(
        id="getConsumer",
        tag="Feed",
        summary="Read how a consumer stands",
        tells="Consumer",
    ),
    ("DELETE", "/v1/feed/consumers/{consumer}"): Operation(
        id="deleteConsumer",
        tag="Feed",
        summary="Delete a consumer of the feed",
    ),
    ("POST", "/v1/feed/consumers/{consumer}/secrets"): Operation(
        id="renewConsumerSecret",
        tag="Feed",
        summary="Make a new secret",
        sends="SecretRotation",
        tells="ConsumerSecret",
    ),
    ("POST", "/v1/feed/consumers/{consumer}/acknowledgements"): Operation(
        id="acknowledgeEvents",
        tag="Feed",
        summary="Say what has been acted on",
        sends="Acknowledgement",
        tells="Acknowledged",
        problems=PINNED,
    ),
    ("GET", "/v1/feed/overdue"): Operation(
        id="listOverdueConsumers",
        tag="Feed",
        summary="List who has not acted in time",
        tells="OverdueConsumers",
    ),
    ("GET", "/v1/log/checkpoint"): Operation(
        id="getCheckpoint",
        tag="Log",
        summary="Read the newest checkpoint",
        tells="SignedNote",
        problems=("not-found",),
        media_type=TEXT,
    ),
    ("GET", "/v1/log/checkpoints/{size}"): Operation(
        id="getCheckpointOfSize",
        tag="Log",
        summary="Read an older checkpoint",
        tells="SignedNote",
        media_type=TEXT,
    ),
    ("GET", "/v1/log/tile/{tile}"): Operation(
        id="getTile",
        tag="Log",
        summary="Read a tile of hashes",
        media_type=BYTES,
    ),
    ("GET", "/.well-known/ledger-log"): Operation(
        id="getLogs",
        tag="Log",
        summary="Read which logs there are, and their keys",
        tells="Logs",
    ),
    ("GET", "/v1/log/receipts/{entry}"): Operation(
        id="getReceipt",
        tag="Log",
        summary="Read the receipt of an entry",
        tells="Receipt",
        takes=_WAITING,
        gives=_ANSWERED,
    ),
    ("GET", "/v1/log/proof/{entry}"): Operation(
        id="getProof",
        tag="Log",
        summary="Prove that an entry is in the log",
        tells="LogProof",
        takes=_ASKING,
        gives=(_READ_ID,),
        media_type=TEXT,
    ),
    ("GET", "/v1/log/proofs/inclusion"): Operation(
        id="proveInclusion",
        tag="Log",
        summary="Prove that a leaf is in a tree",
        tells="InclusionProof",
    ),
    ("GET", "/v1/log/proofs/consistency"): Operation(
        id="proveConsistency",
        tag="Log",
        summary="Prove that a tree goes on from an older one",
        tells="ConsistencyProof",
    ),
    ("GET", "/v1/log/leaves"): Operation(
        id="listLeaves",
        tag="Log",
        summary="List leaves",
        tells="Leaves",
        takes=_ASKING,
        gives=(_READ_ID,),
    ),
    ("GET", "/v1/catalogue"): Operation(
        id="getCatalogue",
        tag="Catalogue",
        summary="Read the catalogue",
        tells="CatalogueDocument",
        takes=_CONDITIONAL,
        gives=("ETag",),
        problems=("not-found", "version-conflict"),
        conditional=True,
    ),
    ("PUT", "/v1/catalogue"): Operation(
        id="adoptCatalogue",
        tag="Catalogue",
        summary="Adopt a catalogue",
        sends="CatalogueDocument",
        tells="Recorded",
        takes=_WRITING,
        gives=_WRITTEN,
        problems=WRITE,
    ),
    ("POST", EVALUATION): Operation(
        id="evaluate",
        tag="AuthZEN",
        summary="Evaluate one request",
        sends="Evaluation",
        tells="EvaluationDecision",
        takes=_ASKING,
        gives=(_READ_ID,),
        strict_media_type=False,
    ),
    ("POST", EVALUATIONS): Operation(
        id="evaluateMany",
        tag="AuthZEN",
        summary="Evaluate many requests",
        sends="Evaluations",
        tells="EvaluationAnswer",
        takes=_ASKING,
        gives=(_READ_ID,),
        strict_media_type=False,
    ),
    ("POST", ACTION_SEARCH): Operation(
        id="searchActions",
        tag="AuthZEN",
        summary="Search for permitted actions",
        sends="ActionSearch",
        tells="ActionSearchResults",
        takes=_ASKING,
        gives=(_READ_ID,),
        strict_media_type=False,
    ),
    ("GET", "/.well-known/authzen-configuration"): Operation(
        id="getAuthzenConfiguration",
        tag="AuthZEN",
        summary="Read what is offered of AuthZEN",
        tells="AuthzenConfiguration",
        problems=("not-found",),
    ),
}
