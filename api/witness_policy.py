"""The trust policy of the settings, c2sp.org/tlog-policy, and which of its witnesses are asked.

    witness <name> <vkey> <prefix of its addresses>

A witness without an address, or with a key that cannot be checked here (ML-DSA-44), is not asked.
Not here: asking them (`witnessing`).
"""

from __future__ import annotations

from pathlib import Path

from api.outward import check_address
from ledger.errors import Malformed
from ledger.tlog.keys import KeyType
from ledger.tlog.policy import Known, MalformedPolicy, Policy, parse_policy
from projections.witnessing import Witness

FIELD = "witness_policy_file"


def read_policy(path: str | None) -> Policy | None:
    """The trust policy in the file, its addresses checked; raises `Malformed`."""
    if path is None:
        return None
    try:
        policy = parse_policy(Path(path).read_bytes())
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror}", field=FIELD) from error
    except MalformedPolicy as error:
        raise Malformed(str(error), field=FIELD) from error
    for name, one in policy.witnesses.items():
        if one.url is not None:
            check_address(one.url, field=f"{FIELD}: witness {name}")
    return policy


def asked(policy: Policy) -> list[Witness]:
    """The witnesses of the policy that can be asked, and whose cosignatures can be checked here."""
    return [
        Witness(key=one.key, url=one.url.rstrip("/"))
        for one in policy.witnesses.values()
        if one.url is not None and _checked_here(one)
    ]


def _checked_here(one: Known) -> bool:
    return one.key.type is KeyType.COSIGNATURE
