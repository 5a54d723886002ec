-- Was this request accepted before, and as which entries?
SELECT k.fingerprint, x.n, x.stream, x.version, x.name, x.event_id, x.recorded_at, x.leaf,
    x.leaf_hash
FROM idempotency k
JOIN entry x ON x.log = k.log AND x.n BETWEEN k.first_n AND k.last_n
WHERE k.log = %(log)s::smallint AND k.client = %(client)s AND k.key = %(key)s
ORDER BY x.n
