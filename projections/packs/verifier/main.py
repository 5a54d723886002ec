#!/usr/bin/env python3
"""Check an evidence pack of a consent ledger: one file, no network, nothing but Python 3.9 or more.

    python3 -I verify.py PACK.zip --policy POLICY.txt [--receipt FILE]... [--receipt-key VKEY]

The policy (c2sp.org/tlog-policy) says whose signatures to believe. Take it, the receipt key and
this file from elsewhere than the pack. Each claim ends as PASS, FAIL with a code, or NOT CHECKED.
The exit code is 0 where the pack holds, 3 where something failed, 2 where the call was wrong. A
PASS shows that the entries are in the log that the witnesses saw, as they were, in order and
without a gap; not that what they say was true, nor that nothing follows them.

The claims and codes are those of "The evidence pack" in the ledger's documentation. This shares no
code with the ledger, on purpose; only recomputing answers calls it, where it is installed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from projections.packs.verifier.answer_steps import check_answers
from projections.packs.verifier.container import BYTES_MAX, check_bag, payload, unzipped
from projections.packs.verifier.entry_steps import (
    check_chains,
    check_commitments,
    check_disclosures,
    check_leaves,
    check_notices,
)
from projections.packs.verifier.evidence import Evidence, Recompute
from projections.packs.verifier.log_steps import (
    check_checkpoints,
    check_consistency,
    check_inclusion,
    check_ml_dsa,
    check_quorum,
    check_time,
)
from projections.packs.verifier.notes import ED25519, Key
from projections.packs.verifier.outside_steps import check_anchors, check_receipts
from projections.packs.verifier.pack import Pack
from projections.packs.verifier.policies import Policy
from projections.packs.verifier.reading import Failed, Unchecked, need

PASS, FAIL, NOT_CHECKED = "PASS", "FAIL", "NOT CHECKED"
Step = Callable[[Evidence], str]


class Claim(NamedTuple):
    """What has been found of one claim; `code` only where it failed."""

    claim: str
    result: str
    code: str | None
    text: str

    def line(self) -> str:
        """The claim as a line, with nothing that a terminal obeys: the pack may have said it."""
        code = f" {self.code}" if self.code else ""
        text = self.text.encode("unicode_escape").decode()
        return f"{self.claim}: {self.result}{code} {text}"


def read_zip(case: Evidence) -> str:
    """The files of the pack."""
    case.files = unzipped(case.pack_bytes)
    return f"{len(case.files)} files"


def read_pack(case: Evidence) -> str:
    """What the files say."""
    case.pack = Pack(payload(case.files))
    return f"{len(case.pack.events)} entries of {len(case.pack.streams)} streams"


def read_policy(case: Evidence) -> str:
    """Whose signatures to believe."""
    case.policy = Policy(case.policy_bytes)
    logs, witnesses = len(case.policy.logs), len(case.policy.witnesses)
    return f"{logs} logs, {witnesses} witnesses, quorum {case.policy.quorum}"


def check_given(case: Evidence) -> str:
    """Answers that were given are the ledger's word."""
    raise Unchecked(f"{len(case.pack.given)} answers that were given: the ledger's own word")


def check_report(case: Evidence) -> str:
    """Reports are for reading."""
    reports = sum(name.startswith("data/report.") for name in case.files)
    raise Unchecked(f"{reports} reports, for reading: what counts is in the entries")


