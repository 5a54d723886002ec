-- The append: one call a batch, on one log, without a client round trip under the lock.

-- The clock that stamps entries.
CREATE FUNCTION ledger_clock() RETURNS timestamptz LANGUAGE sql VOLATILE
AS 'SELECT clock_timestamp()';

-- Requests come in arrays: r_* one element a request, d_* one a dossier that a request moves on
-- (with the version it expects and its new sealed bytes), e_* one an entry. `*_request` says which
-- request an element belongs to, counted from 1 and ascending; within a request the entries of one
-- stream stand together. Each request is accepted whole or not at all, and fails alone:
--   accepted           its entries, as recorded
--   replayed           the same request was accepted before: its entries, as recorded then
--   key_reused         the idempotency key stands for another request
--   version_conflict   a stream has moved on, or another request of this batch moves it
CREATE FUNCTION append(
    p_log smallint,
    r_client text[], r_key text[], r_fingerprint bytea[],
    d_request integer[], d_subject uuid[], d_version bigint[], d_sealed bytea[],
    e_request integer[], e_stream uuid[], e_version bigint[], e_name text[], e_event uuid[],
    e_container bytea[], e_digests bytea[], e_commitment bytea[]
) RETURNS TABLE (
    request integer, outcome text, n bigint, stream uuid, version bigint, name text,
    event_id uuid, recorded_at timestamptz, leaf bytea, leaf_hash bytea
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_origin text;
    v_before bigint;
    v_size bigint;
    v_stamp timestamptz;
    v_next timestamptz;
    v_outcome text[];
    v_request integer := 0;
    v_stream uuid;
    v_prev bytea;
    v_leaf bytea;
    v_hash bytea;
    v_first bigint[] := '{}';
    v_last bigint[] := '{}';
    e record;
BEGIN
    -- 1. The row lock is the sequencer: it is held to commit, so that commit order is n's order.
    SELECT h.origin, h.size, h.recorded_at INTO STRICT v_origin, v_size, v_stamp
    FROM log_head h WHERE h.log = p_log FOR UPDATE;
    v_before := v_size;
    v_next := greatest(v_stamp + interval '1 microsecond', ledger_clock());

    -- 2. What becomes of each request.
    SELECT array_agg(
        CASE WHEN seen.fingerprint = r.fingerprint THEN 'replayed'
             WHEN seen.fingerprint IS NOT NULL THEN 'key_reused'
             WHEN r.nth > 1 OR coalesce(moved.stale, false) OR coalesce(taken.stale, false)
                 THEN 'version_conflict'
             ELSE 'accepted' END ORDER BY r.i)
    INTO v_outcome
    FROM (SELECT u.client, u.key, u.fingerprint, u.i,
              CASE WHEN u.key IS NULL THEN 1
                   ELSE row_number() OVER (PARTITION BY u.client, u.key ORDER BY u.i) END AS nth
          FROM unnest(r_client, r_key, r_fingerprint)
              WITH ORDINALITY AS u(client, key, fingerprint, i)) r
    LEFT JOIN LATERAL (
        SELECT k.fingerprint FROM idempotency k
        WHERE k.log = p_log AND k.client = r.client AND k.key = r.key OFFSET 0) seen ON true
    LEFT JOIN (
        SELECT d.request, bool_or(d.nth > 1 OR coalesce(held.version, 0) <> d.version) AS stale
        FROM (SELECT u.request, u.subject, u.version,
                  row_number() OVER (PARTITION BY u.subject ORDER BY u.request) AS nth
              FROM unnest(d_request, d_subject, d_version) AS u(request, subject, version)) d
        LEFT JOIN LATERAL (
            SELECT x.version FROM dossier x
            WHERE x.log = p_log AND x.subject = d.subject OFFSET 0) held ON true
        GROUP BY d.request) moved ON moved.request = r.i
    LEFT JOIN (
        SELECT u.request, bool_or(u.nth > 1 OR held.version IS NOT NULL) AS stale
        FROM (SELECT w.request, w.stream, w.version,
                  row_number() OVER (PARTITION BY w.stream, w.version ORDER BY w.request) AS nth
              FROM unnest(e_request, e_stream, e_version) AS w(request, stream, version)) u
        LEFT JOIN LATERAL (
            SELECT x.version FROM entry x
            WHERE x.log = p_log AND x.stream = u.stream AND x.version = u.version OFFSET 0) held
            ON true
        GROUP BY u.request) taken ON taken.request = r.i;

    -- 3. Number, stamp, link and write the entries of the accepted requests.
    FOR e IN
        SELECT u.request, u.stream, u.version, u.name, u.event_id, u.container, u.digests,
            u.commitment, r_client[u.request] AS client, r_key[u.request] AS key
        FROM unnest(e_request, e_stream, e_version, e_name, e_event, e_container, e_digests,
                    e_commitment) WITH ORDINALITY
            AS u(request, stream, version, name, event_id, container, digests, commitment, i)
        WHERE v_outcome[u.request] = 'accepted' ORDER BY u.i
    LOOP
        IF e.request <> v_request THEN
            v_request := e.request;
            v_stamp := v_next;
            v_next := v_next + interval '1 microsecond';
            v_first[v_request] := v_size + 1;
        END IF;
        IF e.stream IS DISTINCT FROM v_stream THEN
            v_stream := e.stream;
            v_prev := (SELECT x.leaf_hash FROM entry x
                       WHERE x.log = p_log AND x.stream = e.stream AND x.version < e.version
                       ORDER BY x.version DESC LIMIT 1);
        END IF;
        v_size := v_size + 1;
        v_last[v_request] := v_size;
        v_leaf := convert_to(
            '{"commitment":"' || encode(e.commitment, 'base64')
            || '","event_id":"' || e.event_id::text
            || '","log":"' || v_origin
            || '","prev":"' || coalesce(encode(v_prev, 'base64'), '')
            || '","recorded_at":"'
            || to_char(v_stamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            || '","seq":' || e.version::text
            || ',"stream":"' || e.stream::text
            || '","type":"' || e.name
            || '","v":1}', 'UTF8');
        v_hash := sha256('\x00'::bytea || v_leaf);
        INSERT INTO entry (log, n, stream, version, name, event_id, container, digests, leaf,
                           leaf_hash, recorded_at, client, idempotency_key)
        VALUES (p_log, v_size, e.stream, e.version, e.name, e.event_id, e.container, e.digests,
                v_leaf, v_hash, v_stamp, e.client, e.key);
        v_prev := v_hash;
        request := e.request;
        outcome := 'accepted';
        n := v_size;
        stream := e.stream;
        version := e.version;
        name := e.name;
        event_id := e.event_id;
        recorded_at := v_stamp;
        leaf := v_leaf;
        leaf_hash := v_hash;
        RETURN NEXT;
    END LOOP;

    -- 4. Move the dossiers and the head on, and remember the requests.
    IF v_size > v_before THEN
        INSERT INTO dossier AS held (log, subject, version, head, n, recorded_at, sealed)
        SELECT p_log, d.subject, d.version + new.many, new.head, new.n, new.recorded_at, d.sealed
        FROM unnest(d_request, d_subject, d_version, d_sealed)
            AS d(request, subject, version, sealed)
        CROSS JOIN LATERAL (
            SELECT count(*) AS many, array_agg(x.n ORDER BY x.n) AS n,
                array_agg(x.recorded_at ORDER BY x.n) AS recorded_at,
                (array_agg(x.leaf_hash ORDER BY x.n DESC))[1] AS head
            FROM entry x
            WHERE x.log = p_log AND x.stream = d.subject AND x.version > d.version OFFSET 0) new
        WHERE v_outcome[d.request] = 'accepted'
        ON CONFLICT (log, subject) DO UPDATE
        SET version = excluded.version, head = excluded.head, n = held.n || excluded.n,
            recorded_at = held.recorded_at || excluded.recorded_at, sealed = excluded.sealed;

        INSERT INTO idempotency (log, client, key, fingerprint, first_n, last_n)
        SELECT p_log, r.client, r.key, r.fingerprint, v_first[r.i], v_last[r.i]
        FROM unnest(r_client, r_key, r_fingerprint)
            WITH ORDINALITY AS r(client, key, fingerprint, i)
        WHERE v_outcome[r.i] = 'accepted' AND r.key IS NOT NULL AND v_first[r.i] IS NOT NULL;

        UPDATE log_head h SET size = v_size, recorded_at = v_stamp, leaf_hash = v_hash
        WHERE h.log = p_log;
    END IF;

    -- 5. The others: a repeated request gets its entries, a conflict gets its name.
    RETURN QUERY
    SELECT r.i::integer, v_outcome[r.i], x.n, x.stream, x.version, x.name, x.event_id,
        x.recorded_at, x.leaf, x.leaf_hash
    FROM unnest(r_client, r_key) WITH ORDINALITY AS r(client, key, i)
    LEFT JOIN idempotency k
        ON v_outcome[r.i] = 'replayed' AND k.log = p_log AND k.client = r.client AND k.key = r.key
    LEFT JOIN entry x ON x.log = p_log AND x.n BETWEEN k.first_n AND k.last_n
    WHERE v_outcome[r.i] <> 'accepted'
    ORDER BY r.i, x.n;
END $$;
