INSERT INTO ledger_identity (log, origin, logs, stream)
VALUES (0, %(origin)s, %(logs)s, %(stream)s) ON CONFLICT (log) DO NOTHING
