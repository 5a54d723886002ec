"""The running ledger behind a request."""

from __future__ import annotations

from typing import cast

from api.body import AnyRequest
from api.runtime import Runtime


def runtime(request: AnyRequest) -> Runtime:
    """The ledger that the application was started with."""
    return cast(Runtime, request.app.state["runtime"])
