-- The sizes of the log's tree and of the log, where this transaction now holds the tree's lock.
SELECT coalesce(t.size, 0) AS size, h.size AS head
FROM log_head h
LEFT JOIN LATERAL (
    SELECT x.size FROM tree x WHERE x.log = %(log)s::smallint OFFSET 0) t ON true
WHERE h.log = %(log)s::smallint
    AND pg_try_advisory_xact_lock(7235442, %(log)s::integer)
