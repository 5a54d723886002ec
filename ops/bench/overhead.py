"""What a leaf, sealing and a receipt cost for each entry, in CPU.

    .venv/bin/python ops/bench/overhead.py

It is a row of `ops/bench/run` too. Three costs are measured apart, in turn, round after round:
sealing an entry with its commitment and signing its receipt in this process, and making and hashing
its leaf in PostgreSQL, in the words of `append`. The limit named in the same run is what the
cryptography alone takes for such an entry: one signature, two encryptions, and its hashes. CPU is
the kernel's count, not the clock's. It takes about half a minute, and starts a PostgreSQL of its
own on an empty folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

sys.path.insert(0, str(Path(__file__).parents[2]))

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.embedded import Embedded
from ledger.seal import DataKey
from ledger.sealing import Sealable, new_event_id, seal_entry
from ledger.tlog.keys import signing_key
from ledger.tlog.note import format_note
from ledger.tlog.receipt import NAME, Promise, promised
from ledger.wire import read_fact

ORIGIN = "bench.example/0"
ROUNDS = 7
MANY = 4_000
LEAVES = 60_000
LIMIT_US = 200
"""What all three may take together, by the requirement."""
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

LEAF = """
DO $$
DECLARE
    l bytea;
    h bytea := '\\x00';
    v_event uuid := '01a21176-15b6-7208-9804-4ee9a8d7e1ba';
    v_stream uuid := '7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55';
    v_origin text := '{origin}';
    v_name text := 'ConsentGranted';
BEGIN
    FOR i IN 1 .. {many} LOOP
        l := convert_to(
            '{{"commitment":"' || encode(sha256(i::text::bytea), 'base64')
            || '","event_id":"' || v_event::text
            || '","log":"' || v_origin
            || '","prev":"' || coalesce(encode(h, 'base64'), '')
            || '","recorded_at":"'
            || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            || '","seq":' || i::text
            || ',"stream":"' || v_stream::text
            || '","type":"' || v_name
            || '","v":1}}', 'UTF8');
        h := sha256('\\x00'::bytea || l);
    END LOOP;
END $$
"""
EMPTY = """
DO $$ DECLARE h bytea; BEGIN
    FOR i IN 1 .. {many} LOOP h := sha256(i::text::bytea); END LOOP;
END $$
"""


def consent(key: DataKey) -> Sealable:
    """An entry with everything that a consent may have, sealed under two keys."""
    fact = read_fact(
        {
            "type": "ConsentGranted",
            "effective_at": "2026-06-01T12:00:00Z",
            "purpose": "P18a",
            "given_by": str(uuid4()),
            "capacity": "SELF",
            "notice": "notice-3",
            "explicit": True,
            "expires_at": "2027-06-01T12:00:00Z",
            "evidence": "signed form 17, scanned",
            "named_controllers": ["Council"],
            "note": "said on the phone, and again in writing a week later",
        }
    )
    event = UUID(new_event_id(1_780_000_000_000, os.urandom).hex)
    return Sealable(
        event_id=event, fact=fact, recorded_by="case-system", basis_key=key, content_key=key
    )


def cpu_us(work: Callable[[], object], many: int = MANY) -> float:
    """Microseconds of this process for each of so many."""
    before = time.process_time_ns()
    for _ in range(many):
        work()
    return (time.process_time_ns() - before) / many / 1000


def backend_us(connection: psycopg.Connection, query: str) -> float:
    """Microseconds of the server's process for each of `LEAVES`."""
    stat = Path(f"/proc/{connection.info.backend_pid}/stat")
    ticks = os.sysconf("SC_CLK_TCK")

    def spent() -> int:
        fields = stat.read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = spent()
    connection.execute(query.format(many=LEAVES, origin=ORIGIN).encode())
    return (spent() - before) / ticks / LEAVES * 1e6


def floor() -> Callable[[], object]:
    """What the cryptography alone takes: nothing is encoded, kept or looked up."""
    secret, cipher = Ed25519PrivateKey.generate(), AESGCM(os.urandom(32))
    text, plain = os.urandom(290), os.urandom(600)

    def work() -> None:
        for _ in range(16):
            hashlib.sha256(text[:120]).digest()
        cipher.encrypt(os.urandom(12), plain, b"")
        cipher.encrypt(os.urandom(12), plain, b"")
        secret.sign(text)

    return work


def compared(
    connection: psycopg.Connection, *, rounds: int
) -> list[tuple[float, float, float, float]]:
    """Each round's microseconds for sealing, receipt, leaf, and the cryptography alone."""
    entry = consent(DataKey(key_id=uuid4(), version=1, secret=os.urandom(32)))
    key = signing_key(ORIGIN + NAME, os.urandom(32))
    promise = Promise(log=ORIGIN, index=7, leaf_hash=os.urandom(32), recorded_at=NOW, seconds=5)
    least = floor()
    rows: list[tuple[float, float, float, float]] = []
    for _ in range(rounds):
        sealing = cpu_us(lambda: seal_entry(entry, origin=ORIGIN, entropy=os.urandom))
        receipt = cpu_us(lambda: format_note(promised(promise, key)))
        leaf = backend_us(connection, LEAF) - backend_us(connection, EMPTY)
        rows.append((sealing, receipt, leaf, cpu_us(least)))
    return rows


def main() -> None:
    """Measure and print; the figures are of this machine in this minute."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        with Embedded(Path(folder)) as server, psycopg.connect(server.conninfo()) as connection:
            _print(compared(connection, rounds=ROUNDS))


def _print(rows: list[tuple[float, float, float, float]]) -> None:
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"Python {platform.python_version()}, psycopg {psycopg.__version__}, load {load}")
    print(f"{ROUNDS} rounds; microseconds of CPU for each entry: median, least, most")
    for name, column in zip(("sealing", "receipt", "leaf"), zip(*rows, strict=True), strict=False):
        print(f"  {name:8} {statistics.median(column):6.1f} {min(column):6.1f} {max(column):6.1f}")
    totals = [sum(one[:3]) for one in rows]
    ratios = [sum(one[:3]) / one[3] for one in rows]
    print(f"  together {statistics.median(totals):6.1f} {min(totals):6.1f} {max(totals):6.1f}")
    print(
        f"against the cryptography alone: {statistics.median(ratios):.1f} times"
        f" ({min(ratios):.1f} to {max(ratios):.1f})"
    )
    word = "within" if statistics.median(totals) <= LIMIT_US else "BEYOND"
    print(f"{word} {LIMIT_US} microseconds")


if __name__ == "__main__":
    main()
