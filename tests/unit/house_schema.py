"""House rules about SQL: each takes a project's root and returns what breaks the rule there.

They stand in for a distributed PostgreSQL, which would refuse most of what they find: `log` leads
every key and every statement names its log, nothing orders entries but a log's row, and entries are
append-only because nobody is granted more. The claims are in `test_schema`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

RECORD = ("entry", "dossier", "log_head", "idempotency", "tombstone", "ledger_identity")
ADDED_TO = ("read_audit", "read_audit_chain")
STATEMENTS = ("ledger/sql", "projections/sql")

COMMENT = re.compile(r"--[^\n]*")
BANNED = {
    "a trigger": r"\bCREATE\s+(OR\s+REPLACE\s+)?(CONSTRAINT\s+|EVENT\s+)?TRIGGER\b",
    "a sequence": r"\bSEQUENCE\b|\bnextval\b|\b(small|big)?serial\d?\b",
    "an identity column": r"\bAS\s+IDENTITY\b",
    "a table lock": r"\bLOCK\s+(TABLE\b|(ONLY\s+)?\w+\s+IN\b)",
    "a notification": r"\b(NOTIFY|LISTEN|pg_notify)\b",
}
TABLE = re.compile(
    r"\bCREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)\s*\((.*?)\n\)", re.I | re.S
)
KEY = re.compile(r"\b(PRIMARY\s+KEY|UNIQUE|FOREIGN\s+KEY|EXCLUDE)\b[^(\n]*\(\s*(\w+)", re.I)
COLUMN_KEY = re.compile(r"^\s*(\w+)\s.*\b(PRIMARY\s+KEY|UNIQUE|REFERENCES)\b(?!\s*\()", re.I)
INDEX = re.compile(r"^\s*CREATE\s+(UNIQUE\s+)?INDEX\s+(\w+)\s*(?:ON\s+\w+)?", re.I)
INDEXED = re.compile(r"\bINDEX\s+(\w+)\s+ON\s+\w+\s*(?:USING\s+\w+\s*)?\(\s*(\w+)", re.I)
USE = re.compile(r"\b(FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+)?(\w+)\b(?:\s+(?:AS\s+)?(\w+))?", re.I)
FUNCTION = re.compile(r"\bFUNCTION\s+(\w+)\s*\(.*?\bAS\b", re.I | re.S)
GRANT = re.compile(r"\bGRANT\b(.*?)\bON\b(.*?)\bTO\b([^;]*);", re.I | re.S)
WRITING = re.compile(r"\b(INSERT|UPDATE|DELETE|TRUNCATE|ALL)\b", re.I)
CHANGING = re.compile(r"\b(UPDATE|DELETE|TRUNCATE|ALL)\b", re.I)
EMPTYING = re.compile(r"UPDATE \(container, leaf\)", re.I)


def scripts(root: Path, *folders: str) -> Iterator[tuple[str, str]]:
    """SQL files under the folders, by path, without their comments."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.sql")):
            yield str(path.relative_to(root)), COMMENT.sub("", path.read_text("utf-8"))


def tables(root: Path) -> dict[str, tuple[str, str]]:
    """The tables of the main database, each with the file that makes it and what is in it."""
    return {
        table: (path, body)
        for path, text in scripts(root, "migrations/ledger")
        for table, body in TABLE.findall(text)
    }


def order_from_elsewhere(root: Path) -> list[str]:
    """What would order or announce entries beside the log's row, or change them unseen."""
    return [
        f"{path}: {what}"
        for path, text in scripts(root, "migrations/ledger", *STATEMENTS)
        for what, pattern in BANNED.items()
        if re.search(pattern, text, re.I)
    ]


def keys_without_log(root: Path) -> list[str]:
    """Keys, unique indexes and foreign keys of the main database that `log` does not lead."""
    return [
        *(
            f"{path}: {table} has {fault}"
            for table, (path, body) in tables(root).items()
            for fault in _faults_of_keys(body)
        ),
        *(
            f"{path}: index {name} begins with {first}"
            for path, text in scripts(root, "migrations/ledger")
            for name, first in INDEXED.findall(text)
            if first != "log"
        ),
    ]


def _faults_of_keys(body: str) -> Iterator[str]:
    primary = False
    for kind, first in [*KEY.findall(body), *_column_keys(body)]:
        primary = primary or kind.upper().startswith("PRIMARY")
        if first != "log":
            yield f"{kind.upper()} ({first} ...)"
    if not primary:
        yield "no primary key"


def _column_keys(body: str) -> Iterator[tuple[str, str]]:
    for line in body.split("\n"):
        if found := COLUMN_KEY.match(line):
            yield found[2], found[1]


def unexplained_indexes(root: Path) -> list[str]:
    """Indexes without a comment above them that says which question they answer."""
    found = []
    for path in sorted((root / "migrations").rglob("*.sql")):
        lines = path.read_text("utf-8").split("\n")
        for above, line in zip(["", *lines], lines, strict=False):
            index = INDEX.match(line)
            if index and not above.lstrip().startswith("--"):
                found.append(f"{path.relative_to(root)}: {index[2]}")
    return found


def statements_without_log(root: Path) -> list[str]:
    """Uses of a table, in statements and functions, that do not say which log's rows are meant."""
    known = tables(root)
    return [
        f"{path}: {table}"
        for path, text in scripts(root, "migrations/ledger", *STATEMENTS)
        for verb, table, alias in USE.findall(text)
        if table in known and not _names_log(text, verb=verb, table=table, alias=alias)
    ]


def _names_log(text: str, *, verb: str, table: str, alias: str) -> bool:
    if verb.upper() == "INTO":
        return re.search(rf"\bINTO\s+{table}\s+(AS\s+\w+\s+)?\(\s*log\b", text, re.I) is not None
    return re.search(rf"\b{alias or table}\.log\s*=", text, re.I) is not None


def grants_to_change_the_record(root: Path) -> list[str]:
    """Rights to change the record's tables, but for the eraser's to empty what is sealed."""
    return [
        f"{path}: {' '.join(rights.split())} ON {' '.join(what.split())}"
        for path, text in scripts(root, "migrations/ledger")
        for rights, what, whom in GRANT.findall(text)
        if WRITING.search(rights) and _covers_the_record(what)
        if not (EMPTYING.fullmatch(rights.strip()) and whom.strip() == "ledger_eraser")
    ]


def grants_to_change_what_was_added(root: Path) -> list[str]:
    """Rights to change or take away rows of tables to which rows are only added."""
    return [
        f"{path}: {' '.join(rights.split())} ON {' '.join(what.split())}"
        for path, text in scripts(root, "migrations/ledger")
        for rights, what, _ in GRANT.findall(text)
        if CHANGING.search(rights) and set(re.findall(r"\w+", what.lower())).intersection(ADDED_TO)
    ]


def _covers_the_record(what: str) -> bool:
    named = {name.lower() for name in re.findall(r"\w+", what)}
    return bool(named.intersection(RECORD)) or "tables" in named


def functions_that_trust_the_search_path(root: Path) -> list[str]:
    """Functions that run as their owner and find tables wherever their caller says."""
    return [
        f"{path}: {found[1]}"
        for path, text in scripts(root, "migrations")
        for found in FUNCTION.finditer(text)
        if re.search(r"\bSECURITY\s+DEFINER\b", found[0], re.I)
        if not re.search(r"\bSET\s+search_path\b", found[0], re.I)
    ]
