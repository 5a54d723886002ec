-- The chains that were begun in one log, the latest first.
SELECT c.log, c.chain, c.process, c.started_at FROM read_audit_chain c
WHERE c.log = %(log)s::smallint ORDER BY c.started_at DESC, c.chain
