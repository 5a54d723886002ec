-- The Merkle tree over the leaves of each log, index = n - 1, and what was signed of it.
--
-- Stored are the roots of full tiles alone: the leaf hashes are the entries' own, and every other
-- hash follows from these. Everything here can be computed again from the entries, but for the
-- signatures.

-- How many leaves of the log the tiles take into account.
CREATE TABLE tree (
    log smallint PRIMARY KEY,
    size bigint NOT NULL DEFAULT 0 CHECK (size >= 0)
);

-- The root of the 256^level leaves from idx * 256^level on; level 0 is entry.leaf_hash.
CREATE TABLE tile (
    log smallint NOT NULL,
    level smallint NOT NULL CHECK (level BETWEEN 1 AND 7),
    idx bigint NOT NULL CHECK (idx >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (log, level, idx)
);

-- Signed by the log: c2sp.org/tlog-checkpoint, whole, with the log's own signature lines.
CREATE TABLE checkpoint (
    log smallint NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log, size)
);

-- The keys with which a log has signed, for whoever looks for them: none is trusted for standing here.
CREATE TABLE log_key (
    log smallint NOT NULL,
    vkey text NOT NULL,
    use text NOT NULL CHECK (use IN ('checkpoints', 'receipts')),
    first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log, vkey)
);

-- A witness's signature line over the checkpoint of this size.
CREATE TABLE cosignature (
    log smallint NOT NULL,
    size bigint NOT NULL,
    name text NOT NULL,
    key_id bytea NOT NULL CHECK (octet_length(key_id) = 4),
    cosigned_at timestamptz NOT NULL,
    line text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log, size, name, key_id, cosigned_at)
);
-- What did this witness cosign last?
CREATE INDEX cosignature_of_witness ON cosignature (log, name, key_id, received_at);

-- What a witness said that must never be, with what it was asked: evidence, and the reason why it is
-- not asked again before somebody has settled it.
CREATE TABLE witness_alarm (
    log smallint NOT NULL,
    name text NOT NULL,
    key_id bytea NOT NULL CHECK (octet_length(key_id) = 4),
    raised_at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('rolled-back', 'forked')),
    request bytea NOT NULL,
    code smallint NOT NULL,
    reply bytea NOT NULL,
    settled_at timestamptz,
    PRIMARY KEY (log, name, key_id, raised_at)
);

-- What else holds the checkpoint of this size outside our control, such as a time stamp.
CREATE TABLE anchor (
    log smallint NOT NULL,
    size bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('rfc3161')),
    target text NOT NULL,
    evidence bytea NOT NULL,
    anchored_at timestamptz NOT NULL,
    PRIMARY KEY (log, size, kind, target, anchored_at)
);

-- When a process last took its turn at something that one of them does from time to time.
CREATE TABLE turn (
    log smallint NOT NULL,
    name text NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (log, name)
);

GRANT SELECT ON tree, tile, checkpoint, log_key, cosignature, witness_alarm, anchor, turn
    TO ledger_app, ledger_reader, ledger_auditor;
GRANT INSERT ON tree, tile, checkpoint, log_key, cosignature, witness_alarm, anchor, turn
    TO ledger_app;
GRANT UPDATE (size) ON tree TO ledger_app;
GRANT UPDATE (settled_at) ON witness_alarm TO ledger_app;
GRANT UPDATE (taken_at) ON turn TO ledger_app;
-- Those that nothing outside vouches for are dropped once later ones say more.
GRANT DELETE ON checkpoint TO ledger_app;
