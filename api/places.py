"""Where in a request something stands: a JSON pointer into its body, a parameter, or a header."""

from __future__ import annotations

import re
from collections.abc import Container

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_WHOLE = {"body", "catalogue"}
"""How a field is named that is all of the body, and what the fields within it begin with."""
_NOWHERE = {"path", "query"}
_HEADERS = {"Host", "Prefer"}


def located(field: str, *, elsewhere: Container[str]) -> dict[str, str]:
    """The place that the field is named by; nothing where it is no one place.

    `elsewhere` holds the names of the request's parameters.
    """
    if field in _NOWHERE:
        return {}
    if field in elsewhere:
        return {"parameter": field}
    if field in _HEADERS or "-" in field:
        return {"header": field}
    return {"pointer": pointer(field)}


def pointer(field: str) -> str:
    """The JSON pointer (RFC 6901) of a field of the body, as far as it names steps."""
    steps: list[str] = []
    place = 0
    while one := _STEP.match(field, place):
        steps.append(one[1] or one[2])
        place = one.end()
    if steps and steps[0] in _WHOLE:
        del steps[0]
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)
