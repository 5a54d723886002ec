-- How far a log is, its tree and its checkpoints, and what there is outside of that: one snapshot.
SELECT i.origin, i.logs, i.stream, h.origin AS head_origin, h.size, h.leaf_hash,
    timestamptz_send(h.recorded_at) AS stamp,
    coalesce((SELECT t.size FROM tree t WHERE t.log = h.log), 0) AS tree_size,
    coalesce((SELECT max(c.size) FROM checkpoint c WHERE c.log = h.log), 0) AS checkpoint_size,
    (SELECT min(e.n) FROM entry e WHERE e.log = h.log) AS first_n,
    (SELECT min(e.n) FROM entry e WHERE e.log = h.log AND e.n > h.size) AS beyond_n,
    (SELECT max(e.n) FROM entry e WHERE e.log = h.log) AS last_n
FROM ledger_identity i JOIN log_head h ON h.log = %(log)s::smallint
WHERE i.log = 0
