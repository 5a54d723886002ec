-- What a witness said that must never be.
INSERT INTO witness_alarm (log, name, key_id, raised_at, kind, request, code, reply)
VALUES (
    %(log)s::smallint, %(name)s::text, %(key_id)s::bytea, ledger_clock(), %(kind)s::text,
    %(request)s::bytea, %(code)s::smallint, %(reply)s::bytea)
