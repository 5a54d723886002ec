-- How far a consumer has acted, unless that was changed since it was looked at.
UPDATE feed_consumer c
SET acknowledged = %(acknowledged)s::text, acknowledged_at = ledger_clock()
WHERE c.log = %(log)s::smallint AND c.client = %(client)s::text AND c.name = %(name)s::text
    AND c.acknowledged = %(was)s::text
RETURNING c.client, c.name, c.url, c.purposes, c.description, c.acknowledges, c.registered_at, c.delivered,
    c.acknowledged, c.acknowledged_at, c.due_at, c.failures, c.failing_since, c.failure,
    c.disabled_at, c.disabled_for
