-- Checkpoints that nothing outside vouches for, where a later one is itself more than a day old.
DELETE FROM checkpoint c
WHERE c.log = %(log)s::smallint
    AND c.size < (
        SELECT max(x.size) FROM checkpoint x
        WHERE x.log = %(log)s::smallint AND x.signed_at < ledger_clock() - interval '1 day')
    AND NOT EXISTS (
        SELECT FROM cosignature x WHERE x.log = %(log)s::smallint AND x.size = c.size)
    AND NOT EXISTS (SELECT FROM anchor x WHERE x.log = %(log)s::smallint AND x.size = c.size)
RETURNING c.size
