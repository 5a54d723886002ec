-- The checkpoints of sizes in (start, stop].
SELECT c.size, coalesce(c.root, '') AS root, coalesce(c.note, '') AS note FROM checkpoint c
WHERE c.log = %(log)s::smallint AND c.size > %(start)s::bigint AND c.size <= %(stop)s::bigint
ORDER BY c.size
