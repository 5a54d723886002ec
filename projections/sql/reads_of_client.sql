-- At whom this client looked, in the order of time.
SELECT a.log, a.chain, a.n, a.id, a.request, a.answered_at, a.client, a.reason, a.on_behalf_of, a.trace,
    a.kind, a.subject, a.purpose, a.question, a.position, a.catalogue, a.rulebook, a.effective_at,
    a.known_at, a.decision, a.answer_digest, a.stored, a.prev, a.hash
FROM read_audit a
WHERE a.log = %(log)s::smallint AND a.client = %(client)s
    AND a.id > %(after)s AND a.id < %(last)s
    AND a.answered_at >= %(since)s AND a.answered_at < %(until)s
    AND (a.id < %(settled)s OR EXISTS (
        SELECT FROM unnest(%(chains)s::uuid[], %(heads)s::bigint[]) AS c(chain, n)
        WHERE c.chain = a.chain AND a.n <= c.n))
ORDER BY a.id LIMIT %(limit)s
