-- Whose streams have entries between two places of the log?
SELECT DISTINCT x.stream AS subject FROM entry x
WHERE x.log = %(log)s::smallint AND x.n > %(after)s AND x.n <= %(until)s AND x.stream <> %(own)s
