"""The statements of the key database, named for what they do; `keys` runs them.

Its tables, and what their indexes are for, are in `migrations/keys`. Every statement is written for
READ COMMITTED: after waiting for another transaction it sees what that one did.
"""

from typing import LiteralString

BASIS_KEYS: LiteralString = """
SELECT DISTINCT ON (subject) key_id, key_version, subject, kek_id, wrapped, fingerprint
FROM subject_key
WHERE subject = ANY(%(subjects)s) AND part = 'basis'
ORDER BY subject, key_version DESC
"""

# In order of subject: two creators of the same keys wait for one another, and never in a circle.
CREATE_BASIS_KEYS: LiteralString = """
INSERT INTO subject_key (key_id, key_version, subject, part, kek_id, wrapped, fingerprint)
SELECT new.key_id, 1, new.subject, 'basis', %(kek_id)s, new.wrapped, new.fingerprint
FROM unnest(%(key_ids)s::uuid[], %(subjects)s::uuid[], %(wrapped)s::bytea[],
            %(fingerprints)s::bytea[]) AS new (key_id, subject, wrapped, fingerprint)
ORDER BY new.subject
ON CONFLICT DO NOTHING
"""

CONTENT_KEY: LiteralString = """
SELECT key_id, key_version, subject, kek_id, wrapped, fingerprint
FROM subject_key
WHERE subject = %(subject)s AND part = 'content' AND purpose IS NOT DISTINCT FROM %(purpose)s
  AND (state <> 'closed' OR NOT %(create)s)
ORDER BY (state = 'live') DESC, (state = 'closed') DESC, created_at DESC, key_version DESC
LIMIT 1
"""

# The lock on the basis key makes this wait for an erasure of the person, and the erasure for this:
# nobody is given a key after being erased.
CREATE_CONTENT_KEY: LiteralString = """
INSERT INTO subject_key (key_id, key_version, subject, part, purpose, kek_id, wrapped, fingerprint)
SELECT %(key_id)s, 1, basis.subject, 'content', %(purpose)s, %(kek_id)s, %(wrapped)s,
       %(fingerprint)s
FROM (SELECT subject FROM subject_key
      WHERE subject = %(subject)s AND part = 'basis' AND state = 'live'
      LIMIT 1 FOR SHARE) AS basis
ON CONFLICT DO NOTHING
"""

# The live content keys of many uses at once.
CONTENT_KEYS: LiteralString = """
SELECT key.key_id, key.key_version, wanted.subject, wanted.purpose, key.kek_id, key.wrapped,
       key.fingerprint
FROM unnest(%(subjects)s::uuid[], %(purposes)s::text[]) AS wanted (subject, purpose)
CROSS JOIN LATERAL (
    SELECT key_id, key_version, kek_id, wrapped, fingerprint FROM subject_key
    WHERE subject = wanted.subject AND part = 'content'
      AND purpose IS NOT DISTINCT FROM wanted.purpose AND state = 'live'
    ORDER BY key_version DESC LIMIT 1
) AS key
"""

# As for one, but whoever is being erased is passed over: nobody else waits for that. In order, as
# two creators of the same keys wait for one another.
CREATE_CONTENT_KEYS: LiteralString = """
INSERT INTO subject_key (key_id, key_version, subject, part, purpose, kek_id, wrapped, fingerprint)
SELECT new.key_id, 1, new.subject, 'content', new.purpose, %(kek_id)s, new.wrapped, new.fingerprint
FROM unnest(%(key_ids)s::uuid[], %(subjects)s::uuid[], %(purposes)s::text[], %(wrapped)s::bytea[],
            %(fingerprints)s::bytea[]) AS new (key_id, subject, purpose, wrapped, fingerprint)
CROSS JOIN LATERAL (
    SELECT subject FROM subject_key
    WHERE subject = new.subject AND part = 'basis' AND state = 'live'
    LIMIT 1 FOR SHARE SKIP LOCKED
) AS basis
ORDER BY new.subject, new.purpose
ON CONFLICT DO NOTHING
"""

KEYS_BY_ID: LiteralString = """
SELECT key_id, key_version, subject, kek_id, wrapped, fingerprint
FROM subject_key
JOIN unnest(%(key_ids)s::uuid[], %(versions)s::integer[]) AS wanted (key_id, key_version)
USING (key_id, key_version)
"""

LOCK_BASIS_KEY: LiteralString = """
SELECT key_id FROM subject_key WHERE subject = %(subject)s AND part = 'basis' FOR UPDATE
"""

DESTROY: LiteralString = """
UPDATE subject_key SET wrapped = NULL, state = 'destroyed', destroyed_at = clock_timestamp()
WHERE subject = %(subject)s AND state <> 'destroyed'
"""

