SELECT h.size, h.recorded_at, h.leaf_hash, ledger_clock() AS now FROM log_head h
WHERE h.log = %(log)s::smallint
