-- What the rows of these dossiers say of themselves.
SELECT d.subject, d.version, d.head FROM dossier d
WHERE d.log = %(log)s::smallint AND d.subject = ANY (%(subjects)s)
