-- What deliveries to a consumer are signed with now, the newest first.
SELECT s.client, s.name, s.version, s.ends_at, s.kek_id, s.wrapped, s.public
FROM feed_secret s
WHERE s.log = %(log)s::smallint AND s.client = %(client)s::text AND s.name = %(name)s::text
    AND (s.ends_at IS NULL OR s.ends_at > ledger_clock())
ORDER BY s.version DESC
