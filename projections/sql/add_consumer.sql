-- A consumer, where there is none of this name and the client does not have as many as it may.
INSERT INTO feed_consumer AS c (log, client, name, url, purposes, description, acknowledges,
    registered_at, delivered, acknowledged, due_at)
SELECT %(log)s::smallint, %(client)s::text, %(name)s::text, %(url)s::text, %(purposes)s::text[],
    %(description)s::text, %(acknowledges)s::text, t.now, %(start)s::text, %(start)s::text, t.now
FROM (SELECT ledger_clock() AS now) t
WHERE (SELECT count(*) FROM feed_consumer x
    WHERE x.log = %(log)s::smallint AND x.client = %(client)s::text) < %(most)s::bigint
ON CONFLICT (log, client, name) DO NOTHING
RETURNING c.client, c.name, c.url, c.purposes, c.description, c.acknowledges, c.registered_at, c.delivered,
    c.acknowledged, c.acknowledged_at, c.due_at, c.failures, c.failing_since, c.failure,
    c.disabled_at, c.disabled_for
