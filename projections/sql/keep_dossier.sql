INSERT INTO dossier AS d (log, subject, version, head, n, recorded_at, sealed)
VALUES (%(log)s, %(subject)s, %(version)s, %(head)s, %(n)s, %(recorded_at)s, %(sealed)s)
ON CONFLICT (log, subject) DO UPDATE
SET version = excluded.version, head = excluded.head, n = excluded.n,
    recorded_at = excluded.recorded_at, sealed = excluded.sealed
