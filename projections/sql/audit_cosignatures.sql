-- The cosignatures of checkpoints of sizes in (start, stop].
SELECT c.size, c.name, c.key_id, timestamptz_send(c.cosigned_at) AS stamp,
    coalesce(c.line, '') AS line
FROM cosignature c
WHERE c.log = %(log)s::smallint AND c.size > %(start)s::bigint AND c.size <= %(stop)s::bigint
ORDER BY c.size, c.cosigned_at
