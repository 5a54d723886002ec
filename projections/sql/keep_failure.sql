-- An attempt that came to nothing, and when the next may be made; at last there is no other.
UPDATE feed_consumer c
SET failures = c.failures + 1, failing_since = coalesce(c.failing_since, o.now),
    failure = %(failure)s::text,
    due_at = o.now + interval '1 second' * %(share)s::float8
        * least(%(delay_max)s::float8, %(delay)s::float8 * 2.0::float8 ^ least(c.failures, 16)),
    claim = NULL, claimed_until = NULL, disabled_for = o.why,
    disabled_at = CASE WHEN o.why IS NOT NULL THEN o.now END
FROM (
    SELECT t.now, CASE WHEN %(gone)s::boolean THEN 'gone'
        WHEN x.failing_since <= t.now - %(disabled_after)s::integer * interval '1 second'
        THEN 'failing' END AS why
    FROM feed_consumer x, (SELECT ledger_clock() AS now) t
    WHERE x.log = %(log)s::smallint AND x.client = %(client)s::text AND x.name = %(name)s::text) o
WHERE c.log = %(log)s::smallint AND c.client = %(client)s::text AND c.name = %(name)s::text
    AND c.claim = %(claim)s::uuid
RETURNING c.disabled_for
