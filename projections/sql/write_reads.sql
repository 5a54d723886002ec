-- Rows of one chain. Nobody else writes to it: one that is there already is the same row, sent
-- before by way of a connection that was lost.
INSERT INTO read_audit (
    log, chain, n, id, request, answered_at, client, reason, on_behalf_of, trace, kind, subject,
    purpose, question, position, catalogue, rulebook, effective_at, known_at, decision,
    answer_digest, stored, prev, hash)
SELECT %(log)s::smallint, %(chain)s::uuid, r.*
FROM unnest(
    %(n)s::bigint[], %(id)s::uuid[], %(request)s::uuid[], %(answered_at)s::timestamptz[],
    %(client)s::text[], %(reason)s::text[], %(on_behalf_of)s::text[], %(trace)s::text[],
    %(kind)s::text[], %(subject)s::uuid[], %(purpose)s::text[], %(question)s::text[],
    %(position)s::text[], %(catalogue)s::text[], %(rulebook)s::text[],
    %(effective_at)s::timestamptz[], %(known_at)s::timestamptz[], %(decision)s::text[],
    %(answer_digest)s::bytea[], %(stored)s::bytea[], %(prev)s::bytea[], %(hash)s::bytea[]) AS r
ON CONFLICT (log, chain, n) DO NOTHING
