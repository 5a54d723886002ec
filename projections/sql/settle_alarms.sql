-- Somebody has looked into what the witness said.
UPDATE witness_alarm a SET settled_at = ledger_clock()
WHERE a.log = %(log)s::smallint AND a.name = %(name)s::text AND a.settled_at IS NULL
RETURNING a.kind
