"""A checkpoint over what a service has recorded, so that packs can be made of it."""

import asyncio

from api.signer import file_signer
from ledger.store import open_pool
from ledger.tlog.keys import format_vkey
from ledger.tlog.note import Note
from projections.integrator import Integrator
from tests.http.service import Service
from tests.integration.test_tree import Here


def publish(service: Service) -> str:
    """A policy that trusts the log's key; all that is recorded is under a checkpoint now."""
    identity, folder = service.ledger.identity, service.where.folder

    async def signed(signs: Here) -> Note | None:
        async with open_pool(service.where.database, size_max=4) as pool:
            return await Integrator(pool, identity, signs).catch_up(0)

    with file_signer(folder / "signer", origin=identity.log_origin(0)) as signer:
        assert asyncio.run(signed(Here(signer))) is not None
        return f"log {format_vkey(signer.verifier)}\nquorum none\n"
