"""A pack made: gathered from the ledger, and put together into one file.

The same order on the same ledger makes the same bytes. Not here: the format (`files`), or who may
ask for one (`api`).
"""

from __future__ import annotations

import asyncio
import re

import msgspec

from ledger.civil import london_date
from projections.packs import pdf
from projections.packs.bag import BagInfo, zipped_bag
from projections.packs.files import Enclosed, files_of
from projections.packs.gathering import STEPS, Gathered, Sources, gathered
from projections.packs.html import page
from projections.packs.order import ENTRIES_MAX, Order, checked
from projections.packs.report import DOES_NOT_SHOW, SHOWS, VERIFY, report
from projections.packs.verifier import source


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack, and the order that makes it again; `position` is its checkpoint's last entry."""

    name: str
    data: bytes
    order: Order
    entries: int
    answers: int
    withheld: int
    position: str


async def build(
    sources: Sources,
    order: Order,
    enclosed: Enclosed,
    *,
    entries_max: int = ENTRIES_MAX,
    with_pdf: bool = False,
) -> Pack:
    """The pack; raises `Malformed` for an order that cannot be carried out.

    Raises `Behind` where no checkpoint is signed, and `Fault` where the ledger is not as it
    was recorded.
    """
    found = await gathered(sources, checked(order), entries_max=entries_max)
    data = await asyncio.to_thread(assembled, found, enclosed, with_pdf=with_pdf)
    if sources.progress is not None:
        sources.progress(STEPS, STEPS)
    last = found.last
    return Pack(
        name=f"{name_of(found.order)}.zip",
        data=data,
        order=found.order,
        entries=len(found.entries),
        answers=len(found.answers),
        withheld=sum(len(one.withheld) for one in found.entries),
        position=f"0:{last.n}:{last.leaf_hash.hex()[:8]}",
    )


def assembled(found: Gathered, enclosed: Enclosed, *, with_pdf: bool) -> bytes:
    """The bytes of the pack."""
    document = report(found, enclosed)
    files = files_of(found, enclosed)
    files |= {
        "README.txt": readme(found).encode(),
        "report.html": page(document),
        "verifier/verify.py": source().encode(),
    }
    if with_pdf:
        files["report.pdf"] = pdf.pdf(document)
    info = BagInfo(
        day=london_date(found.order.made_at),
        name=name_of(found.order),
        description="Evidence pack of a consent ledger, consent-ledger/pack/v1",
        software=enclosed.software,
    )
    return zipped_bag(files, info)


def name_of(order: Order) -> str:
    """What the pack is called."""
    about = order.subject.hex if order.subject else "".join(order.purposes or ())
    return f"pack-{re.sub('[^A-Za-z0-9_]', '', about)[:8] or 'purpose'}-{order.size}"


def readme(found: Gathered) -> str:
    """What this is, how to verify it, and what that does not show."""
    shows = "\n".join(f"- {one}" for one in SHOWS)
    does_not = "\n".join(f"- {one}" for one in DOES_NOT_SHOW)
    return f"""Evidence pack of the ledger {found.origin}, complete to {found.order.size} entries

report.html says for people what is in it; the other files are for programs.

To verify it you need Python 3.9 or later, and no network:

    {VERIFY}

Take verify.py and the policy, which says whose signatures to believe, from elsewhere than this
pack: the copies inside it prove nothing about it. A receipt that you hold is compared with
--receipt FILE --receipt-key KEY.

What a pass shows:

{shows}

What it does not show:

{does_not}

The format is consent-ledger/pack/v1, described in the ledger's documentation.
"""
