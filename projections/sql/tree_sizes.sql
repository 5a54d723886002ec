-- The sizes of a log and of its tree.
SELECT h.size AS head, coalesce(t.size, 0) AS size
FROM log_head h
LEFT JOIN LATERAL (
    SELECT x.size FROM tree x WHERE x.log = %(log)s::smallint OFFSET 0) t ON true
WHERE h.log = %(log)s::smallint
