-- A key with which the log signs.
INSERT INTO log_key (log, vkey, use)
VALUES (%(log)s::smallint, %(vkey)s::text, %(use)s::text)
ON CONFLICT (log, vkey) DO NOTHING
