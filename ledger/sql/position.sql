-- The last entry recorded by this moment.
SELECT x.n, x.recorded_at, x.leaf_hash FROM entry x
WHERE x.log = %(log)s::smallint AND x.recorded_at <= %(known_at)s
ORDER BY x.recorded_at DESC, x.n DESC LIMIT 1
