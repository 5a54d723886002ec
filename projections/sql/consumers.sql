-- The consumers of one client, or of every one, by name.
SELECT c.client, c.name, c.url, c.purposes, c.description, c.acknowledges, c.registered_at, c.delivered,
    c.acknowledged, c.acknowledged_at, c.due_at, c.failures, c.failing_since, c.failure,
    c.disabled_at, c.disabled_for
FROM feed_consumer c
WHERE c.log = %(log)s::smallint AND (%(client)s::text IS NULL OR c.client = %(client)s::text)
ORDER BY c.client, c.name
