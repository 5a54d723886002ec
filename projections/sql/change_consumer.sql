-- A consumer as registered anew: whoever delivers to it at the moment must take it up again.
UPDATE feed_consumer c
SET url = %(url)s::text, purposes = %(purposes)s::text[], description = %(description)s::text,
    acknowledges = %(acknowledges)s::text, acknowledged = %(acknowledged)s::text,
    due_at = ledger_clock(), failures = 0, failing_since = NULL, failure = NULL,
    disabled_at = NULL, disabled_for = NULL, claim = NULL, claimed_until = NULL
WHERE c.log = %(log)s::smallint AND c.client = %(client)s::text AND c.name = %(name)s::text
RETURNING c.client, c.name, c.url, c.purposes, c.description, c.acknowledges, c.registered_at, c.delivered,
    c.acknowledged, c.acknowledged_at, c.due_at, c.failures, c.failing_since, c.failure,
    c.disabled_at, c.disabled_for
