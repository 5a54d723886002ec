-- Consumers of the feed under a name: what each may be told, how far it was told, and how far it
-- says that it has acted. They are the ledger's as a whole: all stand in log 0.

CREATE TABLE feed_consumer (
    log smallint NOT NULL CHECK (log = 0),
    client text NOT NULL,
    name text NOT NULL CHECK (name ~ '^[a-z][a-z-]{0,47}[0-9]{0,2}$'),
    -- Where it is told; null where it pulls.
    url text,
    -- What it may be told of; null is every purpose.
    purposes text[],
    description text,
    -- Whether what was delivered counts as acted on.
    acknowledges text NOT NULL CHECK (acknowledges IN ('delivery', 'explicit')),
    registered_at timestamptz NOT NULL,
    -- Cursors of the feed.
    delivered text NOT NULL,
    acknowledged text NOT NULL,
    acknowledged_at timestamptz,
    -- No attempt before this moment.
    due_at timestamptz NOT NULL,
    -- Attempts since the last that succeeded, and what came of the last one.
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    failure text,
    disabled_at timestamptz,
    disabled_for text CHECK (disabled_for IN ('gone', 'failing')),
    -- Whoever delivers now; without news of it by then, another may.
    claim uuid,
    claimed_until timestamptz,
    PRIMARY KEY (log, client, name),
    CHECK (num_nulls(disabled_at, disabled_for) IN (0, 2))
);

-- What deliveries are signed with, wrapped under the key-encrypting key.
CREATE TABLE feed_secret (
    log smallint NOT NULL CHECK (log = 0),
    client text NOT NULL,
    name text NOT NULL,
    version integer NOT NULL CHECK (version >= 1),
    made_at timestamptz NOT NULL,
    -- Null for the newest.
    ends_at timestamptz,
    kek_id text NOT NULL,
    wrapped bytea NOT NULL,
    -- What it signs is also verified with this, which is no secret: Ed25519.
    public bytea NOT NULL CHECK (octet_length(public) = 32),
    PRIMARY KEY (log, client, name, version)
);

-- What was recorded after this entry that somebody must act on? Every other entry stays out of it.
CREATE INDEX entry_restrictive ON entry (log, n) WHERE name IN (
    'AuthorityEnded', 'AuthorityRestricted', 'BasisEnded', 'CompetenceAssessed',
    'ConsentInvalidated', 'ConsentRefused', 'ConsentWithdrawn', 'DeathRecorded',
    'EqualityOptOutReceived', 'ErasureExecuted', 'KeyDestroyed', 'ObjectionReceived',
    'PolicyDocumentEnded', 'PurposeMateriallyChanged', 'RestrictionApplied',
    'ServiceAgreementEnded', 'StatusEnded');

GRANT SELECT, INSERT, UPDATE, DELETE ON feed_consumer, feed_secret TO ledger_app;
GRANT SELECT ON feed_consumer TO ledger_reader, ledger_auditor;
