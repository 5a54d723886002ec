SELECT bury(%(log)s::smallint, %(stream)s, %(n)s)
