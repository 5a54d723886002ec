-- A consumer is gone, with what was signed for it.
WITH secrets AS (
    DELETE FROM feed_secret s
    WHERE s.log = %(log)s::smallint AND s.client = %(client)s::text AND s.name = %(name)s::text)
DELETE FROM feed_consumer c
WHERE c.log = %(log)s::smallint AND c.client = %(client)s::text AND c.name = %(name)s::text
RETURNING c.client, c.name, c.url, c.purposes, c.description, c.acknowledges, c.registered_at, c.delivered,
    c.acknowledged, c.acknowledged_at, c.due_at, c.failures, c.failing_since, c.failure,
    c.disabled_at, c.disabled_for
