-- The feed: changes of a basis that time alone causes, under numbers of their own.
--
-- What is recorded is in the log. A consent that expires, or a birthday, is recorded nowhere:
-- whoever follows the log finds such a change when its time has come, and writes it once.

-- How many of them each log has: the row lock is their sequencer, held to commit.
CREATE TABLE time_change_head (
    log smallint PRIMARY KEY,
    m bigint NOT NULL DEFAULT 0 CHECK (m >= 0)
);

-- What is null together was forgotten, because the person is erased.
CREATE TABLE time_change (
    log smallint NOT NULL,
    -- Without gaps, in the order of commits.
    m bigint NOT NULL CHECK (m >= 1),
    subject uuid NOT NULL,
    purpose text,
    effective_at timestamptz,
    decision_before text,
    live_before text[],
    decision text,
    live text[],
    -- When it was written, by the database's clock, and the last entries taken into account.
    noted_at timestamptz NOT NULL,
    n bigint NOT NULL,
    catalogue_n bigint NOT NULL,
    PRIMARY KEY (log, m),
    CHECK (num_nulls(purpose, effective_at, decision_before, live_before, decision, live) IN (0, 6))
);
-- Is this change written already; and which are about a person who is to be forgotten?
CREATE INDEX time_change_of_subject ON time_change (log, subject, purpose, effective_at);

-- A row of another rule book: no list takes it, but it still says how the person stood, and when
-- that was to change, until it is computed again.
ALTER TABLE current_basis ADD COLUMN stale boolean NOT NULL DEFAULT false;

GRANT SELECT ON time_change, time_change_head TO ledger_app, ledger_reader;
GRANT INSERT, UPDATE ON time_change_head TO ledger_app;
GRANT INSERT ON time_change TO ledger_app;
GRANT UPDATE (purpose, effective_at, decision_before, live_before, decision, live)
    ON time_change TO ledger_app;
