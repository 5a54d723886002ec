-- The rows of some subjects as just computed, in place of any before.
INSERT INTO current_basis AS b
    (log, subject, purpose, decision, live, flags, since, next_change_at, n, catalogue_n)
SELECT %(log)s, r.subject, r.purpose, r.decision, r.live, r.flags, r.since, r.next_change_at,
    %(n)s, %(catalogue_n)s
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS r(subject uuid, purpose text, decision text, live text[], flags text[], since timestamptz,
         next_change_at timestamptz)
ON CONFLICT (log, subject, purpose) DO UPDATE
SET decision = excluded.decision, live = excluded.live, flags = excluded.flags,
    since = excluded.since, next_change_at = excluded.next_change_at, n = excluded.n,
    catalogue_n = excluded.catalogue_n, stale = false
