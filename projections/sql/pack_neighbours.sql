-- Around each of these leaves the trees that somebody outside saw: the last one without it, and the
-- first one with it, by a witness and by a time stamp.
SELECT DISTINCT y.size
FROM unnest(%(indices)s::bigint[]) AS i(leaf)
CROSS JOIN LATERAL (
    (SELECT x.size FROM cosignature x
        WHERE x.log = %(log)s::smallint AND x.size <= i.leaf AND x.received_at <= %(by)s
        ORDER BY x.size DESC LIMIT 1)
    UNION ALL
    (SELECT x.size FROM cosignature x
        WHERE x.log = %(log)s::smallint AND x.size > i.leaf AND x.size <= %(head)s::bigint
            AND x.received_at <= %(by)s
        ORDER BY x.size LIMIT 1)
    UNION ALL
    (SELECT x.size FROM anchor x
        WHERE x.log = %(log)s::smallint AND x.size <= i.leaf AND x.anchored_at <= %(by)s
        ORDER BY x.size DESC LIMIT 1)
    UNION ALL
    (SELECT x.size FROM anchor x
        WHERE x.log = %(log)s::smallint AND x.size > i.leaf AND x.size <= %(head)s::bigint
            AND x.anchored_at <= %(by)s
        ORDER BY x.size LIMIT 1)) y
ORDER BY y.size
