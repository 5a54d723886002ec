-- The time stamps over the checkpoints of these sizes.
SELECT x.size, x.evidence
FROM anchor x
WHERE x.log = %(log)s::smallint AND x.size = ANY (%(sizes)s::bigint[]) AND x.kind = 'rfc3161'
    AND x.anchored_at <= %(by)s
ORDER BY x.size, x.anchored_at, x.target
