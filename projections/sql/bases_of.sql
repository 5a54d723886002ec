-- The kept rows of these subjects.
SELECT b.subject, b.purpose, b.decision, b.live, b.flags, b.since, b.next_change_at, b.n,
    b.catalogue_n, b.stale
FROM current_basis b
WHERE b.log = %(log)s::smallint AND b.subject = ANY (%(subjects)s)
