-- The entries stamped like the one before them and of another request, or the other way about.
SELECT x.n FROM (
    SELECT e.n, e.recorded_at = lag(e.recorded_at) OVER w AS together,
        e.client IS NOT DISTINCT FROM lag(e.client) OVER w
            AND e.idempotency_key IS NOT DISTINCT FROM lag(e.idempotency_key) OVER w AS one
    FROM entry e WHERE e.log = %(log)s::smallint WINDOW w AS (ORDER BY e.n)) x
WHERE x.together <> x.one ORDER BY x.n LIMIT %(limit)s
