-- How long the log and its changes by time are, the clock, and the entry that a cursor names.
SELECT h.size, h.leaf_hash, coalesce(c.m, 0) AS m, ledger_clock() AS now, e.leaf_hash AS named
FROM log_head h
LEFT JOIN LATERAL (
    SELECT t.m FROM time_change_head t WHERE t.log = %(log)s::smallint OFFSET 0) c ON true
LEFT JOIN LATERAL (
    SELECT x.leaf_hash FROM entry x
    WHERE x.log = %(log)s::smallint AND x.n = %(n)s OFFSET 0) e ON true
WHERE h.log = %(log)s::smallint
