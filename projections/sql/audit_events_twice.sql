-- The events that stand in a log more than once, some of them, with their places.
WITH twice AS (
    SELECT e.event_id FROM entry e WHERE e.log = %(log)s::smallint
    GROUP BY e.event_id HAVING count(*) > 1 LIMIT %(limit)s)
SELECT min(f.n) AS first_n, max(f.n) AS last_n FROM twice t
JOIN entry f ON f.log = %(log)s::smallint AND f.event_id = t.event_id
GROUP BY t.event_id
