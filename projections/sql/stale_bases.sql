-- No list takes the rows any more; each stays until it is computed again.
UPDATE current_basis b SET stale = true WHERE b.log = %(log)s::smallint AND NOT b.stale
