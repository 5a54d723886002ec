from tests.integration.conftest import database, module_place, place, postgres

__all__ = ["database", "module_place", "place", "postgres"]
