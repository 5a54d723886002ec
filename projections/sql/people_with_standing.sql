-- The subjects of one log after another one, in order, with how they stand for one purpose where the
-- row that says so holds at the pinned position and moment; `decision` is null where none does.
-- Rows that hold and are not of the wanted decision and line are left out.
SELECT p.subject, p.first_n,
    CASE WHEN held.holds THEN b.decision END AS decision,
    CASE WHEN held.holds THEN b.live END AS live
FROM (
    SELECT d.subject, d.n[1] AS first_n, d.n[array_upper(d.n, 1)] AS last_n FROM dossier d
    WHERE d.log = %(log)s::smallint AND d.subject > %(after)s AND d.subject <> %(own)s
    UNION ALL
    SELECT t.subject, NULL, NULL FROM tombstone t
    WHERE t.log = %(log)s::smallint AND t.subject > %(after)s
        AND NOT EXISTS (SELECT FROM dossier x WHERE x.log = t.log AND x.subject = t.subject)
) p
LEFT JOIN current_basis b
    ON b.log = %(log)s::smallint AND b.subject = p.subject AND b.purpose = %(purpose)s
LEFT JOIN tombstone t ON t.log = %(log)s::smallint AND t.subject = p.subject
CROSS JOIN LATERAL (
    SELECT coalesce(
        p.last_n <= least(b.n, %(n)s) AND (t.n IS NULL OR b.decision = 'DENY') AND b.n >= %(law_n)s
        AND b.catalogue_n = %(catalogue_n)s
        AND b.since <= %(effective_at)s
        AND (b.next_change_at IS NULL OR b.next_change_at > %(effective_at)s)
        AND EXISTS (SELECT FROM follower f
                    WHERE f.log = %(log)s::smallint AND f.name = %(follower)s), false) AS holds
) held
WHERE NOT held.holds
    OR ((%(decision)s::text IS NULL OR b.decision = %(decision)s)
        AND (%(live)s::text IS NULL OR %(live)s = ANY (b.live)))
ORDER BY p.subject LIMIT %(limit)s
