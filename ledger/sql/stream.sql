-- The entries of one stream, in order, from after a version.
SELECT x.n, x.stream, x.version, x.name, x.event_id, x.container, x.digests, x.leaf, x.leaf_hash,
    x.recorded_at, x.client
FROM entry x
WHERE x.log = %(log)s::smallint AND x.stream = %(stream)s AND x.version > %(after)s
    AND x.version <= %(until)s
ORDER BY x.version LIMIT %(limit)s
