-- How many entries of the log are covered by a checkpoint.
SELECT coalesce(max(c.size), 0) AS size FROM checkpoint c WHERE c.log = %(log)s::smallint
