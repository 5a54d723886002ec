DELETE FROM current_basis b WHERE b.log = %(log)s::smallint
