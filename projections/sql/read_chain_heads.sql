-- Where each chain ends whose last row is not older than this.
SELECT c.chain, t.n
FROM read_audit_chain c
CROSS JOIN LATERAL (
    SELECT a.n, a.id FROM read_audit a
    WHERE a.log = c.log AND a.chain = c.chain ORDER BY a.n DESC LIMIT 1 OFFSET 0) t
WHERE c.log = %(log)s::smallint AND t.id >= %(recent)s
ORDER BY c.chain
