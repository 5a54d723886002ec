-- The next subjects of the log, in order, with whether they lack a row of this or a later catalogue.
SELECT p.subject, NOT EXISTS (
    SELECT FROM current_basis b
    WHERE b.log = %(log)s::smallint AND b.subject = p.subject AND b.catalogue_n >= %(own_n)s
        AND NOT b.stale
) AS outdated
FROM (
    (SELECT d.subject FROM dossier d
     WHERE d.log = %(log)s::smallint AND d.subject > %(after)s AND d.subject <> %(own)s
     ORDER BY d.subject LIMIT %(limit)s)
    UNION
    (SELECT t.subject FROM tombstone t
     WHERE t.log = %(log)s::smallint AND t.subject > %(after)s
     ORDER BY t.subject LIMIT %(limit)s)
) p
ORDER BY p.subject LIMIT %(limit)s
