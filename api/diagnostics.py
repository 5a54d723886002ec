"""Lines for whoever runs the service: JSON on standard error, one an event, and never of a person.

Every logger's lines go through here, other people's too. What is shaped like an identifier is taken
out, wherever it stands; of an exception only its type is told and where it was raised, since its
words may repeat what was sent. The order of what is taken out matters: the longer shape first.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from traceback import extract_tb
from types import TracebackType
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from api.exchange import current as exchange_in_hand
from api.noted import trace_id

LOGGER = "ledger"
FRAMES_MAX = 30
KEPT = frozenset({"timestamp", "level", "logger", "trace_id", "request_id"})
"""What stays whole: ids of a trace and of a request are random numbers, whoever made them."""
SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[^\s@\"<>=,;:()]+@[\w-]+(?:\.[\w-]+)+"), "[email]"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\b"), "[uuid]"),
    (re.compile(r"\b(?:19|20)\d\d-\d\d-\d\d\b"), "[date]"),
    (re.compile(r"\b\d{1,2}[/.]\d{1,2}[/.](?:19|20)?\d\d\b"), "[date]"),
    (re.compile(r"(?i)\b[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"), "[number]"),
    (re.compile(r"(?i)[A-Z]?\d(?:[ -]?\d){7,}[A-Z]?"), "[number]"),
)
"""E-mail addresses, UUIDs, dates, National Insurance numbers, and any run of eight digits."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ROOT = Path(__file__).parents[1]
_LIBRARIES = {"site-packages", "dist-packages"}


def configure(stream: TextIO | None = None) -> None:
    """From now on every line of this process is written so."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(logging.INFO)
    # A library that uses them too quietens them at its import.
    for driver in ("psycopg", "psycopg.pool"):
        logging.getLogger(driver).setLevel(logging.NOTSET)
    logging.captureWarnings(capture=True)


def formatter() -> logging.Formatter:
    """Records as JSON lines without what is shaped like an identifier."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
        ],
        processors=[
            _first_line,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _request,
            _where_it_was_raised,
            redacted,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
    )


def redacted(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The event, its texts without control characters and without what looks like an identifier."""
    return {name: one if name in KEPT else _clean(one) for name, one in event.items()}


def _clean(value: object) -> object:
    match value:
        case str():
            return _without_shapes(value)
        case dict():
            return {_without_shapes(str(name)): _clean(one) for name, one in value.items()}
        case list() | tuple():
            return [_clean(one) for one in value]
        case bool() | None | float():
            return value
        case int():
            return value if abs(value) < 10**7 else "[number]"
        case _:
            return f"[{type(value).__name__}]"


def _without_shapes(text: str) -> str:
    for shape, word in SHAPES:
        text = shape.sub(word, text)
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _first_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Of other people's events the first line: what follows repeats whatever they had in hand."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and record.name.partition(".")[0] not in _OURS:
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


_OURS = frozenset({LOGGER, "api", "projections"})


def _request(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """With the request that the event happened in."""
    exchange = exchange_in_hand()
    if exchange is not None:
        event["request_id"] = exchange.request_id
    if (trace := trace_id()) is not None:
        event["trace_id"] = trace
    return event


def _where_it_was_raised(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """An exception as its types, from the cause to the last, and where each was raised."""
    event.pop("stack_info", None)
    error = _error(event.pop("exc_info", None))
    if error is not None:
        event["raised"] = [
            {"type": type(one).__name__, "at": list(frames(one.__traceback__))}
            for one in _chain(error)
        ]
    return event


def _error(found: object) -> BaseException | None:
    if isinstance(found, tuple):
        found = found[1]
    return found if isinstance(found, BaseException) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error's causes, the first of them first, and itself."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before)
    yield error


def frames(trace: TracebackType | None) -> Iterator[str]:
    """Where it was raised: file, line and function, from the outermost."""
    for frame in extract_tb(trace)[-FRAMES_MAX:]:
        yield f"{_short(Path(frame.filename))}:{frame.lineno} {frame.name}"


def _short(path: Path) -> Path:
    """A file of ours as the project names it, and of others what is enough to find it."""
    ours = path.is_relative_to(_ROOT) and not _LIBRARIES.intersection(path.parts)
    return path.relative_to(_ROOT) if ours else Path(*path.parts[-2:])
