-- The number of a chain's last row.
SELECT a.n FROM read_audit a
WHERE a.log = %(log)s::smallint AND a.chain = %(chain)s ORDER BY a.n DESC LIMIT 1
