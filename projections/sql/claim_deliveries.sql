-- Consumers to whom something is to be delivered, each for whoever asks, and for nobody else before
-- it is given back or its time is over. Times too far ahead were set by a clock that was put back.
WITH due AS (
    SELECT x.client, x.name, t.now
    FROM feed_consumer x, (SELECT ledger_clock() AS now) t
    WHERE x.log = %(log)s::smallint AND x.url IS NOT NULL AND x.disabled_at IS NULL
        AND x.delivered <> %(head)s::text AND (x.failures > 0) = %(failing)s::boolean
        AND (x.due_at <= t.now OR x.due_at > t.now + interval '1 hour')
        AND (x.claimed_until IS NULL OR x.claimed_until <= t.now
            OR x.claimed_until > t.now + interval '1 hour')
    ORDER BY x.due_at LIMIT %(limit)s::bigint
    FOR UPDATE OF x SKIP LOCKED)
UPDATE feed_consumer c
SET claim = gen_random_uuid(), claimed_until = due.now + %(seconds)s::integer * interval '1 second'
FROM due
WHERE c.log = %(log)s::smallint AND c.client = due.client AND c.name = due.name
RETURNING c.client, c.name, c.url, c.purposes, c.delivered, c.claim
