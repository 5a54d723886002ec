-- The changes that are not written yet, numbered on from the last one; the head is held.
WITH found AS MATERIALIZED (
    SELECT r.*, row_number() OVER (ORDER BY r.effective_at, r.subject, r.purpose) AS nth
    FROM jsonb_to_recordset(%(rows)s::jsonb)
        AS r(subject uuid, purpose text, effective_at timestamptz, decision_before text,
             live_before text[], decision text, live text[])
    WHERE NOT EXISTS (
        SELECT FROM time_change t
        WHERE t.log = %(log)s::smallint AND t.subject = r.subject AND t.purpose = r.purpose
            AND t.effective_at = r.effective_at)
), held AS (
    UPDATE time_change_head h SET m = h.m + (SELECT count(*) FROM found)
    WHERE h.log = %(log)s::smallint
    RETURNING h.m - (SELECT count(*) FROM found) AS m
)
INSERT INTO time_change
    (log, m, subject, purpose, effective_at, decision_before, live_before, decision, live,
     noted_at, n, catalogue_n)
SELECT %(log)s, held.m + f.nth, f.subject, f.purpose, f.effective_at, f.decision_before,
    f.live_before, f.decision, f.live, %(noted_at)s, %(n)s, %(catalogue_n)s
FROM found f CROSS JOIN held
