-- Sizes that witnesses have cosigned, the largest first, each with the keys that did.
SELECT x.size, array_agg(DISTINCT x.name || '+' || encode(x.key_id, 'hex')) AS keys
FROM cosignature x
WHERE x.log = %(log)s::smallint AND x.size < %(before)s::bigint
GROUP BY x.size
ORDER BY x.size DESC
LIMIT %(limit)s::integer
