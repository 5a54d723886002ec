"""What commands print: tables and lines for people, JSON lines for programs, errors aside."""

from __future__ import annotations

import sys

import msgspec
from rich.console import Console

people = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def line(value: object) -> None:
    """One JSON value on a line of its own."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def say(text: str) -> None:
    """A line for people."""
    people.print(text, markup=False)


def complain(text: str) -> None:
    """A line about what went wrong, on standard error."""
    errors.print(f"error: {text}", markup=False)
