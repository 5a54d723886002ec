-- The dossiers of some subjects of one log and of the ledger's own stream, with both heads and the
-- clock, in one snapshot. One that is known up to its last entry, by the hash of that, is left out.
SELECT s.subject, d.version, d.head AS last, t.n IS NOT NULL AS destroyed,
    CASE WHEN d.head = s.known THEN NULL ELSE d.n END AS n,
    CASE WHEN d.head = s.known THEN NULL ELSE d.recorded_at END AS recorded_at,
    CASE WHEN d.head = s.known THEN NULL ELSE d.sealed END AS sealed,
    own.version AS own_version, own.n[array_upper(own.n, 1)] AS own_n,
    own.recorded_at[array_upper(own.recorded_at, 1)] AS own_recorded_at, own.head AS own_head,
    head.size, head.recorded_at AS head_recorded_at, head.leaf_hash, ledger_clock() AS now
FROM unnest(%(subjects)s::uuid[], %(known)s::bytea[]) WITH ORDINALITY AS s(subject, known, i)
CROSS JOIN LATERAL (
    SELECT h.size, h.recorded_at, h.leaf_hash FROM log_head h
    WHERE h.log = %(log)s::smallint OFFSET 0) head
LEFT JOIN LATERAL (
    SELECT x.version, x.n, x.recorded_at, x.head FROM dossier x
    WHERE x.log = 0 AND x.subject = %(own)s::uuid OFFSET 0) own ON true
LEFT JOIN LATERAL (
    SELECT x.version, x.n, x.recorded_at, x.head, x.sealed FROM dossier x
    WHERE x.log = %(log)s::smallint AND x.subject = s.subject OFFSET 0) d ON true
LEFT JOIN LATERAL (
    SELECT x.n FROM tombstone x
    WHERE x.log = %(log)s::smallint AND x.subject = s.subject OFFSET 0) t ON true
ORDER BY s.i
