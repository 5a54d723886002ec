INSERT INTO tombstone (log, subject, n) VALUES (%(log)s, %(subject)s, %(n)s)
ON CONFLICT (log, subject) DO NOTHING
