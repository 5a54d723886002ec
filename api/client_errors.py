"""What can go wrong for a caller of the service, drawn as one tree.

    ClientError
    ├── Invalid             the arguments cannot be sent, and nothing was
    ├── Rejected            the service took nothing of the request; asking again changes nothing
    │   ├── Malformed           a field cannot be read: `where` names it
    │   ├── TooLarge            send less at a time
    │   ├── Unauthenticated     no valid token, also after a new one was fetched
    │   ├── Forbidden           the token's scope or grant does not cover this
    │   ├── NotFound            no such thing, such as a catalogue before the first
    │   ├── Refused             the entry may not be recorded: `reason` says why
    │   │   └── IdentityMerged      it must be recorded on the surviving subject
    │   ├── VersionConflict     the stream has another version than the one named
    │   ├── Conflict            somebody else wrote first
    │   └── KeyReused           the idempotency key stands for another request
    ├── Unavailable         not now: nothing was decided, and every retry ended so
    │   ├── Behind              the position asked for is not reached
    │   ├── Overloaded          too many requests are in hand
    │   ├── RateLimited         this client's quota is used up
    │   └── Unreachable         no answer came
    ├── OutcomeUnknown      the write may or may not be recorded: repeat it with the same `key`
    ├── LogForked           the log is not the one that was seen before: stop
    ├── Incomplete          a list was cut short, or changed while it was read
    └── Broken              what answers is no ledger, or has failed: tell its operator

A deny is none of these: it is an answer. None of them permits anything. No message repeats a value
that was sent.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """One field that is wrong, by its place in the request, and what is wrong with it."""

    code: str = ""
    message: str = ""
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What the service says of the failure: RFC 9457, with `reason` for a refusal."""

    type: str = ""
    title: str = ""
    detail: str | None = None
    instance: str | None = None
    reason: str | None = None
    errors: tuple[Where, ...] = ()

    @property
    def slug(self) -> str:
        """The last step of `type`, which names the kind."""
        return self.type.rpartition("/")[2]


class ClientError(Exception):
    """Every error that the client raises on purpose.

    `request_id` names the request in the service's own diagnostics, `retry_after` is in seconds,
    and `key` is the idempotency key of the write that failed.
    """

    def __init__(
        self,
        message: str,
        *,
        told: Told | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} (request {request_id})" if request_id else message)
        self.message = message
        self.told = told or Told()
        self.http_status = http_status
        self.request_id = request_id
        self.retry_after = retry_after
        self.key: str | None = None

    @property
    def reason(self) -> str | None:
        """Why an entry was refused, from a closed list."""
        return self.told.reason

    @property
    def where(self) -> tuple[Where, ...]:
        """The fields that are wrong."""
        return self.told.errors

    def names(self, field: str) -> bool:
        """Whether this field, in whichever part of the request, is one of them."""
        found = {name for one in self.where for name in (one.pointer, one.parameter, one.header)}
        return any(name.rpartition("/")[2] == field for name in found if name)


class Invalid(ClientError):
    """The arguments cannot be sent, and nothing was."""


class Rejected(ClientError):
    """The service took nothing of the request, and would not a second time."""


class Malformed(Rejected):
    """A field cannot be read."""


class TooLarge(Rejected):
    """The body holds more than the service takes."""


class Unauthenticated(Rejected):
    """The token is not, or no longer, valid."""


class Forbidden(Rejected):
    """The token may not do this."""


class NotFound(Rejected):
    """There is no such thing."""


class Refused(Rejected):
    """The entry may not be recorded, and nothing of its request was."""


class IdentityMerged(Refused):
    """This identity was merged into another, which entries belong to now."""


class VersionConflict(Rejected):
    """The stream has another version than the one expected."""


class Conflict(Rejected):
    """Somebody else wrote first."""


class KeyReused(Rejected):
    """The idempotency key was used before with another request."""


class Unavailable(ClientError):
    """The service cannot answer now, and decided nothing."""


class Behind(Unavailable):
    """The log has not come to the position asked for.

    Where it lasts, the log may have been restored from before that position.
    """


class Overloaded(Unavailable):
    """Too many requests are in hand."""


class RateLimited(Unavailable):
    """This client's quota is used up."""


class Unreachable(Unavailable):
    """No answer came; `sent` is whether the request may have arrived."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class OutcomeUnknown(ClientError):
    """The write may or may not be recorded: the same one, under the same `key`, tells."""


class LogForked(ClientError):
    """The log is not the one that was seen before: it was rewound, restored or replaced.

    Stop, keep what you hold, and tell the ledger's operator.
    """


class Incomplete(ClientError):
    """A list was cut short, or changed while it was read: what came of it is not all."""


class Broken(ClientError):
    """What answered is no ledger, or has failed."""


PROBLEMS: dict[str, type[ClientError]] = {
    "malformed": Malformed,
    "unauthenticated": Unauthenticated,
    "forbidden": Forbidden,
    "not-found": NotFound,
    "method-not-allowed": Rejected,
    "key-reused": KeyReused,
    "log-forked": LogForked,
    "log-rolled-back": LogForked,
    "conflict": Conflict,
    "version-conflict": VersionConflict,
    "too-slow": Rejected,
    "too-large": TooLarge,
    "uri-too-long": Rejected,
    "media-type": Rejected,
    "headers-too-large": Rejected,
    "refused": Refused,
    "identity-merged": IdentityMerged,
    "key-required": Rejected,
    "rate-limited": RateLimited,
    "behind": Behind,
    "overloaded": Overloaded,
    "outcome-unknown": OutcomeUnknown,
    "unavailable": Unavailable,
    "internal": Broken,
}
"""The error of each type of problem."""


def error_of(told: Told, http_status: int) -> type[ClientError]:
    """The error of a problem; of a type that is newer than this client, by its HTTP status."""
    if told.slug in PROBLEMS:
        return PROBLEMS[told.slug]
    if http_status == 429:
        return RateLimited
    if http_status in (502, 503, 504):
        return Unavailable
    return Rejected if 400 <= http_status < 500 else Broken
