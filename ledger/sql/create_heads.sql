-- One head a log. The names in leaves are the ledger's origin and the number of the log.
INSERT INTO log_head (log, origin)
SELECT l.log, i.origin || '/' || l.log
FROM ledger_identity i CROSS JOIN LATERAL generate_series(0, i.logs - 1) AS l(log)
WHERE i.log = 0 ON CONFLICT (log) DO NOTHING
