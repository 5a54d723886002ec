-- How far this follower has come, for whoever only looks.
SELECT f.n, f.catalogue_n FROM follower f
WHERE f.log = %(log)s::smallint AND f.name = %(name)s
