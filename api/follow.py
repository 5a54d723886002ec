"""Followers that run beside the service: projections kept current after each commit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.runtime import Runtime


@asynccontextmanager
async def following(ledger: Runtime) -> AsyncIterator[None]:
    """The followers, running for as long as the service does."""
    yield
