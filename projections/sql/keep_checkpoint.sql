-- A signed checkpoint.
INSERT INTO checkpoint (log, size, root, note)
VALUES (%(log)s::smallint, %(size)s::bigint, %(root)s::bytea, %(note)s::text)
