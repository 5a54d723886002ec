-- A time stamp over the text of a checkpoint.
INSERT INTO anchor (log, size, kind, target, evidence, anchored_at)
VALUES (
    %(log)s::smallint, %(size)s::bigint, 'rfc3161', %(target)s::text, %(evidence)s::bytea,
    %(anchored_at)s::timestamptz)
