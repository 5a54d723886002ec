-- What is planned for an erasure, and since how many seconds.
SELECT x.plan, extract(epoch FROM clock_timestamp() - x.begun_at)::float8 AS age_s
FROM erasure x WHERE x.log = %(log)s::smallint AND x.n = %(n)s
