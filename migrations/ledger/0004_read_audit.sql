-- The read audit: who was told what about whom, when, and for what stated reason.
--
-- Each process writes chains of its own, so that processes never wait for one another: a row's
-- hash is over every other column of it and the hash of the row before (ops/docs/record.md says
-- how). Rows are added and never changed: that is decided by GRANT.

-- A chain begins here, so that one that is taken away whole leaves a trace.
CREATE TABLE read_audit_chain (
    log smallint NOT NULL,
    chain uuid NOT NULL,
    -- Random, one a start of the service: its chains, one a log, have it in common.
    process uuid NOT NULL,
    started_at timestamptz NOT NULL,
    PRIMARY KEY (log, chain)
);

CREATE TABLE read_audit (
    log smallint NOT NULL,
    chain uuid NOT NULL,
    -- Without gaps, from 1.
    n bigint NOT NULL CHECK (n BETWEEN 1 AND 9007199254740991),
    -- Given back to the caller; its time is that of answered_at.
    id uuid NOT NULL CHECK (get_byte(uuid_send(id), 6) >> 4 = 7),
    -- The id of the first row of the same request.
    request uuid NOT NULL,
    -- The database's clock when that was read on which the answer rests.
    answered_at timestamptz NOT NULL,
    client text NOT NULL,
    reason text,
    on_behalf_of text,
    trace text CHECK (trace ~ '^[0-9a-f]{32}$'),
    kind text NOT NULL CHECK (kind ~ '^[A-Z][A-Z_]{0,31}$'),
    -- Null where nobody was on the list that was answered.
    subject uuid,
    purpose text,
    -- The rest of the question, as canonical JSON.
    question text NOT NULL,
    position text,
    catalogue text,
    rulebook text,
    effective_at timestamptz,
    known_at timestamptz,
    decision text,
    -- SHA-256 of the answer with every step of its trace, or of what was answered in its place.
    answer_digest bytea NOT NULL CHECK (octet_length(answer_digest) = 32),
    -- The answer itself where that was asked for, sealed under the subject's key.
    stored bytea,
    prev bytea NOT NULL CHECK (octet_length(prev) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (log, chain, n)
);
-- Which row is meant; and who looked at anybody, in the order of time?
CREATE UNIQUE INDEX read_audit_of_id ON read_audit (log, id);
-- Who looked at this person, and when?
CREATE INDEX read_audit_of_subject ON read_audit (log, subject, id);
-- At whom did this client look, and when?
CREATE INDEX read_audit_of_client ON read_audit (log, client, id);

GRANT SELECT, INSERT ON read_audit, read_audit_chain TO ledger_app;
GRANT SELECT ON read_audit, read_audit_chain TO ledger_auditor;
