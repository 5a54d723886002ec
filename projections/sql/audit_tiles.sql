-- The stored hashes [start, stop) of a level.
SELECT t.idx, coalesce(t.hash, '') FROM tile t
WHERE t.log = %(log)s::smallint AND t.level = %(level)s::smallint
    AND t.idx >= %(start)s::bigint AND t.idx < %(stop)s::bigint
