-- The first entries of each of these streams, in order.
SELECT x.n, x.stream, x.version, x.name, x.event_id, x.container, x.digests, x.leaf, x.leaf_hash,
    x.recorded_at, x.client
FROM unnest(%(streams)s::uuid[]) WITH ORDINALITY AS s(stream, i)
CROSS JOIN LATERAL (
    SELECT y.* FROM entry y
    WHERE y.log = %(log)s::smallint AND y.stream = s.stream
    ORDER BY y.version LIMIT %(limit)s OFFSET 0) x
ORDER BY s.i, x.version
