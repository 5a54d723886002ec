-- The key database: wrapped data keys, and blind indexes from identifiers to subjects.
-- It is kept apart from the entries, with backups of its own and a shorter horizon, because
-- destroying a key here is what erases a person there. Nothing here can be read without the
-- key-encrypting key, which is in neither database.

CREATE TABLE subject_key (
    key_id uuid NOT NULL,
    key_version integer NOT NULL CHECK (key_version >= 1),
    subject uuid NOT NULL,
    part text NOT NULL CHECK (part IN ('basis', 'content')),
    -- The purpose whose content the key seals. Null: the basis key, or content for no purpose.
    purpose text CHECK (purpose <> ''),
    kek_id text NOT NULL,
    wrapped bytea,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    -- Closed: opens what it sealed, and seals nothing more, because it is about to be destroyed.
    state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'closed', 'destroyed')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    PRIMARY KEY (key_id, key_version),
    CHECK (part = 'content' OR purpose IS NULL),
    -- The row of a destroyed key stays for ever: an unknown key is an error, not an erasure.
    CHECK ((state = 'destroyed') = (wrapped IS NULL)),
    CHECK ((state = 'destroyed') = (destroyed_at IS NOT NULL))
);

-- One live key for each use. A destroyed basis key keeps its place, so that nothing can ever give
-- an erased person a new one; a closed or destroyed content key makes room for what comes later.
CREATE UNIQUE INDEX subject_key_in_use
    ON subject_key (subject, part, purpose, key_version) NULLS NOT DISTINCT
    WHERE part = 'basis' OR state = 'live';

-- Which keys does this subject have, destroyed ones included?
CREATE INDEX subject_key_of_subject ON subject_key (subject);

-- Which keys are still wrapped under an older key-encrypting key?
CREATE INDEX subject_key_under_kek ON subject_key (kek_id) WHERE state <> 'destroyed';

-- The keys that make identifiers into blind indexes, one for each scheme and version.
CREATE TABLE index_key (
    scheme text NOT NULL CHECK (scheme ~ '^[a-z][a-z0-9_]{0,31}$'),
    index_version integer NOT NULL CHECK (index_version >= 1),
    key_id uuid NOT NULL,
    kek_id text NOT NULL,
    wrapped bytea NOT NULL,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scheme, index_version)
);

-- Key-encrypting keys under which nothing is wrapped any more, and since when: no backup that was
-- made later needs them.
CREATE TABLE kek_retired (
    kek_id text PRIMARY KEY,
    retired_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Room in each page lets resolving a known identifier rewrite its row in place.
CREATE TABLE subject_index (
    scheme text NOT NULL,
    index_version integer NOT NULL,
    blind bytea NOT NULL CHECK (octet_length(blind) = 32),
    subject uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (scheme, index_version, blind),
    FOREIGN KEY (scheme, index_version) REFERENCES index_key
) WITH (fillfactor = 70);

-- Which identifiers lead to this subject, to forget them when the person is erased?
CREATE INDEX subject_index_of_subject ON subject_index (subject);
