-- The hashes of ranges [start, end) of leaves, in the order of the ranges; a leaf's index is n - 1.
SELECT r.place::integer AS place, x.hashes
FROM unnest(%(starts)s::bigint[], %(ends)s::bigint[]) WITH ORDINALITY AS r(start, stop, place)
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(e.leaf_hash ORDER BY e.n), '{}') AS hashes FROM entry e
    WHERE e.log = %(log)s::smallint AND e.n > r.start AND e.n <= r.stop OFFSET 0) x
