-- The roots of tiles that became full.
INSERT INTO tile (log, level, idx, hash)
SELECT %(log)s::smallint, %(level)s::smallint, t.idx, t.hash
FROM unnest(%(indices)s::bigint[], %(hashes)s::bytea[]) AS t(idx, hash)
