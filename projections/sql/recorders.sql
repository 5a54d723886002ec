-- Which client recorded each of these entries of one log.
SELECT x.n, x.client, x.leaf_hash FROM entry x
WHERE x.log = %(log)s::smallint AND x.n = ANY(%(ns)s::bigint[])
