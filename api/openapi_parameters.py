"""What stands beside a body: parameters of paths and queries, and headers either way.

Which parameters a call takes, which of them it requires and their defaults are read from its
handler. Here is what they mean, which is the same wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

from litestar.enums import ParamType
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg

from api.asking import ON_BEHALF_OF, REASON, WORDS_MAX
from api.cursors import LIMIT_MAX
from api.entries import KEY_LENGTH_MAX
from api.openapi_schemas import INSTANT, MOMENT, POSITION, ref
from api.overdue import HOURS_MAX
from ledger.terms import Article6

Schema = dict[str, Any]

_ARTICLE6: Final[Schema] = {"type": "string", "enum": list(get_args(Article6))}
_INDEX: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
_LOG: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 1023}
_LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX}
_PURPOSE: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": WORDS_MAX}
_TEXT: Final[Schema] = {"type": "string"}
_UUID: Final[Schema] = {"type": "string", "format": "uuid"}
_WORDS: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": WORDS_MAX}

QUERY: Final[dict[str, tuple[str, Schema]]] = {
    "after": ("A cursor of the feed, `earliest`, or `head`.", _TEXT),
    "client": ("The client who asked.", _WORDS),
    "cursor": ("`next` of the page before; the first page has none.", _TEXT),
    "decision": ("Only people with this decision.", ref("Decision")),
    "effective_at": ("The moment asked about; without one, now.", INSTANT),
    "first": ("The index of the first leaf.", _INDEX),
    "from": ("The first moment of the period.", INSTANT),
    "index": ("The index of a leaf, from 0: one less than its entry's place.", _INDEX),
    "known_at": ("Use only what was recorded by then; without one, everything.", INSTANT),
    "limit": ("How many a page holds.", _LIMIT),
    "live": ("Only people with this live line of article 6(1).", _ARTICLE6),
    "older_than": (
        "Recorded longer ago than so many hours; without it, as the settings say.",
        {"type": "integer", "minimum": 0, "maximum": HOURS_MAX},
    ),
    "log": ("The number of the log.", _LOG),
    "min_position": ("Nothing older will do: 503 until the log has come so far.", POSITION),
    "old": ("How many leaves the older tree has.", _INDEX),
    "purpose": ("Only this purpose.", _PURPOSE),
    "size": ("How many leaves the tree has: no more than a checkpoint covers.", _INDEX),
    "subject": ("Only this person.", _UUID),
    "then_effective_at": ("The other moment asked about.", INSTANT),
    "then_known_at": ("What the other answer may use.", INSTANT),
    "until": ("The first moment after the period.", INSTANT),
}
MOMENTS: Final[dict[str, tuple[str, Schema]]] = {
    "effective_at": ("The moment or the civil day asked about; without one, now.", MOMENT)
}
"""In the place of the above, where a day may be asked about."""
PATH: Final[dict[str, tuple[str, Schema]]] = {
    "entry": ("The entry's id, as it was given when it was recorded.", _UUID),
    "pack": ("The pack, as it was named when it was made.", _UUID),
    "consumer": (
        "The name that the client gave its consumer.",
        {"type": "string", "pattern": "^[a-z][a-z-]{0,47}[0-9]{0,2}$"},
    ),
    "purpose": ("The purpose's id in the catalogue.", _PURPOSE),
    "size": ("How many leaves the checkpoint covers.", _INDEX),
    "subject": ("The data subject, as resolved.", _UUID),
    "tile": ("`<level>/<index>`, as c2sp.org/tlog-tiles spells it.", _TEXT),
}
SENT: Final[dict[str, tuple[str, Schema]]] = {
    "Idempotency-Key": (
        "Makes a repeated request the same one; belongs to the client, and is kept for ever.",
        {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX},
    ),
    "If-Match": (
        'The version that the stream must have: entity tags such as `"v3"`, or `*`.',
        _TEXT,
    ),
    "If-None-Match": ("An entity tag that the caller holds; on a write, `*` alone.", _TEXT),
    "Last-Event-ID": ("The last event that was read, before `after`.", _TEXT),
    ON_BEHALF_OF: ("For whom the client asks, as the read audit keeps it.", _WORDS),
    REASON: ("Why the client asks, as the read audit keeps it.", _WORDS),
    "Prefer": ("`wait=s`: wait up to so many seconds for what is asked for (RFC 7240).", _TEXT),
}
REQUIRED: Final = frozenset({"Idempotency-Key"})
TOLD: Final[dict[str, tuple[str, Schema]]] = {
    "Accept": ("The media type that is taken.", _TEXT),
    "Accept-Encoding": ("The content codings that are taken.", _TEXT),
    "ETag": ('The version of the stream, such as `"v3"`.', _TEXT),
    "Idempotency-Replayed": ("`true` where this was recorded before, under the same key.", _TEXT),
    "Ledger-Read-Id": ("What the read audit calls this request.", _UUID),
    "Location": ("Where what was made is.", {"type": "string", "format": "uri-reference"}),
    "Link": ('The next page, `rel="next"` (RFC 8288).', _TEXT),
    "Preference-Applied": ("How long was waited for at most.", _TEXT),
    "RateLimit": ("What is left of the quota (draft-ietf-httpapi-ratelimit-headers-10).", _TEXT),
    "RateLimit-Policy": ("The client's quota.", _TEXT),
    "Retry-After": ("In so many seconds.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("What is wrong with the token (RFC 6750).", _TEXT),
    "X-Request-ID": ("The id that was sent, or one of ours.", _TEXT),
}
_ALWAYS: Final = frozenset({"Accept", "Retry-After", "WWW-Authenticate", "X-Request-ID"})


def named(name: str) -> str:
    """The component of a header that callers send."""
    return name.replace("-", "")


def sent_headers() -> dict[str, Schema]:
    """Headers that callers send, by component."""
    return {
        named(name): {
            "name": name,
            "in": "header",
            "description": meaning,
            "required": name in REQUIRED,
            "schema": schema,
        }
        for name, (meaning, schema) in SENT.items()
    }


def told_headers() -> dict[str, Schema]:
    """Headers of responses, by name."""
    return {
        name: {"description": meaning, "required": name in _ALWAYS, "schema": schema}
        for name, (meaning, schema) in TOLD.items()
    }


def parameters(handler: HTTPRouteHandler, *, days: bool) -> Iterator[Schema]:
    """The parameters of the call; `days` says that it may be asked about a civil day."""
    for name, one in handler.parsed_fn_signature.parameters.items():
        about = one.kwarg_definition
        if not isinstance(about, ParameterKwarg):
            continue
        spelt, path = about.name or name, about.param_type is ParamType.PATH
        meaning, schema = (PATH if path else {**QUERY, **(MOMENTS if days else {})})[spelt]
        default = {} if one.is_required or one.default is None else {"default": one.default}
        yield {
            "name": spelt,
            "in": "path" if path else "query",
            "description": meaning,
            "required": path or one.is_required,
            "schema": {**schema, **default},
        }
