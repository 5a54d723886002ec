SELECT x.version, x.n, x.recorded_at, x.sealed FROM dossier x
WHERE x.log = 0 AND x.subject = %(own)s::uuid
