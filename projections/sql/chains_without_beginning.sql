-- Chains that have rows, and were never begun; each is found by its first row.
WITH RECURSIVE found(chain) AS (
    (SELECT a.chain FROM read_audit a
     WHERE a.log = %(log)s::smallint ORDER BY a.chain, a.n LIMIT 1)
    UNION ALL
    SELECT x.chain FROM found f CROSS JOIN LATERAL (
        SELECT a.chain FROM read_audit a
        WHERE a.log = %(log)s::smallint AND a.chain > f.chain
        ORDER BY a.chain, a.n LIMIT 1 OFFSET 0) x
)
SELECT f.chain FROM found f
WHERE NOT EXISTS (
    SELECT FROM read_audit_chain c WHERE c.log = %(log)s::smallint AND c.chain = f.chain)
ORDER BY f.chain
