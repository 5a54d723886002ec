-- The streams of the log in which the clock of a duty may have started, after another one, in order.
SELECT DISTINCT e.stream AS subject FROM entry e
WHERE e.log = %(log)s::smallint AND e.stream > %(after)s::uuid AND e.name IN (
    'ComplaintReceived', 'EntryReattributed', 'ErasureRequested', 'IdentityMerged',
    'ObjectionReceived')
ORDER BY e.stream
LIMIT %(limit)s
