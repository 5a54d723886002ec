-- The next kept rows for one purpose in order of subject, of one decision or of all; and among them
-- whoever has to be computed: `decision` is null there. Those are the `unsettled`, the erased whose
-- row does not say that they are denied, and whoever's row does not hold. Rows without the wanted
-- line are left out, all but the last: from it, the list goes on. A branch a decision, so that each
-- is read in order of the index.
WITH page AS MATERIALIZED (
    SELECT p.* FROM (
        (SELECT a.* FROM current_basis a
         WHERE a.log = %(log)s::smallint AND a.purpose = %(purpose)s
             AND a.decision = 'PERMIT' AND a.subject > %(after)s
             AND coalesce(%(decision)s::text, 'PERMIT') = 'PERMIT'
         ORDER BY a.subject)
        UNION ALL
        (SELECT b.* FROM current_basis b
         WHERE b.log = %(log)s::smallint AND b.purpose = %(purpose)s
             AND b.decision = 'PERMIT_LIMITED' AND b.subject > %(after)s
             AND coalesce(%(decision)s::text, 'PERMIT_LIMITED') = 'PERMIT_LIMITED'
         ORDER BY b.subject)
        UNION ALL
        (SELECT c.* FROM current_basis c
         WHERE c.log = %(log)s::smallint AND c.purpose = %(purpose)s
             AND c.decision = 'DENY' AND c.subject > %(after)s
             AND coalesce(%(decision)s::text, 'DENY') = 'DENY'
         ORDER BY c.subject)
        UNION ALL
        (SELECT d.* FROM current_basis d
         WHERE d.log = %(log)s::smallint AND d.purpose = %(purpose)s
             AND d.decision = 'OUT_OF_SCOPE' AND d.subject > %(after)s
             AND coalesce(%(decision)s::text, 'OUT_OF_SCOPE') = 'OUT_OF_SCOPE'
         ORDER BY d.subject)
    ) p
    ORDER BY p.subject LIMIT %(limit)s
), standing AS MATERIALIZED (
    SELECT p.subject, p.decision, p.live,
        lead(p.subject) OVER (ORDER BY p.subject) IS NULL AS last,
        p.catalogue_n = %(catalogue_n)s AND NOT p.stale AND p.since <= %(effective_at)s
            AND (p.next_change_at IS NULL OR p.next_change_at > %(effective_at)s)
            AND p.subject <> ALL (%(unsettled)s::uuid[])
            AND t.n IS NULL AS holds
    FROM page p
    LEFT JOIN LATERAL (
        SELECT y.n FROM tombstone y
        WHERE y.log = %(log)s::smallint AND y.subject = p.subject AND p.decision <> 'DENY'
        OFFSET 0) t ON true
), reach AS (
    -- To where the rows go; where there are no more of them, the rest is everybody.
    SELECT CASE WHEN (SELECT count(*) FROM standing) >= %(limit)s
        THEN (SELECT s.subject FROM standing s WHERE s.last)
        ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff' END AS subject
), unsure AS (
    SELECT s.subject FROM standing s WHERE NOT s.holds
    UNION
    SELECT u.subject FROM unnest(%(unsettled)s::uuid[]) AS u(subject)
    WHERE u.subject > %(after)s AND u.subject <= (SELECT r.subject FROM reach r)
    UNION
    SELECT t.subject FROM tombstone t
    WHERE t.log = %(log)s::smallint AND t.subject > %(after)s
        AND t.subject <= (SELECT r.subject FROM reach r)
        AND NOT EXISTS (
            SELECT FROM current_basis x
            WHERE x.log = %(log)s::smallint AND x.subject = t.subject
                AND x.purpose = %(purpose)s AND x.decision = 'DENY')
)
SELECT s.subject, NULL::bigint AS first_n, s.decision, s.live FROM standing s
WHERE s.holds AND (s.last OR %(live)s::text IS NULL OR %(live)s = ANY (s.live))
UNION ALL
SELECT u.subject, d.first_n, NULL, NULL
FROM unsure u
LEFT JOIN LATERAL (
    SELECT x.n[1] AS first_n FROM dossier x
    WHERE x.log = %(log)s::smallint AND x.subject = u.subject OFFSET 0) d ON true
ORDER BY subject
