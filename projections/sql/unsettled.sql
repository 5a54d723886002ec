-- Whose rows do not say how they stood at a pinned position and moment: who has later entries or
-- such as are not followed yet, whose row time has made stale, and whom time has changed since.
-- Where it is `many` rows, not everybody may be there.
SELECT q.subject FROM (
    (SELECT e.stream AS subject FROM entry e
     WHERE e.log = %(log)s::smallint AND e.n > %(after_n)s AND e.stream <> %(own)s
     ORDER BY e.n LIMIT %(many)s)
    UNION ALL
    (SELECT b.subject FROM current_basis b
     WHERE b.log = %(log)s::smallint AND b.next_change_at <= %(effective_at)s
     ORDER BY b.next_change_at LIMIT %(many)s)
    UNION ALL
    (SELECT t.subject FROM time_change t
     WHERE t.log = %(log)s::smallint AND t.m > %(noted)s
     ORDER BY t.m LIMIT %(many)s)
) q
LIMIT %(many)s
