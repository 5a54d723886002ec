-- Nobody else numbers changes of this log until this transaction ends.
INSERT INTO time_change_head AS h (log) VALUES (%(log)s)
ON CONFLICT (log) DO UPDATE SET m = h.m
