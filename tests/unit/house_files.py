"""House rules about files: each takes the root of a project and returns what breaks the rule there.

Layout, text, SQL, decision records and lock files; Python is in `house_code`. The claims are in
`test_tidy`.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from tests.unit.house_code import OURS, nodes

FILE_LINES_MAX = 400
FOLDERS = {*OURS, "tests", "ops"}
TOP_LEVEL = FOLDERS | {
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "requirements-dev.lock",
    "requirements.lock",
}
# Made by tools or by a run, and ignored by git.
MADE = {"__pycache__", "build", "data", "dist", "htmlcov", "mutants", "node_modules"}
# Other people's files, kept as they were published.
VENDORED = {"vendor", "vectors"}
WRITTEN_BY_HAND = {
    "",
    ".css",
    ".html",
    ".js",
    ".md",
    ".py",
    ".sh",
    ".sql",
    ".toml",
    ".yaml",
    ".yml",
}

UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
MACHINE = re.compile(r"(?<![\w.\-/}])/(work|farm|root|home|Users|opt/(wheels|pypi))/[\w.]")
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.org|(deb|security)\.debian\.org|proxy\.golang\.org"
    r"|index[-]url|find[-]links|https?://\S+\.(whl|tgz|deb)\b"
)
RECORD = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
HEADINGS = ["Context", "Options rejected", "Decision", "Consequences", "Status"]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def files(root: Path) -> Iterator[Path]:
    """The files of the project relative to its root, without what tools make."""
    for path in sorted(root.iterdir()):
        if path.is_file():
            yield path.relative_to(root)
        elif not path.name.startswith(".") or path.name == ".ci":
            inside = (each for each in sorted(path.rglob("*")) if each.is_file())
            yield from (each.relative_to(root) for each in inside if not _is_made(each, root))


def _is_made(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    return bool(MADE.intersection(parts)) or any(part.endswith("-info") for part in parts)


def lines(root: Path, *, vendored: bool) -> Iterator[tuple[Path, int, str]]:
    """Every line of every text file, with its file and its number."""
    for path in files(root):
        if not vendored and VENDORED.intersection(path.parts):
            continue
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        yield from ((path, number, line) for number, line in enumerate(text.splitlines(), 1))


def long_files(root: Path) -> list[str]:
    """Files of Python, SQL or shell that answer more than one question."""
    code = {".py", ".sql", ".sh", ""}
    counts = Counter(path for path, _, _ in lines(root, vendored=False) if path.suffix in code)
    return [
        f"{path}: {count} lines"
        for path, count in counts.items()
        if count > FILE_LINES_MAX and path.name != "LICENSE"
    ]


def unfinished_work(root: Path) -> list[str]:
    """Marks of work left for later, in files that people write."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path, number, line in lines(root, vendored=False)
        if path.suffix in WRITTEN_BY_HAND and UNFINISHED.search(line)
    ]


def machine_paths_and_registries(root: Path) -> list[str]:
    """Lines that name a folder of somebody's machine, or the host of a package registry."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path, number, line in lines(root, vendored=False)
        if MACHINE.search(line) or REGISTRY.search(line)
    ]


def strays_at_the_top(root: Path) -> list[str]:
    """What lies beside the fixed top level: dot-files apart, that is closed."""
    present = {path.name for path in root.iterdir() if not path.name.startswith(".")}
    return sorted(name for name in present - TOP_LEVEL - MADE if not name.endswith("-info"))


def unused_sql(root: Path) -> list[str]:
    """Statements that no code of ours names, migrations apart: the runner takes those by number."""
    named = set(_names_in_code(root))
    return [
        str(path)
        for path in files(root)
        if path.suffix == ".sql" and path.parts[0] in OURS and path.parts[0] != "migrations"
        if path.stem not in named
    ]


def _names_in_code(root: Path) -> Iterator[str]:
    """The stems of all names in quotes: "sql/head.sql", "head.sql" and "head" name one file."""
    for _, node in nodes(root):
        text = getattr(node, "value", None)
        if isinstance(text, str) and "\n" not in text:
            yield Path(text).stem


def decisions_out_of_order(root: Path) -> list[str]:
    """Decision records without a number of their own, a line in the index, or a heading."""
    folder = root / "ops" / "decisions"
    records = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    index = folder / "README.md"
    indexed = index.read_text(encoding="utf-8") if index.exists() else ""
    numbers = Counter(path.name[:4] for path in records)
    return [
        f"ops/decisions/{path.name}: {fault}"
        for path in records
        for fault in _faults_of_a_record(path, indexed, numbers)
    ]


def _faults_of_a_record(path: Path, indexed: str, numbers: Counter[str]) -> Iterator[str]:
    if not RECORD.fullmatch(path.name):
        yield "not named NNNN-what-was-decided.md"
    if numbers[path.name[:4]] > 1:
        yield "shares its number"
    if f"({path.name})" not in indexed:
        yield "not in the index"
    if (found := re.findall(r"^## (.+)$", path.read_text("utf-8"), re.MULTILINE)) != HEADINGS:
        yield f"its headings are {', '.join(found)}"


def pins(root: Path, lock: str) -> dict[str, tuple[str, int]]:
    """What a lock file pins: by name, the version and how many hashes may stand for it."""
    text = (root / lock).read_text(encoding="utf-8")
    found = re.findall(
        r"^([\w.-]+)==(\S+)[^\n]*((?:\n    --hash=sha256:[0-9a-f]{64}.*)*)", text, re.M
    )
    return {name: (version, hashes.count("--hash=")) for name, version, hashes in found}


def loose_locks(root: Path) -> list[str]:
    """Where the lock files leave something open, disagree, or lag behind pyproject.toml."""
    run, develop = (pins(root, lock) for lock in LOCKS)
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = declared["project"]["dependencies"]
    return [
        *(f"{name}: no hash" for name, (_, hashes) in develop.items() if not hashes),
        *(
            f"{name}: not the same for development"
            for name in run
            if run[name] != develop.get(name)
        ),
        *_unmet(runtime, run),
        *_unmet(declared["dependency-groups"]["dev"], develop),
    ]


def _unmet(wanted: list[str], pinned: dict[str, tuple[str, int]]) -> Iterator[str]:
    for each in map(Requirement, wanted):
        version, _ = pinned.get(each.name, ("nothing", 0))
        if version == "nothing" or not each.specifier.contains(version, prereleases=True):
            yield f"{each}: the lock pins {version}"
