SELECT request, outcome, n, stream, version, name, event_id, recorded_at, leaf, leaf_hash
FROM append(
    %(log)s::smallint, %(r_client)s::text[], %(r_key)s::text[], %(r_fingerprint)s::bytea[],
    %(d_request)s::integer[], %(d_subject)s::uuid[], %(d_version)s::bigint[],
    %(d_sealed)s::bytea[], %(e_request)s::integer[], %(e_stream)s::uuid[],
    %(e_version)s::bigint[], %(e_name)s::text[], %(e_event)s::uuid[], %(e_container)s::bytea[],
    %(e_digests)s::bytea[], %(e_commitment)s::bytea[])
