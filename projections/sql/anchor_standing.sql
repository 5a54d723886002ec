-- The checkpoint signed last, whether this authority has stamped it, and how many seconds ago it
-- stamped any.
SELECT c.size, c.note,
    EXISTS (
        SELECT FROM anchor x
        WHERE x.log = %(log)s::smallint AND x.size = c.size AND x.kind = 'rfc3161'
            AND x.target = %(target)s::text) AS stamped,
    (SELECT extract(epoch FROM ledger_clock() - max(x.anchored_at))::float8 FROM anchor x
     WHERE x.log = %(log)s::smallint AND x.kind = 'rfc3161' AND x.target = %(target)s::text) AS age
FROM checkpoint c
WHERE c.log = %(log)s::smallint
ORDER BY c.size DESC
LIMIT 1
