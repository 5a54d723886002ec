"""Files of an import for tests, and what a ledger exports after it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.integration.wired import SCENARIOS, Founded
from tests.shell import Ran, Shell

SINCE = "2018-05-25T00:00:00Z"
SUBJECT = "6400d441-bee7-4776-90ab-05096e43af3f"


def adopted(ledger: Founded, folder: Path) -> Shell:
    """Commands on the ledger, once the catalogue of the scenarios is adopted."""
    made = Shell.on(database=ledger.database, keys=ledger.keys_database, folder=folder)
    document = SCENARIOS / "catalogue.json"
    assert made.run("catalogue", "apply", document, "--effective-at", SINCE).code == 0
    return made


def complaint(subject: object, n: int, **more: Any) -> dict[str, Any]:
    """An entry that tells which line it was."""
    day = f"2026-{1 + n % 9:02}-{1 + n % 28:02}"
    return {
        "subject": subject,
        "type": "ComplaintReceived",
        "effective_at": f"{day}T10:00:00Z",
        "note": f"line {n}",
        **more,
    }


def person(n: int) -> dict[str, str]:
    return {"scheme": "case_id", "value": f"case {n}"}


def grant(subject: object, **more: Any) -> dict[str, Any]:
    usual = {"purpose": "PHOTO", "given_by": subject, "capacity": "SELF", "evidence": "form 1"}
    return {
        "subject": subject,
        "type": "ConsentGranted",
        "effective_at": "2026-01-10T10:00:00Z",
        **usual,
        **more,
    }


def status(subject: object, **more: Any) -> dict[str, Any]:
    """An entry that is refused once the subject is merged into another."""
    usual = {"type": "StatusStarted", "effective_at": "2026-02-01T10:00:00Z", "kind": "CIN"}
    return {"subject": subject, **usual, **more}


def written(path: Path, lines: Iterable[object]) -> Path:
    texts = (one if isinstance(one, str) else json.dumps(one) for one in lines)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def exported(shell: Shell, path: Path) -> list[dict[str, Any]]:
    """Every entry about a person, in the order of recording."""
    assert shell.run("export", path).code == 0
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return [one for one in entries if one["subject"] is not None]


def notes(entries: Iterable[dict[str, Any]]) -> list[str]:
    return [one["note"] for one in entries]


def counted(ledger: Founded) -> int:
    """How many entries there are about people."""
    return ledger.sql("SELECT count(*) FROM entry WHERE name <> 'CatalogueAdopted'")[0][0]


def summary(ran: Ran) -> dict[str, int]:
    return ran.json()[-1]
