-- Dossiers as just made, in place of any before.
INSERT INTO dossier AS d (log, subject, version, head, n, recorded_at, sealed)
SELECT %(log)s, r.subject, r.version, decode(r.head, 'base64'), r.n, r.recorded_at,
    decode(r.sealed, 'base64')
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS r(subject uuid, version bigint, head text, n bigint[], recorded_at timestamptz[],
         sealed text)
ON CONFLICT (log, subject) DO UPDATE
SET version = excluded.version, head = excluded.head, n = excluded.n,
    recorded_at = excluded.recorded_at, sealed = excluded.sealed
