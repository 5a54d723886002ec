UPDATE follower f SET n = %(n)s, catalogue_n = %(catalogue_n)s
WHERE f.log = %(log)s::smallint AND f.name = %(name)s
