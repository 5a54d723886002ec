-- That something changed for an erased person stays, and not what.
UPDATE time_change t
SET purpose = NULL, effective_at = NULL, decision_before = NULL, live_before = NULL,
    decision = NULL, live = NULL
WHERE t.log = %(log)s::smallint AND t.subject = ANY (%(subjects)s) AND t.purpose IS NOT NULL
