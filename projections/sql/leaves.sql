-- Leaves of the log in order, as far as a checkpoint covers them; one that was emptied has its hash.
SELECT e.n, e.leaf, e.leaf_hash
FROM entry e
WHERE e.log = %(log)s::smallint AND e.n > %(start)s::bigint AND e.n <= %(end)s::bigint
ORDER BY e.n
