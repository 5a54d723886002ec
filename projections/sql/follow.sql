-- Begin to follow; a row comes back where nobody followed under this name before.
INSERT INTO follower (log, name) VALUES (%(log)s, %(name)s) ON CONFLICT (log, name) DO NOTHING
RETURNING n
