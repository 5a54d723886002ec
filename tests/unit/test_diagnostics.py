"""Lines for whoever runs the service: JSON, one an event, and nothing in them of a person."""

import asyncio
import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextvars import Context
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.diagnostics import configure, formatter, frames
from api.noted import Noted, current

IDENTIFIERS = [
    "9434765919",
    "943 476 5919",
    "943-476-5919",
    "QQ123456C",
    "QQ 12 34 56 C",
    "qq123456c",
    "H801200001001",
    "A1234567890123B",
    "07700 900123",
    "ana.o'brien+photo@school.bolton.sch.uk",
    "1984-03-12",
    "12/03/1984",
    "3.12.84",
    "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "3FA85F6457174562B3FC2C963F66AFA6",
]


class Told:
    """A logger whose lines are kept."""

    def __init__(self, name: str = "ledger") -> None:
        self._text = io.StringIO()
        handler = logging.StreamHandler(self._text)
        handler.setFormatter(formatter())
        self.logger = logging.Logger(name)
        self.logger.addHandler(handler)

    def text(self) -> str:
        return self._text.getvalue()

    def line(self) -> dict[str, Any]:
        (one,) = self.text().splitlines()
        return json.loads(one)


def test_a_line_says_what_when_how_bad_and_by_whom():
    told = Told()
    # Outside of any request, whatever ran before in this process.
    Context().run(told.logger.warning, "draining", extra={"seconds": 5, "port": 8080})

    line = told.line()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "draining",
        "level": "warning",
        "logger": "ledger",
        "seconds": 5,
        "port": 8080,
    }


@pytest.mark.parametrize("one", IDENTIFIERS)
def test_what_is_shaped_like_an_identifier_is_taken_out_wherever_it_stands(one):
    told = Told()
    told.logger.error(
        "of %s: %s, twice", one, one, extra={"field": one, "many": [one, {one: (one,)}]}
    )

    assert one not in told.text()
    assert told.line()["event"].startswith("of [")
    assert told.line()["event"].endswith("], twice")


def test_words_codes_ports_and_versions_stay_readable():
    text = "0:48213 port 5432, PG 18.6, in 0.25 s, api/app.py:120, 57P01, S01-S52, 1000000"
    told = Told()
    told.logger.info(text)

    assert told.line()["event"] == text


def test_a_number_that_is_long_is_taken_out_and_an_object_is_named_by_its_type():
    told = Told()
    told.logger.info("x", extra={"n": 9434765919, "few": 7, "one": uuid4(), "no": None, "b": True})

    line = told.line()
    assert (line["n"], line["few"], line["one"]) == ("[number]", 7, "[UUID]")
    assert (line["no"], line["b"]) == (None, True)


@given(st.text())
def test_whatever_is_said_is_one_line_of_ascii_without_control_characters(text):
    told = Told()
    told.logger.error("%s", text + "\r\n\x1b[2J\x9b\u2028end", extra={"field": text})

    assert told.text().count("\n") == 1
    assert told.text().isascii()
    line = told.line()
    for value in (line["event"], line["field"]):
        assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in value)
    assert line["event"].endswith("\\r\\n\\x1b[2J\\x9b\\u2028end")


def test_of_an_exception_its_types_are_told_and_where_it_was_raised_and_no_word_of_it():
    told = Told()
    try:
        try:
            raise ValueError("Ana Smith")
        except ValueError as error:
            raise KeyError("Ana Smith") from error
    except KeyError:
        told.logger.exception("it broke", stack_info=True)

    line = told.line()
    assert "Smith" not in told.text()
    assert [one["type"] for one in line["raised"]] == ["ValueError", "KeyError"]
    assert all("test_diagnostics.py:" in one["at"][0] for one in line["raised"])
    assert "stack_info" not in line


def test_an_exception_without_a_trace_and_one_whose_context_is_hidden():
    told = Told()
    try:
        try:
            raise ValueError
        except ValueError:
            raise OSError from None
    except OSError:
        told.logger.exception("x")
    assert [one["type"] for one in told.line()["raised"]] == ["OSError"]
    assert list(frames(None)) == []

    without = Told()
    without.logger.error("x", exc_info=ValueError("Ana Smith"))
    assert without.line()["raised"] == [{"type": "ValueError", "at": []}]


def test_of_others_only_the_first_line_is_told():
    theirs, ours = Told("asyncio"), Told("ledger.store")
    for told in (theirs, ours):
        told.logger.error("Task exception was never retrieved\nfuture: ValueError('Ana Smith')")

    assert theirs.line()["event"] == "Task exception was never retrieved"
    assert ours.line()["event"].startswith("Task exception was never retrieved\\nfuture")


def test_a_line_within_a_request_names_its_trace():
    trace = "0af7651916cd43dd8448eb211c80319c"
    told = Told()
    reset = current.set(Noted(trace_id=trace))
    try:
        told.logger.error("x")
    finally:
        current.reset(reset)

    assert told.line()["trace_id"] == trace


@pytest.fixture
def configured() -> Iterator[io.StringIO]:
    """Every logger of this process writes here, as it does in a service."""
    root = logging.getLogger()
    before = (root.handlers, root.level, logging.getLogger("ledger").level)
    text = io.StringIO()
    configure(text)
    try:
        yield text
    finally:
        root.handlers, root.level = before[:2]
        logging.getLogger("ledger").setLevel(before[2])
        logging.captureWarnings(capture=False)


def test_every_logger_and_every_warning_goes_the_same_way(configured):
    logging.getLogger("ledger").info("ours")
    logging.getLogger("psycopg.pool").warning("error connecting to %s", "ana@example.org")
    logging.getLogger("uvicorn.error").info("too little to say")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old, says ana@example.org", DeprecationWarning, stacklevel=1)

    lines = [json.loads(one) for one in configured.getvalue().splitlines()]
    assert [(one["logger"], one["level"]) for one in lines] == [
        ("ledger", "info"),
        ("psycopg.pool", "warning"),
        ("py.warnings", "warning"),
    ]
    assert "ana@" not in configured.getvalue()


def test_a_task_that_failed_unheard_says_no_word_of_its_error(configured):
    async def story() -> None:
        async def fails() -> None:
            raise ValueError("Ana Smith")

        task = asyncio.create_task(fails())
        await asyncio.wait([task])
        loop = asyncio.get_running_loop()
        loop.call_exception_handler(
            {"message": "Task exception was never retrieved", "exception": task.exception()}
        )

    asyncio.run(story())
    assert "Smith" not in configured.getvalue()
    assert json.loads(configured.getvalue())["raised"][0]["type"] == "ValueError"
