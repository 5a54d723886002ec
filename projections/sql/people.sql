-- The subjects of one log after another one, in order: everyone who has a dossier or a tombstone,
-- with the places of their first and last entries (null where only the tombstone is left).
SELECT p.subject, p.first_n, p.last_n FROM (
    (SELECT d.subject, d.n[1] AS first_n, d.n[array_upper(d.n, 1)] AS last_n FROM dossier d
     WHERE d.log = %(log)s::smallint AND d.subject > %(after)s AND d.subject <> %(own)s
     ORDER BY d.subject LIMIT %(limit)s)
    UNION ALL
    (SELECT t.subject, NULL, NULL FROM tombstone t
     WHERE t.log = %(log)s::smallint AND t.subject > %(after)s
         AND NOT EXISTS (SELECT FROM dossier x WHERE x.log = t.log AND x.subject = t.subject)
     ORDER BY t.subject LIMIT %(limit)s)
) p
ORDER BY p.subject LIMIT %(limit)s
