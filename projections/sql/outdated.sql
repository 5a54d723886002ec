-- The next subjects of the log, in order, without a row of this or a later catalogue, on the
-- law as known from `law_n` on.
SELECT p.subject FROM (
    SELECT d.subject FROM dossier d WHERE d.log = %(log)s::smallint AND d.subject <> %(own)s
    UNION
    SELECT t.subject FROM tombstone t WHERE t.log = %(log)s::smallint
) p
WHERE p.subject > %(after)s
    AND NOT EXISTS (SELECT FROM current_basis b
                    WHERE b.log = %(log)s::smallint AND b.subject = p.subject
                        AND b.catalogue_n >= %(own_n)s AND b.n >= %(law_n)s)
ORDER BY p.subject LIMIT %(limit)s
