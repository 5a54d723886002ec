-- The last entry of the stream recorded by this moment.
SELECT x.n, x.recorded_at, x.leaf_hash FROM entry x
WHERE x.log = %(log)s::smallint AND x.stream = %(stream)s AND x.recorded_at <= %(known_at)s
ORDER BY x.version DESC LIMIT 1
