-- The checkpoints of these sizes, each with what witnesses had set under it by a moment: of each key
-- the last line, then those that came first.
SELECT c.size, c.note, ARRAY(
    SELECT y.line
    FROM (
        SELECT x.line, x.name, x.key_id,
            row_number() OVER (PARTITION BY x.name, x.key_id ORDER BY x.cosigned_at DESC) AS last,
            row_number() OVER (PARTITION BY x.name, x.key_id ORDER BY x.cosigned_at) AS first
        FROM cosignature x
        WHERE x.log = %(log)s::smallint AND x.size = c.size AND x.received_at <= %(by)s) y
    WHERE 1 IN (y.last, y.first)
    ORDER BY y.last > 1, y.name, y.key_id) AS lines
FROM checkpoint c
WHERE c.log = %(log)s::smallint AND c.size = ANY (%(sizes)s::bigint[])
ORDER BY c.size
