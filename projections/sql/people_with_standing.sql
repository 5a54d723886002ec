-- The next subjects of one log, in order, with how they stand for one purpose, where the row that
-- says so holds at the pinned position and moment; `decision` is null where none does. Rows that
-- hold and are not of the wanted decision and line are left out, all but the last: from it, the
-- list goes on.
WITH people AS MATERIALIZED (
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
), standing AS (
    SELECT p.subject, p.first_n, b.decision, b.live,
        lead(p.subject) OVER (ORDER BY p.subject) IS NULL AS last,
        coalesce(
            p.last_n <= least(b.n, %(n)s) AND (t.n IS NULL OR b.decision = 'DENY')
            AND b.catalogue_n = %(catalogue_n)s AND NOT b.stale AND b.since <= %(effective_at)s
            AND (b.next_change_at IS NULL OR b.next_change_at > %(effective_at)s)
            AND EXISTS (SELECT FROM follower f
                        WHERE f.log = %(log)s::smallint AND f.name = %(follower)s), false) AS holds
    FROM people p
    LEFT JOIN LATERAL (
        SELECT x.decision, x.live, x.since, x.next_change_at, x.n, x.catalogue_n, x.stale
        FROM current_basis x
        WHERE x.log = %(log)s::smallint AND x.subject = p.subject AND x.purpose = %(purpose)s
        OFFSET 0) b ON true
    LEFT JOIN LATERAL (
        SELECT y.n FROM tombstone y
        WHERE y.log = %(log)s::smallint AND y.subject = p.subject OFFSET 0) t ON true
)
SELECT s.subject, s.first_n,
    CASE WHEN s.holds THEN s.decision END AS decision, CASE WHEN s.holds THEN s.live END AS live
FROM standing s
WHERE s.last OR NOT s.holds
    OR ((%(decision)s::text IS NULL OR s.decision = %(decision)s)
        AND (%(live)s::text IS NULL OR %(live)s = ANY (s.live)))
ORDER BY s.subject
