-- Secrets that have ended are gone, and all but the three newest.
DELETE FROM feed_secret s
WHERE s.log = %(log)s::smallint AND s.client = %(client)s::text AND s.name = %(name)s::text
    AND (s.ends_at <= ledger_clock() OR s.version <= (
        SELECT max(x.version) - 3 FROM feed_secret x
        WHERE x.log = %(log)s::smallint AND x.client = %(client)s::text
            AND x.name = %(name)s::text))
