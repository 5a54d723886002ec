-- What requests start from, in one snapshot: the dossiers of their streams, as `dossiers` reads
-- them, each with the request that was accepted under the key, if any was.
SELECT k.fingerprint, s.subject, d.version, d.head AS last, d.n, d.recorded_at, d.sealed,
    t.n IS NOT NULL AS destroyed, own.version AS own_version,
    own.n[array_upper(own.n, 1)] AS own_n,
    own.recorded_at[array_upper(own.recorded_at, 1)] AS own_recorded_at, own.head AS own_head,
    head.size, head.recorded_at AS head_recorded_at, head.leaf_hash, ledger_clock() AS now
FROM unnest(%(subjects)s::uuid[], %(clients)s::text[], %(keys)s::text[])
    WITH ORDINALITY AS s(subject, client, key, i)
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
LEFT JOIN LATERAL (
    SELECT x.fingerprint FROM idempotency x
    WHERE x.log = %(log)s::smallint AND x.client = s.client AND x.key = s.key OFFSET 0) k ON true
ORDER BY s.i
