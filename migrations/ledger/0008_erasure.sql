-- Erasure: what the eraser does beside emptying containers and leaves, and what it must remember.

-- Which erasures of this stream, or of all, are recorded, and which of them are completed?
CREATE INDEX entry_of_erasure ON entry (log, stream, n)
    WHERE name IN ('ErasureExecuted', 'KeyDestroyed');

-- What must still be known of an erasure once the keys are gone: written before they are, and
-- removed once it is recorded that they were.
CREATE TABLE erasure (
    log smallint NOT NULL,
    n bigint NOT NULL CHECK (n >= 1),
    plan text NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log, n)
);

GRANT SELECT, INSERT, DELETE ON erasure TO ledger_eraser;
GRANT SELECT ON erasure, log_head TO ledger_eraser;
GRANT SELECT ON erasure TO ledger_app, ledger_reader;
GRANT EXECUTE ON FUNCTION ledger_clock TO ledger_eraser;

-- The person whose erasure stands at this place: their dossier holds nothing more, a tombstone
-- says so, and no list or change is about them. The dossier's row stays, with the stream's version
-- and head: what is recorded of the erasure itself goes on from there. 0 stands for an erasure that
-- a restored backup does not have.
CREATE FUNCTION bury(p_log smallint, p_subject uuid, p_n bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    -- An append that saw the dossier whole is over, and the next one sees that it is not.
    PERFORM 1 FROM log_head h WHERE h.log = p_log FOR UPDATE;
    IF p_n > 0 AND NOT EXISTS (
        SELECT FROM entry e
        WHERE e.log = p_log AND e.n = p_n AND e.stream = p_subject AND e.name = 'ErasureExecuted'
    ) THEN
        RAISE EXCEPTION 'no erasure of this stream stands there' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO tombstone (log, subject, n) VALUES (p_log, p_subject, p_n)
    ON CONFLICT (log, subject) DO NOTHING;
    UPDATE dossier d SET n = '{}', recorded_at = '{}', sealed = ''
    WHERE d.log = p_log AND d.subject = p_subject AND d.sealed <> '';
    DELETE FROM current_basis b WHERE b.log = p_log AND b.subject = p_subject;
    UPDATE time_change c
    SET purpose = NULL, effective_at = NULL, decision_before = NULL, live_before = NULL,
        decision = NULL, live = NULL
    WHERE c.log = p_log AND c.subject = p_subject AND c.purpose IS NOT NULL;
END $$;

-- The fingerprint of a request is an unsalted hash of what it recorded: who knows all but a date of
-- birth would find that. Emptied, it is no request's: the key cannot be used again.
CREATE FUNCTION forget_requests(p_log smallint, p_numbers bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    UPDATE idempotency k SET fingerprint = ''
    FROM entry e
    WHERE e.log = p_log AND e.n = ANY (p_numbers)
      AND k.log = p_log AND k.client = e.client AND k.key = e.idempotency_key;
END $$;

-- What an erasure says of itself is stored in clear: an auditor, who may read no content, holds
-- emptied leaves against it.
CREATE FUNCTION erasure_notices(p_log smallint, p_after bigint, p_limit integer)
RETURNS TABLE (
    n bigint, stream uuid, version bigint, name text, event_id uuid, container bytea,
    digests bytea, leaf bytea, leaf_hash bytea, recorded_at timestamptz, client text
) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp
SET enable_seqscan = off
AS $$
    SELECT e.n, e.stream, e.version, e.name, e.event_id, e.container, e.digests, e.leaf,
        e.leaf_hash, e.recorded_at, e.client
    FROM entry e
    WHERE e.log = p_log AND e.name = 'KeyDestroyed' AND e.n > p_after
    ORDER BY e.n LIMIT p_limit
$$;

REVOKE ALL ON FUNCTION bury, forget_requests, erasure_notices FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bury, forget_requests TO ledger_eraser;
GRANT EXECUTE ON FUNCTION erasure_notices TO ledger_auditor, ledger_app, ledger_reader, ledger_eraser;
