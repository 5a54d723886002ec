-- How far this follower has come, for whoever holds the row: another one waits elsewhere.
SELECT f.n, f.catalogue_n FROM follower f
WHERE f.log = %(log)s::smallint AND f.name = %(name)s
FOR UPDATE SKIP LOCKED