STEPS: dict[str, tuple[Step, tuple[str, ...]]] = {
    "zip": (read_zip, ()),
    "bag": (lambda case: check_bag(case.files), ("zip",)),
    "pack": (read_pack, ("zip",)),
    "policy": (read_policy, ()),
    "checkpoints": (check_checkpoints, ("pack", "policy")),
    "quorum": (check_quorum, ("checkpoints",)),
    "ml-dsa": (check_ml_dsa, ("checkpoints",)),
    "consistency": (check_consistency, ("checkpoints",)),
    "inclusion": (check_inclusion, ("checkpoints",)),
    "leaves": (check_leaves, ("pack",)),
    "commitments": (check_commitments, ("leaves",)),
    "disclosures": (check_disclosures, ("leaves",)),
    "notices": (check_notices, ("disclosures",)),
    "chains": (check_chains, ("leaves",)),
    "time": (check_time, ("checkpoints", "leaves")),
    "receipts": (check_receipts, ("leaves",)),
    "anchors": (check_anchors, ("checkpoints",)),
    "answers": (check_answers, ("inclusion", "leaves", "commitments", "disclosures", "chains")),
    "given": (check_given, ("pack",)),
    "report": (check_report, ("bag",)),
}
REQUIRED = (
    "checkpoints",
    "quorum",
    "consistency",
    "inclusion",
    "leaves",
    "commitments",
    "disclosures",
    "chains",
)


def verified(case: Evidence) -> list[Claim]:
    """Every claim about the pack, in order, with what was found."""
    found: dict[str, Claim] = {}
    for claim, (step, needed) in STEPS.items():
        lacking = [each for each in needed if found[each].result != PASS]
        if lacking:
            found[claim] = Claim(claim, NOT_CHECKED, None, f"it takes the claim {lacking[0]}")
            continue
        try:
            found[claim] = Claim(claim, PASS, None, step(case))
        except Failed as error:
            found[claim] = Claim(claim, FAIL, error.code, error.where)
        except Unchecked as error:
            found[claim] = Claim(claim, NOT_CHECKED, None, str(error))
    return list(found.values())


def holds(claims: Sequence[Claim]) -> bool:
    """Whether nothing failed, and nothing that matters is unchecked."""
    passed = {one.claim for one in claims if one.result == PASS}
    return passed.issuperset(REQUIRED) and not any(one.result == FAIL for one in claims)


def installed_recompute() -> Recompute | None:
    """The project's own answering, where it is installed."""
    try:
        found: Recompute = importlib.import_module("projections.packs.recompute").recomputed
    except (ImportError, AttributeError, SyntaxError):
        return None
    return found


def arguments(argv: Sequence[str] | None) -> tuple[Evidence, bool]:
    """The case that the command line puts, and whether in JSON; exits with 2 for a bad one."""
    parser = argparse.ArgumentParser(description="Check an evidence pack of a consent ledger.")
    parser.add_argument("pack", help="the pack, a ZIP file")
    parser.add_argument("--policy", required=True, help="whom to believe: a c2sp.org/tlog-policy")
    parser.add_argument("--receipt", action="append", default=[], help="a receipt that you hold")
    parser.add_argument("--receipt-key", help="the verifier key of the log's receipts")
    parser.add_argument("--no-recompute", action="store_true", help="do not recompute answers")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(argv)
    try:
        contents = [read_file(name) for name in (given.pack, given.policy, *given.receipt)]
        key = Key(given.receipt_key, "E_RECEIPT") if given.receipt_key else None
        need(key is None or key.type == ED25519, "E_RECEIPT", "a key that signs no receipts")
    except OSError as error:
        parser.error(f"a file cannot be read: {error}")
    except Failed as error:
        parser.error(f"--receipt-key: {error.where}")
    case = Evidence(
        pack=contents[0],
        policy=contents[1],
        receipts=contents[2:],
        receipt_key=key,
        recompute=None if given.no_recompute else installed_recompute(),
    )
    return case, given.json


def read_file(name: str) -> bytes:
    """The file, or enough of it to see that it is too large."""
    with Path(name).open("rb") as file:
        return file.read(BYTES_MAX + 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Print every claim and the verdict; the exit code."""
    case, as_json = arguments(argv)
    claims = verified(case)
    verdict = PASS if holds(claims) else FAIL
    if as_json:
        print(
            json.dumps({"verdict": verdict, "claims": [one._asdict() for one in claims]}, indent=1)
        )
    else:
        print("\n".join([*(one.line() for one in claims), f"verdict: {verdict}"]))
    return 0 if verdict == PASS else 3


if __name__ == "__main__":
    sys.exit(main())
