"""Pages that say how the console speaks and works; they are about nobody, and for everybody."""

from __future__ import annotations

from litestar import Response, get

from api.body import AnyRequest
from api.console import words
from api.console.shell import page


@get("/glossary")
async def glossary(request: AnyRequest) -> Response[bytes]:
    """The words of the console."""
    return page(request, "glossary.html", {"words": words.words()}, title="Glossary")


@get("/accessibility")
async def accessibility(request: AnyRequest) -> Response[bytes]:
    """What is tested of the console's accessibility, and what is not."""
    return page(request, "accessibility.html", {}, title="Accessibility statement")


@get("/how-do-we-know")
async def how_do_we_know(request: AnyRequest) -> Response[bytes]:
    """What answers rest on, and how anybody can check them."""
    return page(request, "how_do_we_know.html", {}, title="How do we know?")
