-- How a log and one of its witnesses stand: the sizes of log and tree, the checkpoint signed last,
-- what the witness cosigned last and how many seconds ago, and how many alarms nobody has settled.
SELECT h.size AS head, coalesce(t.size, 0) AS tree, c.note, coalesce(c.size, 0) AS size,
    coalesce(w.size, 0) AS seen, w.age, a.alarms
FROM log_head h
LEFT JOIN LATERAL (
    SELECT x.size FROM tree x WHERE x.log = %(log)s::smallint OFFSET 0) t ON true
LEFT JOIN LATERAL (
    SELECT x.size, x.note FROM checkpoint x
    WHERE x.log = %(log)s::smallint ORDER BY x.size DESC LIMIT 1) c ON true
LEFT JOIN LATERAL (
    SELECT x.size, extract(epoch FROM ledger_clock() - x.received_at)::float8 AS age
    FROM cosignature x
    WHERE x.log = %(log)s::smallint AND x.name = %(name)s::text AND x.key_id = %(key_id)s::bytea
    ORDER BY x.received_at DESC LIMIT 1) w ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS alarms FROM witness_alarm x
    WHERE x.log = %(log)s::smallint AND x.name = %(name)s::text AND x.key_id = %(key_id)s::bytea
        AND x.settled_at IS NULL) a
WHERE h.log = %(log)s::smallint
