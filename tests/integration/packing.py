"""A ledger with a story that a complaint is about, and packs of it that a stranger checks.

    with told(database, tmp_path) as story:
        pack = story.pack(at=(COMPLAINT,))
        assert verified(pack.data, story.policy(), tmp_path)["answers"] == "PASS"

The stranger is a Python of its own, with the one file of the verifier, and finds nothing installed.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

from ledger.record import Receipted
from ledger.rules.rulebook import uk_gdpr
from ledger.tlog.keys import format_vkey
from ledger.tlog.policy import parse_policy
from projections.checks import Query
from projections.integrator import Integrator
from projections.packs.build import Pack, build
from projections.packs.files import Enclosed
from projections.packs.gathering import Sources
from projections.packs.order import Order
from projections.packs.recompute import recomputed
from projections.packs.verifier import source
from projections.packs.verifier.evidence import Evidence
from projections.packs.verifier.main import Claim
from projections.packs.verifier.main import verified as claims_of
from tests.integration.auditing import asked
from tests.integration.wired import Founded, Wired, born, consent, entry, withdrawal
from tests.integration.witnesses import BEGUN, Shown, scene
from tests.packs import RULES, disclosed

ASKED = BEGUN + timedelta(minutes=45)
"""Between the consent and the withdrawal."""
MADE = BEGUN + timedelta(days=1)
SECRET = "Jane Roe, a neighbour, wrote to us"
OTHER_NOTE = "she rang about the study"


class Story:
    """One person's consent, its withdrawal that was heard of late, and a complaint about it."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.ledger: Founded = shown.ledger
        self.person: UUID = self.ledger.subject()
        self.entries: dict[str, UUID] = {}
        self.minutes = 0

    def policy(self, quorum: str = "both") -> bytes:
        """What a stranger believes: the log's key, and two of its three witnesses."""
        lines = [f"log {format_vkey(self.shown.signer.verifier)}"]
        lines += [
            f"witness w{n} {format_vkey(one.key.verifier)}"
            for n, one in enumerate(self.shown.watchers, 1)
        ]
        return "\n".join([*lines, "group both 2 w1 w2 w3", f"quorum {quorum}", ""]).encode()

    async def recorded(self, wired: Wired, name: str, subject: UUID | None, *facts: Any) -> None:
        """The facts, ten minutes after the last ones; then witnesses see the log."""
        self.minutes += 10
        self.shown.at(60 * self.minutes)
        outcome: Receipted = await wired.record(subject, *facts)
        self.entries[name] = outcome.entries[-1].event_id

    async def witnessed(self, wired: Wired) -> None:
        """A checkpoint of all that is recorded, cosigned by two."""
        self.minutes += 10
        self.shown.at(60 * self.minutes)
        await Integrator(wired.pool, wired.identity, self.shown.signs).catch_up(0)
        await self.shown.witnessing(wired, 2).look()

    async def tell(self, wired: Wired) -> None:
        """The whole story."""
        person, other = self.person, self.ledger.subject()
        self.shown.at(0)
        await wired.adopt()
        await self.recorded(wired, "notice", None, {
            "type": "NoticePublished", "effective_at": "2018-05-26", "notice": "photo-v1",
        })  # fmt: skip
        await self.recorded(wired, "born", person, born())
        await self.witnessed(wired)
        granted = consent(person, _at(30), note="at the desk", evidence="form 1")
        await self.recorded(wired, "consent", person, granted)
        await self.recorded(
            wired, "study", person, consent(person, _at(40), "STUDY", note=OTHER_NOTE)
        )
        await self.recorded(wired, "somebody", other, born("1990-01-01"))
        await self.witnessed(wired)
        self.shown.at(60 * self.minutes + 30)
        query = Query(subject=person, purpose="PHOTO", effective_at=ASKED)
        await asked(self.ledger, wired, query)
        await self.recorded(wired, "withdrawal", person, withdrawal(
            person, _at(42), note=SECRET, channel="letter", received_at=_at(42),
        ))  # fmt: skip
        complaint = entry("ComplaintReceived", _at(90), purpose="PHOTO", channel="e-mail")
        await self.recorded(wired, "complaint", person, complaint)
        await self.witnessed(wired)

    def pack(self, **words: Any) -> Pack:
        """A pack about the person, unless another order is given."""
        enclosed = words.pop("enclosed", None) or Enclosed(rulebook=RULES, software="tests")
        with_pdf = words.pop("with_pdf", False)
        order = Order(**{"made_at": MADE, "subject": self.person, **words})

        async def made(wired: Wired) -> Pack:
            return await build(
                self.sources(wired, self.policy()), order, enclosed, with_pdf=with_pdf
            )

        return self.ledger.run(made)

    def sources(self, wired: Wired, policy: bytes | None) -> Sources:
        """What packs are made from here."""
        return Sources(
            reader=wired.reader,
            pool=wired.pool,
            rulebook=uk_gdpr(),
            policy=None if policy is None else parse_policy(policy),
        )


def _at(minutes: int) -> str:
    moment = BEGUN + timedelta(minutes=minutes)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def told(database: str, folder: Path, begun: datetime = BEGUN) -> Iterator[Story]:
    """The story, recorded and witnessed."""
    with scene(database, folder, begun) as shown:
        story = Story(shown)
        shown.ledger.run(story.tell)
        yield story


def verified(pack: bytes, policy: bytes, folder: Path, *words: str) -> dict[str, str]:
    """What a stranger's verifier says of each claim: the result, with the code of a failure."""
    names = ("verify.py", "pack.zip", "policy.txt")
    for name, data in zip(names, (source().encode(), pack, policy), strict=True):
        (folder / name).write_bytes(data)
    command = [sys.executable, "-I", "-S", *names[:2], "--policy", names[2], "--json", *words]
    ran = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    said = json.loads(ran.stdout)
    assert ran.returncode == {"PASS": 0, "FAIL": 3}[said["verdict"]], ran.stderr
    claims = {
        one["claim"]: f"{one['result']} {one['code'] or ''}".strip() for one in said["claims"]
    }
    return claims | {"verdict": said["verdict"]}


def files_of(pack: bytes) -> dict[str, bytes]:
    """The files of the pack by their names in its top folder."""
    with ZipFile(BytesIO(pack)) as archive:
        return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}


def lines_of(pack: bytes, name: str) -> list[Any]:
    """The values of the lines of a file under data/."""
    return [json.loads(line) for line in files_of(pack)[f"data/{name}"].splitlines()]


def failed(claims: dict[str, str]) -> list[str]:
    """The codes of the claims that failed."""
    return [result.removeprefix("FAIL ") for result in claims.values() if "FAIL " in result]


def verified_here(pack: Pack, policy: bytes) -> dict[str, Claim]:
    """What the verifier says where the project is installed: it recomputes the answers."""
    case = Evidence(pack=pack.data, policy=policy, recompute=recomputed)
    return {one.claim: one for one in claims_of(case)}


def told_of(pack: Pack) -> bytes:
    """All that is in the pack, sealed texts opened: what somebody could read in it."""
    opened = [one.get("disclosures", []) for one in lines_of(pack.data, "events.jsonl")]
    texts = [text for some in opened for text in some]
    shown = [json.dumps(disclosed([text]), ensure_ascii=False).encode() for text in texts]
    return b"\n".join([*files_of(pack.data).values(), *shown])
