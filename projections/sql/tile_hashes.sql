-- The roots of ranges [start, end) of full tiles of a level, in the order of the ranges.
SELECT r.place::integer AS place, x.hashes
FROM unnest(%(levels)s::smallint[], %(starts)s::bigint[], %(ends)s::bigint[])
    WITH ORDINALITY AS r(level, start, stop, place)
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(t.hash ORDER BY t.idx), '{}') AS hashes FROM tile t
    WHERE t.log = %(log)s::smallint AND t.level = r.level AND t.idx >= r.start AND t.idx < r.stop
    OFFSET 0) x
