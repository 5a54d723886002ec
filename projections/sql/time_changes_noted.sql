-- How many changes by time of one log are written.
SELECT coalesce((
    SELECT h.m FROM time_change_head h WHERE h.log = %(log)s::smallint), 0) AS m
