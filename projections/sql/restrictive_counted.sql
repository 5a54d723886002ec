-- How many restrictive entries of one log came after a place and are older than so long, up to a
-- limit, and the first of them. The names are those of the index.
WITH late AS (
    SELECT x.n, x.leaf_hash, x.recorded_at FROM entry x
    WHERE x.log = %(log)s::smallint AND x.n > %(after)s::bigint AND x.name IN (
        'AuthorityEnded', 'AuthorityRestricted', 'BasisEnded', 'CompetenceAssessed',
        'ConsentInvalidated', 'ConsentRefused', 'ConsentWithdrawn', 'DeathRecorded',
        'EqualityOptOutReceived', 'ErasureExecuted', 'KeyDestroyed', 'ObjectionReceived',
        'PolicyDocumentEnded', 'PurposeMateriallyChanged', 'RestrictionApplied',
        'ServiceAgreementEnded', 'StatusEnded')
        AND x.recorded_at <= ledger_clock() - %(seconds)s::bigint * interval '1 second'
    ORDER BY x.n LIMIT %(limit)s::bigint)
SELECT (SELECT count(*) FROM late) AS count, l.n, l.leaf_hash, l.recorded_at
FROM late l ORDER BY l.n LIMIT 1
