"""A headless Chromium, and a running service for it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.groups import path_of
from tests.http.service import Service, scratch, served
from tests.integration.conftest import postgres

__all__ = ["browser", "postgres", "service"]


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    """The application over a ledger of its own, with the scenarios' catalogue adopted."""
    with scratch(postgres) as where, served(where) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine; it asks nobody for anything by itself."""
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=path_of("browser"),
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
        )
        yield started
        started.close()
