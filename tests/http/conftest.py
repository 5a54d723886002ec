"""A running service for the tests of this folder, unless a file makes its own."""

import logging
from collections.abc import Iterator

import pytest

from tests.http.packing import publish
from tests.http.service import Service, scratch, served
from tests.integration.conftest import database, module_place, place, postgres

__all__ = ["database", "module_place", "place", "postgres", "service"]


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    """The application over a ledger of its own, with the scenarios' catalogue adopted.

    `service.url` is where, `service.issuer` makes tokens, `service.ledger` is the running ledger.
    """
    with scratch(postgres) as where, served(where) as made:
        publish(made)
        yield made


@pytest.fixture(autouse=True)
def quiet_callers() -> None:
    """What the caller's own library says of its requests is no line of the service."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
