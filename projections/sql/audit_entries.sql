-- What the leaves (start, stop] of a log say and are made of, in order; no column is null here.
SELECT e.n, coalesce(e.stream::text, ''), coalesce(e.version, 0), coalesce(e.name, ''),
    coalesce(e.event_id::text, ''), coalesce(e.digests, ''), coalesce(e.leaf, ''),
    coalesce(e.leaf_hash, ''), coalesce(timestamptz_send(e.recorded_at), '')
FROM entry e
WHERE e.log = %(log)s::smallint AND e.n > %(start)s::bigint AND e.n <= %(stop)s::bigint
ORDER BY e.n
