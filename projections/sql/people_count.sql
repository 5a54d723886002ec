-- How many subjects of one log have a dossier or a tombstone.
SELECT (SELECT count(*) FROM dossier d WHERE d.log = %(log)s::smallint AND d.subject <> %(own)s)
    + (SELECT count(*) FROM tombstone t WHERE t.log = %(log)s::smallint
       AND NOT EXISTS (SELECT FROM dossier x WHERE x.log = t.log AND x.subject = t.subject))
    AS people
