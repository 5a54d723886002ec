-- A consumer may be taken up by anybody again, after so many seconds.
UPDATE feed_consumer c
SET claim = NULL, claimed_until = NULL,
    due_at = ledger_clock() + %(delay)s::float8 * interval '1 second'
WHERE c.log = %(log)s::smallint AND c.client = %(client)s::text AND c.name = %(name)s::text
    AND c.claim = %(claim)s::uuid
