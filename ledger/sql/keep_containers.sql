UPDATE entry x SET container = new.container
FROM unnest(%(numbers)s::bigint[], %(containers)s::bytea[]) AS new (n, container)
WHERE x.log = %(log)s::smallint AND x.n = new.n
