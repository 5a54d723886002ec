-- The dossier of one subject, as `dossiers` reads those of many: less work where one waits alone.
SELECT %(wanted)s::uuid AS subject, d.version, d.head AS last, t.n IS NOT NULL AS destroyed,
    CASE WHEN d.head = %(known)s::bytea THEN NULL ELSE d.n END AS n,
    CASE WHEN d.head = %(known)s::bytea THEN NULL ELSE d.recorded_at END AS recorded_at,
    CASE WHEN d.head = %(known)s::bytea THEN NULL ELSE d.sealed END AS sealed,
    own.version AS own_version,
    own.n[array_upper(own.n, 1)] AS own_n,
    own.recorded_at[array_upper(own.recorded_at, 1)] AS own_recorded_at, own.head AS own_head,
    head.size, head.recorded_at AS head_recorded_at, head.leaf_hash, ledger_clock() AS now
FROM log_head head
LEFT JOIN dossier own ON own.log = 0 AND own.subject = %(own)s::uuid
LEFT JOIN dossier d ON d.log = %(log)s::smallint AND d.subject = %(wanted)s::uuid
LEFT JOIN tombstone t ON t.log = %(log)s::smallint AND t.subject = %(wanted)s::uuid
WHERE head.log = %(log)s::smallint
