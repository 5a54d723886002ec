-- How far a follower is behind the head of its log: in entries, and by the age of the first of them.
SELECT h.size - coalesce(f.n, 0) AS entries,
    greatest(0, coalesce(extract(epoch FROM ledger_clock() - x.recorded_at), 0))::float8 AS seconds
FROM log_head h
LEFT JOIN follower f ON f.log = %(log)s::smallint AND f.name = %(name)s
LEFT JOIN entry x ON x.log = %(log)s::smallint AND x.n = coalesce(f.n, 0) + 1
WHERE h.log = %(log)s::smallint
