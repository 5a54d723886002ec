-- Whose erasure was recorded by the request with this stamp: the identities of one person.
SELECT x.stream FROM entry x
WHERE x.log = %(log)s::smallint AND x.recorded_at = %(recorded_at)s AND x.name = 'ErasureExecuted'
ORDER BY x.n
