-- The next containers of a stream, held against whoever else would change them.
SELECT x.n, x.version, x.name, x.event_id, x.container FROM entry x
WHERE x.log = %(log)s::smallint AND x.stream = %(stream)s AND x.version > %(after)s
ORDER BY x.version LIMIT %(limit)s FOR UPDATE
