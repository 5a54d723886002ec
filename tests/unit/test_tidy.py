"""The house rules hold for this project, and each of them can fail."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit import house_code as code
from tests.unit import house_files as files

ROOT = Path(__file__).parents[2]
Rule = Callable[[Path], list[str]]


def test_every_function_fits_on_a_screen() -> None:
    assert code.long_functions(ROOT) == []


def test_the_median_function_is_short() -> None:
    assert code.median_above_limit(ROOT) == []


def test_every_file_answers_one_question() -> None:
    assert files.long_files(ROOT) == []


def test_no_work_is_left_marked_for_later() -> None:
    assert files.unfinished_work(ROOT) == []


def test_each_thing_has_one_name() -> None:
    assert code.banned_names(ROOT) == []


def test_every_module_is_named_for_what_it_holds() -> None:
    assert code.empty_module_names(ROOT) == []


def test_only_the_record_is_called_a_log() -> None:
    assert code.diagnostics_called_log(ROOT) == []


def test_an_instant_on_the_wire_is_text() -> None:
    assert code.times_not_written_as_text(ROOT) == []


def test_the_merkle_formats_need_only_cryptography() -> None:
    assert code.foreign_imports_of_the_log(ROOT) == []


def test_the_client_works_without_the_service() -> None:
    assert code.imports_of_ours_by_the_client(ROOT) == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    assert files.machine_paths_and_registries(ROOT) == []


def test_the_top_level_is_closed() -> None:
    assert files.strays_at_the_top(ROOT) == []


def test_every_statement_is_used() -> None:
    assert files.unused_sql(ROOT) == []


def test_every_decision_has_its_own_number_and_is_in_the_index() -> None:
    assert files.decisions_out_of_order(ROOT) == []


def test_the_locks_pin_by_hash_all_that_the_project_declares() -> None:
    assert files.loose_locks(ROOT) == []


RECORD = "# Title\n\n" + "\n\n".join(f"## {heading}\n\nText." for heading in files.HEADINGS)
PIN = "{}=={} \\\n    --hash=sha256:" + "0" * 64 + "\n"
PROJECT = """
[project]
dependencies = ["msgspec>=0.22"]
[dependency-groups]
dev = ["pytest>=9"]
"""
CLEAN = {
    "pyproject.toml": PROJECT,
    "requirements.lock": PIN.format("msgspec", "0.22.0"),
    "requirements-dev.lock": PIN.format("msgspec", "0.22.0") + PIN.format("pytest", "9.2.0"),
    "ledger/terms.py": "def f(*, effective_at):\n    'Say when.'\n    return effective_at\n",
    "ledger/tlog/note.py": "import hashlib, cryptography\nfrom ledger import errors\n",
    "projections/lists.py": 'LIST = load("sql/list.sql")\n',
    "projections/sql/list.sql": "SELECT 1\n",
    "migrations/0001_tables.sql": "SELECT 1\n",
    "api/shapes.py": "class Ask(msgspec.Struct):\n    effective_at: str\n    since: str | None\n"
    '    kind: Literal["datetime"]\n    size: int\n',
    "api/client.py": "import json\nfrom api.client_errors import ClientError\n",
    "ops/decisions/README.md": "- [0001](0001-events-not-rows.md)\n",
    "ops/decisions/0001-events-not-rows.md": RECORD,
    "tests/vectors/published.json": "kept as published: TO" + "DO\n",
    ".venv/site.py": "FIX" + "ME\n",
}
LONG = "def f():\n" + "    pass\n" * 60
STRUCT = "import msgspec\nclass Ask(msgspec.Struct):\n"
PLANTED: list[tuple[Rule, str, str, str]] = [
    (code.long_functions, "ops/bench/load.py", LONG, "f: 61 lines"),
    (code.long_functions, "tests/test_it.py", "class A:\n  async " + LONG, "f: 61 lines"),
    (code.median_above_limit, "ledger/terms.py", "def f():\n" + " pass\n" * 8, "has 9 lines"),
    (code.banned_names, "ledger/x.py", "def f(valid_time): ...", "valid_time"),
    (code.banned_names, "ledger/x.py", "transaction_time_max = 1", "transaction_time_max"),
    (code.banned_names, "projections/x.py", "def as_of(): ...", "as_of"),
    (code.banned_names, "api/x.py", "class A:\n    user: str", "user"),
    (code.banned_names, "api/x.py", "def f(self): self.user = 1", "user"),
    (code.banned_names, "api/x.py", "def f(*, user): ...", "user"),
    (code.banned_names, "api/x.py", "import a as user", "user"),
    (code.banned_names, "api/x.py", "for user_id in x: ...", "user_id"),
    (code.banned_names, "api/x.py", "match x:\n    case {'a': user}: ...", "user"),
    (code.empty_module_names, "ledger/utils.py", "", "ledger/utils.py"),
    (code.empty_module_names, "api/common/x.py", "", "api/common/x.py"),
    (code.empty_module_names, "api/logging.py", "", "api/logging.py"),
    (code.diagnostics_called_log, "api/x.py", "log = structlog.get_logger()", "api/x.py: log"),
    (code.diagnostics_called_log, "api/x.py", "LOGGER = getLogger('a')", "api/x.py: LOGGER"),
    (code.times_not_written_as_text, "api/x.py", STRUCT + "    at: datetime", "Ask.at"),
    (code.times_not_written_as_text, "api/x.py", STRUCT + "    at: 'datetime | None'", "Ask.at"),
    (code.times_not_written_as_text, "api/x.py", STRUCT + "    at: list[dt.datetime]", "Ask.at"),
    (code.times_not_written_as_text, "api/x.py", STRUCT + "    known_at: float", "Ask.known_at"),
    (code.times_not_written_as_text, "api/x.py", STRUCT + "    since: int | None", "Ask.since"),
    (
        code.times_not_written_as_text,
        "api/x.py",
        "Moment = Annotated[datetime, 1]\nInstant = Moment\n" + STRUCT + "    at: Instant",
        "Ask.at",
    ),
    (
        code.times_not_written_as_text,
        "api/x.py",
        "from datetime import datetime as Clock\n" + STRUCT + "    at: Clock",
        "Ask.at",
    ),
    (
        code.times_not_written_as_text,
        "api/x.py",
        STRUCT + "    a: int\nclass More(Ask, frozen=True):\n    at: datetime",
        "More.at",
    ),
    (code.foreign_imports_of_the_log, "ledger/tlog/x.py", "import msgspec", "msgspec"),
    (code.foreign_imports_of_the_log, "ledger/tlog/x.py", "from ledger import terms", "terms"),
    (code.imports_of_ours_by_the_client, "api/client.py", "from api import access", "api.access"),
    (code.imports_of_ours_by_the_client, "api/client.py", "import ledger.terms", "ledger.terms"),
    (code.imports_of_ours_by_the_client, "api/client_x.py", "import api.clients", "api.clients"),
    (files.long_files, "ledger/x.py", "\n" * 401, "ledger/x.py: 401 lines"),
    (files.long_files, "ops/demo", "\n" * 401, "ops/demo: 401 lines"),
    (files.long_files, "projections/sql/list.sql", "\n" * 401, "list.sql: 401 lines"),
    (files.unfinished_work, "ledger/x.py", "# TO" + "DO: more", "ledger/x.py:1"),
    (files.unfinished_work, "ops/demo", "\n# FIX" + "ME", "ops/demo:2"),
    (files.machine_paths_and_registries, "ops/docs/x.md", "see /ho" + "me/alice/x", "x.md:1"),
    (files.machine_paths_and_registries, "tests/x.json", '"/wo' + 'rk/main"', "tests/x.json:1"),
    (files.machine_paths_and_registries, ".ci/run", "pip --index" + "-url x", ".ci/run:1"),
    (
        files.machine_paths_and_registries,
        "x.lock",
        "https://files.pythonho" + "sted.org",
        "x.lock:1",
    ),
    (files.machine_paths_and_registries, "ops/x", "https://a.example/b.wh" + "l", "ops/x:1"),
    (files.strays_at_the_top, "notes.txt", "", "notes.txt"),
    (files.strays_at_the_top, "scripts/x.py", "", "scripts"),
    (files.unused_sql, "projections/sql/dead.sql", "SELECT 1", "projections/sql/dead.sql"),
    (files.decisions_out_of_order, "ops/decisions/0001-b.md", RECORD, "shares its number"),
    (files.decisions_out_of_order, "ops/decisions/0002-b.md", RECORD, "not in the index"),
    (files.decisions_out_of_order, "ops/decisions/second.md", RECORD, "not named NNNN"),
    (
        files.decisions_out_of_order,
        "ops/decisions/0001-events-not-rows.md",
        "## Context\n\n## Decision\n",
        "its headings are Context, Decision",
    ),
    (files.loose_locks, "requirements.lock", PIN.format("msgspec", "0.21.0"), "lock pins 0.21.0"),
    (files.loose_locks, "requirements.lock", PIN.format("msgspec", "0.23.0"), "not the same"),
    (files.loose_locks, "requirements-dev.lock", PIN.format("msgspec", "0.22.0"), "pins nothing"),
    (files.loose_locks, "requirements-dev.lock", "pytest==9.2.0\n", "pytest: no hash"),
]
RULES = sorted({rule for rule, *_ in PLANTED}, key=lambda rule: rule.__name__)


@pytest.fixture
def clean_tree(tmp_path: Path) -> Path:
    """A small project that breaks no rule."""
    for name, text in CLEAN.items():
        plant(tmp_path, name=name, text=text)
    return tmp_path


def plant(root: Path, *, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_finds_nothing_in_a_clean_tree(clean_tree: Path, rule: Rule) -> None:
    assert rule(clean_tree) == []


@pytest.mark.parametrize(
    ("rule", "name", "text", "finding"),
    PLANTED,
    ids=[f"{rule.__name__}-{number}" for number, (rule, *_) in enumerate(PLANTED)],
)
def test_a_rule_finds_what_breaks_it(
    clean_tree: Path, rule: Rule, name: str, text: str, finding: str
) -> None:
    plant(clean_tree, name=name, text=text)

    assert finding in "\n".join(rule(clean_tree))


def test_every_rule_is_planted() -> None:
    signature = {"root": Path, "return": list[str]}
    functions = [*vars(code).values(), *vars(files).values()]

    rules = {each for each in functions if getattr(each, "__annotations__", {}) == signature}

    assert {rule.__name__ for rule in rules} == {rule.__name__ for rule in RULES}
