-- Whose rows has the mere passing of time made stale?
SELECT DISTINCT b.subject FROM (
    SELECT x.subject FROM current_basis x
    WHERE x.log = %(log)s::smallint AND x.next_change_at <= %(now)s
    ORDER BY x.next_change_at LIMIT %(limit)s) b
