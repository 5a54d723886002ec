-- Plans of erasures that are completed.
DELETE FROM erasure x
USING entry e, entry k
WHERE x.log = %(log)s::smallint AND e.log = %(log)s::smallint AND k.log = %(log)s::smallint
    AND e.n = x.n AND k.stream = e.stream AND k.name = 'KeyDestroyed'
    AND k.client = %(client)s AND k.idempotency_key = 'erasure ' || e.event_id
