-- No row of these subjects is left for a purpose that no catalogue declares any more.
DELETE FROM current_basis b
WHERE b.log = %(log)s::smallint AND b.subject = ANY (%(subjects)s)
    AND b.purpose <> ALL (%(purposes)s)