TOMBSTONES: LiteralString = """
SELECT key_id, key_version, subject, kek_id, wrapped, fingerprint
FROM subject_key
WHERE subject = %(subject)s AND state = 'destroyed'
ORDER BY created_at, key_id, key_version
"""

CLOSE_CONTENT: LiteralString = """
UPDATE subject_key SET state = 'closed'
WHERE subject = %(subject)s AND state = 'live' AND part = 'content' AND purpose = %(purpose)s
"""

CLOSED: LiteralString = """
SELECT key_id, key_version, subject, kek_id, wrapped, fingerprint
FROM subject_key
WHERE subject = %(subject)s AND state = 'closed' AND part = 'content' AND purpose = %(purpose)s
ORDER BY created_at, key_id, key_version
"""

DESTROY_NAMED: LiteralString = """
UPDATE subject_key SET wrapped = NULL, state = 'destroyed', destroyed_at = clock_timestamp()
WHERE key_id = ANY(%(key_ids)s) AND state <> 'destroyed'
"""

NAMED: LiteralString = """
SELECT key_id, key_version, subject, kek_id, wrapped, fingerprint, part
FROM subject_key WHERE key_id = ANY(%(key_ids)s)
ORDER BY created_at, key_id, key_version
"""

ALL_OF_SUBJECTS: LiteralString = """
SELECT key_id, key_version, subject, kek_id, wrapped, fingerprint, part
FROM subject_key WHERE subject = ANY(%(subjects)s) AND state <> 'destroyed'
ORDER BY created_at, key_id, key_version
"""

UNDER_KEK: LiteralString = """
SELECT kek_id, count(*) AS keys FROM (
    SELECT kek_id FROM subject_key WHERE state <> 'destroyed'
    UNION ALL SELECT kek_id FROM index_key
) AS held GROUP BY kek_id ORDER BY kek_id
"""

RETIRE: LiteralString = """
INSERT INTO kek_retired (kek_id) SELECT unnest(%(kek_ids)s::text[]) ON CONFLICT DO NOTHING
"""

RETIRED: LiteralString = "SELECT kek_id, retired_at FROM kek_retired"

FORGET_IDENTIFIERS: LiteralString = "DELETE FROM subject_index WHERE subject = %(subject)s"

INDEX_KEY: LiteralString = """
SELECT key_id, index_version AS key_version, NULL::uuid AS subject, kek_id, wrapped, fingerprint
FROM index_key WHERE scheme = %(scheme)s
ORDER BY index_version DESC LIMIT 1
"""

CREATE_INDEX_KEY: LiteralString = """
INSERT INTO index_key (scheme, index_version, key_id, kek_id, wrapped, fingerprint)
VALUES (%(scheme)s, 1, %(key_id)s, %(kek_id)s, %(wrapped)s, %(fingerprint)s)
ON CONFLICT DO NOTHING
"""

# A known identifier is written back as it was: one statement either way, one commit either way,
# and a creator that comes second waits for the first and returns the same subject.
RESOLVE: LiteralString = """
INSERT INTO subject_index (scheme, index_version, blind, subject)
VALUES (%(scheme)s, %(index_version)s, %(blind)s, %(subject)s)
ON CONFLICT (scheme, index_version, blind) DO UPDATE SET subject = subject_index.subject
RETURNING subject
"""

UNDER_OLDER_KEK: tuple[tuple[LiteralString, LiteralString], ...] = (
    (
        """
        SELECT key_id, key_version, subject, kek_id, wrapped, fingerprint FROM subject_key
        WHERE state <> 'destroyed' AND kek_id <> %(kek_id)s LIMIT %(rows)s FOR UPDATE
        """,
        """
        UPDATE subject_key AS old SET kek_id = %(kek_id)s, wrapped = new.wrapped
        FROM unnest(%(key_ids)s::uuid[], %(versions)s::integer[], %(wrapped)s::bytea[])
             AS new (key_id, key_version, wrapped)
        WHERE (old.key_id, old.key_version) = (new.key_id, new.key_version)
        """,
    ),
    (
        """
        SELECT key_id, index_version AS key_version, kek_id, wrapped, fingerprint FROM index_key
        WHERE kek_id <> %(kek_id)s LIMIT %(rows)s FOR UPDATE
        """,
        """
        UPDATE index_key AS old SET kek_id = %(kek_id)s, wrapped = new.wrapped
        FROM unnest(%(key_ids)s::uuid[], %(versions)s::integer[], %(wrapped)s::bytea[])
             AS new (key_id, key_version, wrapped)
        WHERE (old.key_id, old.index_version) = (new.key_id, new.key_version)
        """,
    ),
)
