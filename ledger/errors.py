"""What can go wrong, drawn as one tree.

    LedgerError
    ├── Malformed      the input cannot be read: names the field, never its value
    ├── Conflict       somebody else wrote first, or the same key means something else
    │   ├── VersionConflict     the stream moved between reading and writing
    │   ├── KeyReused           the idempotency key stands for another request
    │   └── LogForked           the caller's position names a leaf that this log does not have
    ├── Behind         the position asked for is not reached here yet
    ├── OutcomeUnknown the write may or may not have been committed: retry with the same key
    ├── Unavailable    the database or the key store cannot be reached: nothing was decided
    └── Fault          what must never happen: an altered entry, an unknown key, a missing rule

Judgements are not here: an answer is a value, and so is a refusal to record (`terms.Refusal`).
No message carries a personal detail.
"""


class LedgerError(Exception):
    """Every error that this project raises on purpose."""


class Malformed(LedgerError):
    """The input cannot be read as what it claims to be."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


class Conflict(LedgerError):
    """The request met a state other than the one it was made for."""


class VersionConflict(Conflict):
    """The stream has another version than the one expected."""


class KeyReused(Conflict):
    """The idempotency key was used before with another request."""


class LogForked(Conflict):
    """The position given names a leaf hash that this log does not have there."""


class Behind(LedgerError):
    """The log has not reached the position that the caller has already seen."""


class OutcomeUnknown(LedgerError):
    """The write may have been committed: only a retry with the same key tells."""


class Unavailable(LedgerError):
    """A store that the answer needs cannot be reached."""


class Fault(LedgerError):
    """Something that must never happen, found out: stop, do not guess."""
