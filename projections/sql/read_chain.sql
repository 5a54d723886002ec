-- Rows of one chain in order, from after one of them.
SELECT a.log, a.chain, a.n, a.id, a.request, a.answered_at, a.client, a.reason, a.on_behalf_of, a.trace,
    a.kind, a.subject, a.purpose, a.question, a.position, a.catalogue, a.rulebook, a.effective_at,
    a.known_at, a.decision, a.answer_digest, a.stored, a.prev, a.hash
FROM read_audit a
WHERE a.log = %(log)s::smallint AND a.chain = %(chain)s AND a.n > %(after)s
ORDER BY a.n LIMIT %(limit)s
