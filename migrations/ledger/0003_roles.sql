-- Who may do what. Nobody may change an entry but the eraser, who may only empty what it seals.
-- Roles belong to the whole server: another database of it may have made them already.

DO $$
DECLARE
    v_role text;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['ledger_app', 'ledger_reader', 'ledger_auditor', 'ledger_eraser']
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append TO ledger_app;
GRANT EXECUTE ON FUNCTION ledger_clock TO ledger_app, ledger_reader, ledger_auditor;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO ledger_app, ledger_reader;
GRANT SELECT (log, n, stream, version, name, event_id, digests, leaf, leaf_hash, recorded_at)
    ON entry TO ledger_auditor;
GRANT SELECT ON ledger_identity, log_head TO ledger_auditor;
GRANT SELECT ON entry TO ledger_eraser;
GRANT UPDATE (container, leaf) ON entry TO ledger_eraser;

-- Derived tables may be rebuilt from the entries at any time.
GRANT INSERT, UPDATE, DELETE ON current_basis, follower TO ledger_app;
