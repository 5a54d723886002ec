-- Dossiers and kept rows about somebody of whom the log has no entry.
SELECT (SELECT count(*) FROM dossier d WHERE d.log = %(log)s::smallint
        AND NOT EXISTS (SELECT FROM entry x WHERE x.log = d.log AND x.stream = d.subject))
     + (SELECT count(*) FROM current_basis b WHERE b.log = %(log)s::smallint
        AND NOT EXISTS (SELECT FROM entry x WHERE x.log = b.log AND x.stream = b.subject))
    AS n
