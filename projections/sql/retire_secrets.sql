-- The newest secret ends after so long, where it has no end yet.
UPDATE feed_secret s
SET ends_at = ledger_clock() + %(hours)s::integer * interval '1 hour'
WHERE s.log = %(log)s::smallint AND s.client = %(client)s::text AND s.name = %(name)s::text
    AND (s.ends_at IS NULL OR %(hours)s::integer = 0)
