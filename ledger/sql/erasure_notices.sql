-- What was recorded of completed erasures, of everybody, in order.
SELECT n, stream, version, name, event_id, container, digests, leaf, leaf_hash, recorded_at, client
FROM erasure_notices(%(log)s::smallint, %(after)s, %(limit)s)
