-- Dossiers of which there is no entry.
DELETE FROM dossier d WHERE d.log = %(log)s::smallint
    AND NOT EXISTS (SELECT FROM entry x WHERE x.log = d.log AND x.stream = d.subject)
