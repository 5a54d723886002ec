-- A secret without an end.
INSERT INTO feed_secret (log, client, name, version, made_at, kek_id, wrapped, public)
VALUES (%(log)s::smallint, %(client)s::text, %(name)s::text, %(version)s::integer, ledger_clock(),
    %(kek_id)s::text, %(wrapped)s::bytea, %(public)s::bytea)
