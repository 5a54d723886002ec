-- The entries of one log with these ids.
SELECT x.n, x.stream, x.version, x.name, x.event_id, x.container, x.digests, x.leaf, x.leaf_hash,
    x.recorded_at, x.client
FROM entry x
WHERE x.log = %(log)s::smallint AND x.event_id = ANY (%(ids)s)
