-- Secrets that another key-encrypting key wraps.
SELECT s.client, s.name, s.version, s.ends_at, s.kek_id, s.wrapped, s.public
FROM feed_secret s
WHERE s.log = %(log)s::smallint AND s.kek_id <> %(kek_id)s::text
ORDER BY s.client, s.name, s.version LIMIT 100
