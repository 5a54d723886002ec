"""The schema is one that a distributed PostgreSQL takes unchanged; each rule can fail."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit import house_schema as schema

ROOT = Path(__file__).parents[2]
Rule = Callable[[Path], list[str]]


def test_nothing_orders_or_announces_entries_but_the_row_of_their_log():
    assert schema.order_from_elsewhere(ROOT) == []


def test_log_leads_every_key():
    assert schema.keys_without_log(ROOT) == []


def test_every_index_says_which_question_it_answers():
    assert schema.unexplained_indexes(ROOT) == []


def test_every_statement_names_its_log():
    assert schema.statements_without_log(ROOT) == []


def test_nobody_is_granted_to_change_the_record():
    assert schema.grants_to_change_the_record(ROOT) == []


def test_nobody_is_granted_to_change_what_the_read_audit_holds():
    assert schema.grants_to_change_what_was_added(ROOT) == []


def test_what_runs_as_its_owner_finds_tables_by_itself():
    assert schema.functions_that_trust_the_search_path(ROOT) == []


def test_the_rules_see_the_tables_there_are():
    assert set(schema.RECORD) | set(schema.ADDED_TO) < set(schema.tables(ROOT))


GOOD = """
-- No trigger, no SEQUENCE, no LOCK TABLE and no NOTIFY here.
CREATE TABLE entry (
    log smallint NOT NULL,
    n bigint NOT NULL CHECK (n >= 1),
    serial_number text,
    PRIMARY KEY (log, n)
);
-- Which is it?
CREATE UNIQUE INDEX entry_of ON entry (log, serial_number);
CREATE TABLE log_head (
    log smallint PRIMARY KEY CHECK (log >= 0),
    size bigint
) WITH (fillfactor = 10);
CREATE FUNCTION append(p_log smallint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM log_head h WHERE h.log = p_log FOR UPDATE;
    INSERT INTO entry (log, n) VALUES (p_log, 1);
END $$;
GRANT SELECT ON entry TO ledger_app;
GRANT UPDATE (container, leaf) ON entry TO ledger_eraser;
GRANT INSERT, DELETE ON follower TO ledger_app;
GRANT SELECT, INSERT ON read_audit TO ledger_app;
"""
CLEAN = {
    "migrations/ledger/0001_record.sql": GOOD,
    "migrations/keys/0001_keys.sql": "CREATE TABLE key (\n    id uuid PRIMARY KEY\n);\n",
    "ledger/sql/entry.sql": "-- One.\nSELECT x.n FROM entry x WHERE x.log = %(log)s\n",
    "ledger/sql/both.sql": "SELECT 1 FROM entry x JOIN log_head AS h ON h.log = x.log "
    "WHERE x.log = 0",
    "projections/sql/some.sql": "INSERT INTO entry AS e (log, n) VALUES (%(log)s, 1)\n",
}
PLANTED: list[tuple[Rule, str, str]] = [
    (schema.order_from_elsewhere, "CREATE TRIGGER t AFTER INSERT ON entry", "a trigger"),
    (schema.order_from_elsewhere, "CREATE CONSTRAINT TRIGGER t", "a trigger"),
    (schema.order_from_elsewhere, "CREATE SEQUENCE s;", "a sequence"),
    (schema.order_from_elsewhere, "CREATE TABLE t (\n n bigserial\n);", "a sequence"),
    (schema.order_from_elsewhere, "SELECT nextval('s');", "a sequence"),
    (
        schema.order_from_elsewhere,
        "CREATE TABLE t (\n n bigint GENERATED ALWAYS AS IDENTITY\n);",
        "an identity column",
    ),
    (schema.order_from_elsewhere, "LOCK TABLE entry IN EXCLUSIVE MODE;", "a table lock"),
    (schema.order_from_elsewhere, "LOCK entry IN SHARE MODE;", "a table lock"),
    (schema.order_from_elsewhere, "NOTIFY somebody;", "a notification"),
    (schema.order_from_elsewhere, "PERFORM pg_notify('a', 'b');", "a notification"),
    (schema.keys_without_log, "CREATE TABLE t (\n n bigint\n);", "t has no primary key"),
    (schema.keys_without_log, "CREATE TABLE t (\n n bigint PRIMARY KEY\n);", "PRIMARY KEY (n"),
    (schema.keys_without_log, "CREATE TABLE t (\n n bigint, PRIMARY KEY (n, log)\n);", "KEY (n"),
    (
        schema.keys_without_log,
        "CREATE TABLE t (\n log int,\n n int UNIQUE,\n PRIMARY KEY (log)\n);",
        "UNIQUE (n",
    ),
    (
        schema.keys_without_log,
        "CREATE TABLE t (\n log int,\n UNIQUE NULLS NOT DISTINCT (n),\n PRIMARY KEY (log)\n);",
        "UNIQUE (n",
    ),
    (
        schema.keys_without_log,
        "CREATE TABLE t (\n log int,\n FOREIGN KEY (n) REFERENCES entry,\n PRIMARY KEY (log)\n);",
        "FOREIGN KEY (n",
    ),
    (
        schema.keys_without_log,
        "CREATE TABLE t (\n log int,\n n int REFERENCES entry,\n PRIMARY KEY (log)\n);",
        "REFERENCES (n",
    ),
    (schema.keys_without_log, "-- Why?\nCREATE INDEX i ON entry (n);", "index i begins with n"),
    (
        schema.keys_without_log,
        "-- Why?\nCREATE UNIQUE INDEX i ON entry USING btree (n, log);",
        "index i begins with n",
    ),
    (schema.unexplained_indexes, "CREATE INDEX i ON entry (log, n);", "0002_more.sql: i"),
    (schema.unexplained_indexes, "-- Why?\n\nCREATE UNIQUE INDEX i\n", "0002_more.sql: i"),
    (schema.statements_without_log, "SELECT 1 FROM entry x WHERE x.n = 1;", "entry"),
    (schema.statements_without_log, "DELETE FROM entry;", "entry"),
    (schema.statements_without_log, "UPDATE log_head h SET size = 1 WHERE h.size = 2;", "log_head"),
    (schema.statements_without_log, "INSERT INTO entry VALUES (1, 2);", "entry"),
    (schema.grants_to_change_the_record, "GRANT INSERT ON entry TO ledger_app;", "INSERT ON entry"),
    (schema.grants_to_change_the_record, "GRANT ALL ON dossier, x TO a;", "ALL ON dossier, x"),
    (
        schema.grants_to_change_the_record,
        "GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO a;",
        "SELECT, UPDATE ON ALL TABLES",
    ),
    (
        schema.grants_to_change_the_record,
        "GRANT UPDATE (container, leaf) ON entry TO ledger_app;",
        "UPDATE (container, leaf) ON entry",
    ),
    (
        schema.grants_to_change_the_record,
        "GRANT UPDATE (container, leaf, n) ON entry TO ledger_eraser;",
        "UPDATE (container, leaf, n) ON entry",
    ),
    (
        schema.grants_to_change_what_was_added,
        "GRANT SELECT, INSERT, UPDATE ON read_audit TO ledger_app;",
        "SELECT, INSERT, UPDATE ON read_audit",
    ),
    (
        schema.grants_to_change_what_was_added,
        "GRANT ALL ON follower, read_audit_chain TO a;",
        "ALL ON follower, read_audit_chain",
    ),
    (
        schema.functions_that_trust_the_search_path,
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';",
        "0002_more.sql: f",
    ),
]
RULES = sorted({rule for rule, *_ in PLANTED}, key=lambda rule: rule.__name__)


@pytest.fixture
def clean_tree(tmp_path: Path) -> Path:
    """A small schema that breaks no rule."""
    for name, text in CLEAN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_finds_nothing_in_a_clean_schema(clean_tree: Path, rule: Rule) -> None:
    assert rule(clean_tree) == []


@pytest.mark.parametrize(
    ("rule", "text", "finding"),
    PLANTED,
    ids=[f"{rule.__name__}-{number}" for number, (rule, *_) in enumerate(PLANTED)],
)
def test_a_rule_finds_what_breaks_it(clean_tree: Path, rule: Rule, text: str, finding: str) -> None:
    (clean_tree / "migrations/ledger/0002_more.sql").write_text(text, encoding="utf-8")

    assert finding in "\n".join(rule(clean_tree))


@pytest.mark.parametrize("folder", schema.STATEMENTS)
def test_statements_are_looked_at_wherever_they_are(clean_tree: Path, folder: str) -> None:
    (clean_tree / folder / "bad.sql").write_text("SELECT 1 FROM entry WHERE n = 1", "utf-8")

    assert schema.statements_without_log(clean_tree) == [f"{folder}/bad.sql: entry"]


def test_every_rule_is_planted() -> None:
    signature = {"root": Path, "return": list[str]}
    found = [each for each in vars(schema).values() if callable(each)]

    rules = {each for each in found if getattr(each, "__annotations__", {}) == signature}

    assert {rule.__name__ for rule in rules} == {rule.__name__ for rule in RULES}
