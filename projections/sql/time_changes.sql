-- The changes by time of one log from after a number; of an erased person's, that there was one.
SELECT t.m, t.subject, t.noted_at, t.n, e.leaf_hash,
    CASE WHEN d.n IS NULL THEN t.purpose END AS purpose,
    CASE WHEN d.n IS NULL THEN t.effective_at END AS effective_at
FROM time_change t
LEFT JOIN LATERAL (
    SELECT x.leaf_hash FROM entry x
    WHERE x.log = %(log)s::smallint AND x.n = t.n OFFSET 0) e ON true
LEFT JOIN LATERAL (
    SELECT y.n FROM tombstone y
    WHERE y.log = %(log)s::smallint AND y.subject = t.subject OFFSET 0) d ON true
WHERE t.log = %(log)s::smallint AND t.m > %(after)s
ORDER BY t.m LIMIT %(limit)s
