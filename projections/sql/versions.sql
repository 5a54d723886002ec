-- How many entries these streams have.
SELECT s.stream, coalesce(x.version, 0) AS version
FROM unnest(%(streams)s::uuid[]) AS s(stream)
LEFT JOIN LATERAL (
    SELECT max(y.version) AS version FROM entry y
    WHERE y.log = %(log)s::smallint AND y.stream = s.stream) x ON true
