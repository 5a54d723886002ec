-- The record: append-only logs of entries, and for each stream the dossier that answers read.
--
-- `log` leads every key, so that a distributed PostgreSQL takes this schema unchanged. There is no
-- trigger, no sequence and no table lock: a log's row in log_head is its sequencer, and what may be
-- changed at all is decided by GRANT.

-- Which ledger this is; fixed when it is created.
CREATE TABLE ledger_identity (
    log smallint PRIMARY KEY CHECK (log = 0),
    origin text NOT NULL CHECK (origin ~ '^[!#-*,-\[\]-~]+$'),
    logs smallint NOT NULL CHECK (logs BETWEEN 1 AND 1024),
    -- The ledger's own stream in log 0: entries about no one person.
    stream uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE log_head (
    log smallint PRIMARY KEY,
    origin text NOT NULL,
    size bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    recorded_at timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00+00',
    -- The hash of the last leaf; null while the log is empty.
    leaf_hash bytea
) WITH (fillfactor = 10);

-- What a leaf is made of has only values that a leaf may have: a bad one could never be verified.
CREATE TABLE entry (
    log smallint NOT NULL,
    n bigint NOT NULL CHECK (n >= 1),
    stream uuid NOT NULL CHECK (get_byte(uuid_send(stream), 6) >> 4 = 4),
    version bigint NOT NULL CHECK (version BETWEEN 1 AND 9007199254740991),
    name text NOT NULL CHECK (name ~ '^[A-Za-z][A-Za-z0-9._]{0,63}$'),
    event_id uuid NOT NULL CHECK (get_byte(uuid_send(event_id), 6) >> 4 = 7),
    container bytea NOT NULL,
    digests bytea NOT NULL,
    leaf bytea NOT NULL CHECK (octet_length(leaf) <= 4096),
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    recorded_at timestamptz NOT NULL,
    client text NOT NULL CHECK (char_length(client) BETWEEN 1 AND 255),
    idempotency_key text NOT NULL CHECK (char_length(idempotency_key) BETWEEN 1 AND 255),
    PRIMARY KEY (log, n)
);
-- What is in this stream, in order; and has somebody else written this version?
CREATE UNIQUE INDEX entry_of_stream ON entry (log, stream, version);
-- Is this event recorded, and where?
CREATE UNIQUE INDEX entry_of_event ON entry (log, event_id);
-- Which was the last entry recorded by this moment?
CREATE INDEX entry_recorded ON entry (log, recorded_at, n);

-- All a question needs of one stream: one row, read by primary key.
CREATE TABLE dossier (
    log smallint NOT NULL,
    subject uuid NOT NULL,
    version bigint NOT NULL,
    head bytea NOT NULL,
    n bigint[] NOT NULL,
    recorded_at timestamptz[] NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (log, subject)
);

-- Requests that were accepted: the response to a repeated one is rebuilt from the entries.
CREATE TABLE idempotency (
    log smallint NOT NULL,
    client text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    first_n bigint NOT NULL,
    last_n bigint NOT NULL,
    PRIMARY KEY (log, client, key)
);

-- Persons whose keys are destroyed: every question about them is denied, at any known_at.
CREATE TABLE tombstone (
    log smallint NOT NULL,
    subject uuid NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (log, subject)
);

-- The basis of each known person and purpose as last computed: for lists and counts, never checks.
CREATE TABLE current_basis (
    log smallint NOT NULL,
    subject uuid NOT NULL,
    purpose text NOT NULL,
    decision text NOT NULL,
    live text[] NOT NULL,
    flags text[] NOT NULL,
    since timestamptz NOT NULL,
    next_change_at timestamptz,
    n bigint NOT NULL,
    catalogue_n bigint NOT NULL,
    PRIMARY KEY (log, subject, purpose)
);
-- Who is permitted, limited or denied for this purpose?
CREATE INDEX current_basis_of_purpose ON current_basis (log, purpose, decision, subject);
-- Which rows does the mere passing of time make stale?
CREATE INDEX current_basis_due ON current_basis (log, next_change_at) WHERE next_change_at IS NOT NULL;

-- How far each follower of a log has come.
CREATE TABLE follower (
    log smallint NOT NULL,
    name text NOT NULL,
    n bigint NOT NULL DEFAULT 0,
    catalogue_n bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (log, name)
);
