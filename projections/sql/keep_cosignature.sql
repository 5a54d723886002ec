-- A witness's cosignature; the same line again is the same cosignature.
INSERT INTO cosignature (log, size, name, key_id, cosigned_at, line, received_at)
VALUES (
    %(log)s::smallint, %(size)s::bigint, %(name)s::text, %(key_id)s::bytea,
    to_timestamp(%(time)s::bigint), %(line)s::text, ledger_clock())
ON CONFLICT (log, size, name, key_id, cosigned_at) DO NOTHING
