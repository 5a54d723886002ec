-- What was told about this person for these purposes that permits something at such a moment.
SELECT a.id, a.client, a.reason, a.on_behalf_of, a.answered_at, a.kind, a.purpose, a.question,
    a.effective_at, a.known_at, a.decision
FROM read_audit a
WHERE a.log = %(log)s::smallint AND a.subject = %(subject)s AND a.purpose = ANY (%(purposes)s)
    AND a.decision IN ('PERMIT', 'PERMIT_LIMITED')
    AND a.effective_at >= %(start)s AND a.effective_at < %(end)s
ORDER BY a.id
