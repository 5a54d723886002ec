-- Nothing is appended to the log until this transaction ends.
SELECT h.size AS n FROM log_head h WHERE h.log = %(log)s::smallint FOR UPDATE
