-- Tiles that the tree does not have yet, and cosignatures of checkpoints that are not kept.
SELECT 'TILE' AS code, min(t.idx << (8 * t.level)) + 1 AS n,
    max((t.idx + 1) << (8 * t.level)) AS last,
    count(*) || ' tiles of level ' || t.level || ' are beyond the tree' AS detail
FROM tile t
WHERE t.log = %(log)s::smallint AND t.idx >= (
    SELECT coalesce(max(x.size), 0) >> (8 * t.level) FROM tree x WHERE x.log = %(log)s::smallint)
GROUP BY t.level
UNION ALL
SELECT 'COSIGNATURE', c.size, c.size, 'a cosignature of a checkpoint that is not kept'
FROM cosignature c
WHERE c.log = %(log)s::smallint AND NOT EXISTS (
    SELECT FROM checkpoint k WHERE k.log = c.log AND k.size = c.size)
