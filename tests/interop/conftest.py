"""A PostgreSQL for these tests, as those of tests/integration have it, and the other program."""

from pathlib import Path

import pytest

from tests.integration.conftest import database as database
from tests.integration.conftest import postgres as postgres
from tests.interop.outside_witness import installed


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`aics-witness`, installed once."""
    return installed(tmp_path_factory.mktemp("aics-witness") / "environment")
