-- Which entries may start the clock of a duty, or bring one along? Every other entry stays out of it.
CREATE INDEX entry_of_duty ON entry (log, stream) WHERE name IN (
    'ComplaintReceived', 'EntryReattributed', 'ErasureRequested', 'IdentityMerged',
    'ObjectionReceived');
