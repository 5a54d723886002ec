-- The streams of one log after another one, in order, with their lengths.
SELECT x.stream, max(x.version) AS version FROM entry x
WHERE x.log = %(log)s::smallint AND x.stream > %(after)s
GROUP BY x.stream ORDER BY x.stream LIMIT %(limit)s
