-- The person is erased: their dossier holds nothing but where their stream stands.
WITH kept AS (
    INSERT INTO tombstone (log, subject, n) VALUES (%(log)s, %(subject)s, %(n)s)
    ON CONFLICT (log, subject) DO NOTHING)
INSERT INTO dossier AS d (log, subject, version, head, n, recorded_at, sealed)
VALUES (%(log)s, %(subject)s, %(version)s, %(head)s, '{}', '{}', '')
ON CONFLICT (log, subject) DO UPDATE
SET version = excluded.version, head = excluded.head, n = excluded.n,
    recorded_at = excluded.recorded_at, sealed = excluded.sealed
