-- The erasures of the log that are recorded, and not that they were completed.
SELECT x.n, x.stream, x.version, x.name, x.event_id, x.container, x.digests, x.leaf, x.leaf_hash,
    x.recorded_at, x.client
FROM entry x
WHERE x.log = %(log)s::smallint AND x.name = 'ErasureExecuted' AND NOT EXISTS (
    SELECT FROM entry k
    WHERE k.log = %(log)s::smallint AND k.stream = x.stream AND k.name = 'KeyDestroyed'
        AND k.client = %(client)s AND k.idempotency_key = 'erasure ' || x.event_id)
ORDER BY x.n
