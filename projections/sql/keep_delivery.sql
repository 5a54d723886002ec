-- How far a consumer was told, by whoever still delivers to it.
UPDATE feed_consumer c
SET delivered = %(delivered)s::text, failures = 0, failing_since = NULL, failure = NULL,
    due_at = t.now, claimed_until = t.now + %(seconds)s::integer * interval '1 second'
FROM (SELECT ledger_clock() AS now) t
WHERE c.log = %(log)s::smallint AND c.client = %(client)s::text AND c.name = %(name)s::text
    AND c.claim = %(claim)s::uuid
RETURNING c.name
