-- The append: one call a batch, on one log, without a client round trip under the lock.

-- The clock that stamps entries.
CREATE FUNCTION ledger_clock() RETURNS timestamptz LANGUAGE sql VOLATILE
AS 'SELECT clock_timestamp()';

-- Requests come in arrays: r_* one element a request, d_* one a stream that a request adds to (with
-- the version it expects and its dossier's new sealed bytes), e_* one an entry. `*_request` says
-- which request an element belongs to, counted from 1 and ascending; within a request the entries
-- stand in the order of its streams, and by version. Requests are taken in order, each as if it
-- came alone; each is accepted whole or not at all, and fails alone:
--   accepted           its entries, as recorded
--   replayed           the same request was accepted before: its entries, as recorded then
--   key_reused         the idempotency key stands for another request
--   version_conflict   a stream is not where the request expects it
-- An error is a fault of the caller, and refuses the whole batch.
--
-- A stream that nobody asks questions about is kept without sealed bytes, numbers and stamps; it
-- stays one of that kind.
--
-- Every row is looked up by the whole primary key, on tables that have no other index, without
-- sequential scans and with one plan for ever: what was planned while the tables were small must
-- not read all of a large one under the lock.
CREATE FUNCTION append(
    p_log smallint,
    r_client text[], r_key text[], r_fingerprint bytea[],
    d_request integer[], d_subject uuid[], d_version bigint[], d_sealed bytea[],
    e_request integer[], e_stream uuid[], e_version bigint[], e_name text[], e_event uuid[],
    e_container bytea[], e_digests bytea[], e_commitment bytea[]
) RETURNS TABLE (
    request integer, outcome text, n bigint, stream uuid, version bigint, name text,
    event_id uuid, recorded_at timestamptz, leaf bytea, leaf_hash bytea
) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_origin text;
    v_before bigint;
    v_size bigint;
    v_stamp timestamptz;
    v_next timestamptz;
    v_seen record;
    v_held record;
    v_conflict boolean;
    -- The streams and the entries of the request at hand, by their places in the arrays.
    d_first integer;
    d_last integer := 0;
    e_first integer;
    e_last integer := 0;
    d integer;
    v_heads bytea[];
    v_many integer;
    v_numbers bigint[];
    v_prev bytea;
    v_leaf bytea;
    v_hash bytea;
    v_first bigint;
BEGIN
    -- 1. The row lock is the sequencer: it is held to commit, so that commit order is n's order.
    SELECT h.origin, h.size, h.recorded_at INTO STRICT v_origin, v_size, v_stamp
    FROM log_head h WHERE h.log = p_log FOR UPDATE;
    v_before := v_size;
    v_next := greatest(v_stamp + interval '1 microsecond', ledger_clock());

    FOR r IN 1 .. cardinality(r_client) LOOP
        e_first := e_last + 1;
        WHILE e_request[e_last + 1] = r LOOP e_last := e_last + 1; END LOOP;
        d_first := d_last + 1;
        WHILE d_request[d_last + 1] = r LOOP d_last := d_last + 1; END LOOP;

        -- 2. A repeated request gets its entries; another one under its key gets none.
        SELECT k.fingerprint, k.first_n, k.last_n INTO v_seen FROM idempotency k
        WHERE k.log = p_log AND k.client = r_client[r] AND k.key = r_key[r];
        IF FOUND AND v_seen.fingerprint <> r_fingerprint[r] THEN
            RETURN QUERY SELECT r, 'key_reused', NULL::bigint, NULL::uuid, NULL::bigint, NULL::text,
                NULL::uuid, NULL::timestamptz, NULL::bytea, NULL::bytea;
            CONTINUE;
        ELSIF FOUND THEN
            RETURN QUERY
            SELECT r, 'replayed', x.n, x.stream, x.version, x.name, x.event_id, x.recorded_at,
                x.leaf, x.leaf_hash
            FROM generate_series(v_seen.first_n, v_seen.last_n) AS g(n)
            CROSS JOIN LATERAL (
                SELECT y.* FROM entry y WHERE y.log = p_log AND y.n = g.n OFFSET 0) x
            ORDER BY x.n;
            CONTINUE;
        END IF;

        -- 3. Is each stream where the request expects it?
        v_conflict := false;
        FOR s IN d_first .. d_last LOOP
            SELECT x.version, x.head, x.sealed = '' AS bare INTO v_held FROM dossier x
            WHERE x.log = p_log AND x.subject = d_subject[s];
            v_heads[s] := v_held.head;
            v_conflict := v_conflict OR d_version[s] <> coalesce(v_held.version, 0)
                OR v_held.bare <> (d_sealed[s] = '');
        END LOOP;
        IF v_conflict THEN
            RETURN QUERY SELECT r, 'version_conflict', NULL::bigint, NULL::uuid, NULL::bigint,
                NULL::text, NULL::uuid, NULL::timestamptz, NULL::bytea, NULL::bytea;
            CONTINUE;
        END IF;

        -- 4. Number, stamp, link and write its entries, and move its streams on.
        v_first := v_size + 1;
        d := d_first - 1;
        FOR e IN e_first .. e_last LOOP
            IF e = e_first THEN
                v_stamp := v_next;
                v_next := v_next + interval '1 microsecond';
            END IF;
            IF e = e_first OR e_stream[e] <> e_stream[e - 1] THEN
                d := d + 1;
                v_many := 0;
                v_prev := v_heads[d];
            END IF;
            v_many := v_many + 1;
            IF d > d_last OR e_stream[e] <> d_subject[d] OR e_version[e] <> d_version[d] + v_many
            THEN
                RAISE EXCEPTION 'an entry is not the next one of a stream of its request'
                    USING ERRCODE = 'check_violation';
            ELSIF octet_length(e_commitment[e]) <> 32 THEN
                RAISE EXCEPTION 'a commitment is no SHA-256' USING ERRCODE = 'check_violation';
            END IF;
            v_size := v_size + 1;
            v_leaf := convert_to(
                '{"commitment":"' || encode(e_commitment[e], 'base64')
                || '","event_id":"' || e_event[e]::text
                || '","log":"' || v_origin
                || '","prev":"' || coalesce(encode(v_prev, 'base64'), '')
                || '","recorded_at":"'
                || to_char(v_stamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                || '","seq":' || e_version[e]::text
                || ',"stream":"' || e_stream[e]::text
                || '","type":"' || e_name[e]
                || '","v":1}', 'UTF8');
            v_hash := sha256('\x00'::bytea || v_leaf);
            INSERT INTO entry (log, n, stream, version, name, event_id, container, digests, leaf,
                               leaf_hash, recorded_at, client, idempotency_key)
            VALUES (p_log, v_size, e_stream[e], e_version[e], e_name[e], e_event[e],
                    e_container[e], e_digests[e], v_leaf, v_hash, v_stamp, r_client[r], r_key[r]);
            v_prev := v_hash;
            request := r;
            outcome := 'accepted';
            n := v_size;
            stream := e_stream[e];
            version := e_version[e];
            name := e_name[e];
            event_id := e_event[e];
            recorded_at := v_stamp;
            leaf := v_leaf;
            leaf_hash := v_hash;
            RETURN NEXT;
            CONTINUE WHEN e < e_last AND e_stream[e + 1] = e_stream[e];
            v_numbers := CASE WHEN d_sealed[d] <> ''
                THEN ARRAY(SELECT generate_series(v_size - v_many + 1, v_size)) ELSE '{}' END;
            INSERT INTO dossier AS held (log, subject, version, head, n, recorded_at, sealed)
            VALUES (p_log, e_stream[e], e_version[e], v_hash, v_numbers,
                    array_fill(v_stamp, ARRAY[cardinality(v_numbers)]), d_sealed[d])
            ON CONFLICT (log, subject) DO UPDATE
            SET version = excluded.version, head = excluded.head, n = held.n || excluded.n,
                recorded_at = held.recorded_at || excluded.recorded_at, sealed = excluded.sealed;
        END LOOP;

        -- 5. Remember the request.
        IF d < d_last THEN
            RAISE EXCEPTION 'a stream of a request gets no entry' USING ERRCODE = 'check_violation';
        ELSIF v_size >= v_first THEN
            INSERT INTO idempotency (log, client, key, fingerprint, first_n, last_n)
            VALUES (p_log, r_client[r], r_key[r], r_fingerprint[r], v_first, v_size);
        END IF;
    END LOOP;

    IF e_last < cardinality(e_request) OR d_last < cardinality(d_request) THEN
        RAISE EXCEPTION 'an entry or a stream belongs to no request'
            USING ERRCODE = 'check_violation';
    END IF;

    -- 6. Move the head on.
    IF v_size > v_before THEN
        UPDATE log_head h SET size = v_size, recorded_at = v_stamp, leaf_hash = v_hash
        WHERE h.log = p_log;
    END IF;
END $$;
