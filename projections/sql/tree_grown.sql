-- The tiles take so many leaves into account.
INSERT INTO tree AS held (log, size) VALUES (%(log)s::smallint, %(size)s::bigint)
ON CONFLICT (log) DO UPDATE SET size = excluded.size
