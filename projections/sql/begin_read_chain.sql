-- A chain begins, now.
INSERT INTO read_audit_chain (log, chain, process, started_at)
VALUES (%(log)s::smallint, %(chain)s, %(process)s, ledger_clock())
RETURNING log, chain, process, started_at
