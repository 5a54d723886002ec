-- Whoever takes the turn: one process, and not again within so many seconds. A turn that lies ahead
-- was taken by a clock that has been put back since, and counts for nothing.
INSERT INTO turn AS t (log, name, taken_at)
SELECT %(log)s::smallint, %(name)s::text, n.now
FROM (SELECT ledger_clock() AS now) n
-- Where it is not time, nothing is written or locked.
WHERE NOT EXISTS (
    SELECT FROM turn x
    WHERE x.log = %(log)s::smallint AND x.name = %(name)s::text
        AND x.taken_at > n.now - %(seconds)s::integer * interval '1 second'
        AND x.taken_at <= n.now)
ON CONFLICT (log, name) DO UPDATE SET taken_at = excluded.taken_at
WHERE t.taken_at <= excluded.taken_at - %(seconds)s::integer * interval '1 second'
    OR t.taken_at > excluded.taken_at
RETURNING extract(epoch FROM t.taken_at)::bigint AS now
