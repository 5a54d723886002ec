-- The tailer begins again; its row is held until the rows it wrote are gone.
UPDATE follower f SET n = 0, catalogue_n = 0
WHERE f.log = %(log)s::smallint AND f.name = %(name)s
