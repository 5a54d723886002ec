-- The restrictive entries of one log from after a place that are older than so long. The names are
-- those of the index.
SELECT x.n, x.stream, x.version, x.name, x.event_id, x.container, x.digests, x.leaf, x.leaf_hash,
    x.recorded_at, x.client
FROM entry x
WHERE x.log = %(log)s::smallint AND x.n > %(after)s::bigint AND x.name IN (
        'AuthorityEnded', 'AuthorityRestricted', 'BasisEnded', 'CompetenceAssessed',
        'ConsentInvalidated', 'ConsentRefused', 'ConsentWithdrawn', 'DeathRecorded',
        'EqualityOptOutReceived', 'ErasureExecuted', 'KeyDestroyed', 'ObjectionReceived',
        'PolicyDocumentEnded', 'PurposeMateriallyChanged', 'RestrictionApplied',
        'ServiceAgreementEnded', 'StatusEnded')
    AND x.recorded_at <= ledger_clock() - %(seconds)s::bigint * interval '1 second'
ORDER BY x.n LIMIT %(limit)s::bigint
