-- The entries of one log, in order, from after a position.
SELECT x.n, x.stream, x.version, x.name, x.event_id, x.container, x.digests, x.leaf, x.leaf_hash,
    x.recorded_at, x.client
FROM entry x
WHERE x.log = %(log)s::smallint AND x.n > %(after)s AND x.n <= %(until)s
ORDER BY x.n LIMIT %(limit)s
