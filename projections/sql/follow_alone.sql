-- Whoever followed by another rule book stops; waits for a step of theirs.
DELETE FROM follower f
WHERE f.log = %(log)s::smallint AND f.name <> %(name)s AND starts_with(f.name, %(prefix)s)
RETURNING f.n
