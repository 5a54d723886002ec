SELECT x.n, x.recorded_at, x.leaf_hash FROM entry x
WHERE x.log = %(log)s::smallint AND x.n = %(n)s
