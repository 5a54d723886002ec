INSERT INTO erasure (log, n, plan) VALUES (%(log)s::smallint, %(n)s, %(plan)s)
ON CONFLICT (log, n) DO NOTHING
