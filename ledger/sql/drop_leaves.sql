-- The leaves of a stream before this place, but for those of what is said of its erasure.
UPDATE entry x SET leaf = '', container = ''
WHERE x.log = %(log)s::smallint AND x.stream = %(stream)s AND x.n < %(n)s
    AND x.name <> 'KeyDestroyed' AND (x.leaf <> '' OR x.container <> '')
