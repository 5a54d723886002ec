-- The service's role may use the keys; it destroys one by emptying it, and never forgets that.
-- Roles belong to the whole server: another database of it may have made this one already.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_app') THEN
        BEGIN
            CREATE ROLE ledger_app NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
END $$;

GRANT SELECT, INSERT, UPDATE ON subject_key, index_key, subject_index TO ledger_app;
GRANT SELECT, INSERT ON kek_retired TO ledger_app;
GRANT DELETE ON subject_index TO ledger_app;
GRANT SELECT ON schema_migration TO ledger_app;
