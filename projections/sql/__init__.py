"""The statements of the projections, one to a file, named for what they do."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> bytes:
    """The text of `<name>.sql`."""
    return files(__name__).joinpath(f"{name}.sql").read_bytes()
