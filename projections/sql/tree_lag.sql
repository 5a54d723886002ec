-- How far the tree and the checkpoints of a log are behind its head: in entries, and by the age of the
-- first entry that no checkpoint covers.
SELECT h.size - coalesce(t.size, 0) AS tree, h.size - c.size AS entries,
    greatest(0, coalesce(extract(epoch FROM ledger_clock() - x.recorded_at), 0))::float8 AS seconds
FROM log_head h
LEFT JOIN LATERAL (
    SELECT y.size FROM tree y WHERE y.log = %(log)s::smallint OFFSET 0) t ON true
CROSS JOIN LATERAL (
    SELECT coalesce(max(y.size), 0) AS size FROM checkpoint y
    WHERE y.log = %(log)s::smallint) c
LEFT JOIN LATERAL (
    SELECT y.recorded_at FROM entry y
    WHERE y.log = %(log)s::smallint AND y.n = c.size + 1 OFFSET 0) x ON true
WHERE h.log = %(log)s::smallint
