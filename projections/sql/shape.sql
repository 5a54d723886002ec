-- Whether the log is as long as its head says, without gaps, and ends as its head says.
SELECT h.size, h.leaf_hash,
    (SELECT count(*) FROM entry x WHERE x.log = h.log AND x.n <= h.size) AS entries,
    (SELECT max(x.n) FROM entry x WHERE x.log = h.log) AS last_n,
    (SELECT x.leaf_hash FROM entry x WHERE x.log = h.log AND x.n = h.size) AS last_hash
FROM log_head h WHERE h.log = %(log)s::smallint
